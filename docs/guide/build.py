"""Build the guide as a static site: `pip install '.[docs]' && python docs/guide/build.py OUT`.

The pages are the Markdown files of `docs/`, whose examples the tests run, the pages `reference.py` writes, and the
contributor's guide. Sphinx checks every link between them; a warning ends the build. `llms.txt` (https://llmstxt.org)
lists the pages for language models, and each page lies beside its HTML as Markdown too.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from reference import pages
from sphinx.cmd.build import main as sphinx

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EVIDENCE = re.compile(r"<!-- evidence.*?-->\n(.*?)<!-- /evidence -->\n", re.DOTALL)
"""The table of the README; the page on accuracy has a link to it in the same place."""
HEADING = re.compile(r"\A# (.+)\n+((?:(?!```)[^#\n].*\n)*)")


def main() -> int:
    """Make the folder anew; the exit code is Sphinx's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make")
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        collect(source)
        code = sphinx(["-q", "-W", "--keep-going", "-c", str(HERE), str(source), str(out)])
        for page in source.glob("*.md"):
            shutil.copy(page, out / page.name)
        (out / "llms.txt").write_text(index(source), "utf-8")
    shutil.rmtree(out / ".doctrees", ignore_errors=True)
    return int(code)


def collect(source: Path) -> None:
    """All pages side by side."""
    for page in (ROOT / "docs").glob("*.md"):
        here = page.read_text("utf-8").replace("](../CONTRIBUTING.md", "](contributing.md")
        (source / page.name).write_text(here, "utf-8")
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").replace("](docs/", "](").replace("](README.md", "](index.md")
    (source / "contributing.md").write_text(text, "utf-8")
    table = EVIDENCE.search((ROOT / "README.md").read_text("utf-8"))
    accuracy = source / "accuracy.md"
    accuracy.write_text(EVIDENCE.sub(lambda _: table[1] if table else "", accuracy.read_text("utf-8")), "utf-8")
    for name, text in pages():
        (source / f"{name}.md").write_text(text, "utf-8")


def index(source: Path) -> str:
    """The file `llms.txt`: a link and a sentence for each page, in the order of the guide."""
    start = (source / "index.md").read_text("utf-8")
    names = re.findall(r"^([a-z-]+)$", start, re.MULTILINE)
    lines = ["# paramcalc", "", "> " + summary(start)[1], ""]
    lines += [f"- [{title}]({name}.md): {text}".rstrip(": ") for name in names
              for title, text in [summary((source / f"{name}.md").read_text("utf-8"))]]
    return "\n".join(lines) + "\n"


def summary(page: str) -> tuple[str, str]:
    """A page's title and its first paragraph."""
    match = HEADING.match(page)
    if match is None:
        return "", ""
    return match[1], " ".join(match[2].split())


if __name__ == "__main__":
    sys.exit(main())
