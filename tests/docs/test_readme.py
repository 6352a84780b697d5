"""Everything the documents show is what comes out now; every terminal example has a Python twin with its numbers."""

import re

import pytest
import yaml

from tests.docs.blocks import DOCUMENTS, ROOT, blocks, run
from tests.docs.picture import COMMAND, PICTURE, picture, words

README, PIPELINES = ROOT / "README.md", ROOT / "docs" / "ci.md"
TWINNED = [document for document in DOCUMENTS if document.name != "CONTRIBUTING.md"]
REMEDY = "run `python -m tests.docs`"
LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
NUMBER = re.compile(r"\d{4,}")
NO_TWIN = ("paramcalc --help", "paramcalc list", "paramcalc schema")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_shown_is_what_comes_out(document, tmp_path):
    text = document.read_text("utf-8")
    assert run(text, tmp_path) == text, REMEDY


def test_the_picture_is_what_comes_out():
    assert words(PICTURE.read_text("utf-8")) == words(picture()), REMEDY


def test_readme_is_short():
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 130


def test_links_lead_somewhere():
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for target, _, anchor in (link.partition("#") for link in LINK.findall(text)):
            linked = document.parent / target if target else document
            assert linked.exists(), f"{document.name}: {target}"
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE) if anchor else []
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in anchors, f"{document.name}: #{anchor}"


def test_the_picture_loads_nothing():
    assert re.findall(r"(?:href|src|url)[=(:]\s*[\"']?(?!#)(\S+)", PICTURE.read_text("utf-8")) == []


def test_the_picture_stands_before_everything_shown():
    text = README.read_text("utf-8")
    assert text.index(f"![{COMMAND}]({PICTURE.relative_to(ROOT)})") < text.index("```")


def twins():
    for document in TWINNED:
        shown = [block for block in blocks(document.read_text("utf-8")) if block.kind in ("console", "pycon")]
        for block, after in zip(shown, [*shown, None][1:], strict=True):
            command = block.body.partition("\n")[0].removeprefix("$ ")
            if block.kind == "console" and not command.startswith(NO_TWIN):
                yield pytest.param(block.body, after.body if after and after.kind == "pycon" else "",
                                   id=f"{document.name}: {command}")


@pytest.mark.parametrize(("terminal", "session"), list(twins()))
def test_each_example_has_a_twin_with_its_numbers(terminal, session):
    printed = [line for line in session.splitlines() if not line.startswith((">>>", "..."))]
    assert printed, "no Python twin follows"
    numbers = NUMBER.findall("\n".join(printed).replace("_", "").replace(",", ""))
    known = terminal.replace(",", "")
    assert [number for number in numbers if number not in known] == []


def test_pipelines_name_what_there_is():
    hooks, action = (yaml.safe_load(block.body) for block in blocks(PIPELINES.read_text("utf-8"))
                     if block.kind == "yaml" and not block.file)
    ours = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert {hook["id"] for repository in hooks["repos"] for hook in repository["hooks"]} <= ours
    inputs = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
    assert all(step["with"].keys() <= inputs.keys() for step in action if step["uses"].startswith("OWNER/paramcalc@"))
    assert (ROOT / ".gitlab" / "paramcalc.yml").exists()


def test_set_up_is_what_the_pipeline_runs():
    first, second = [block.body.strip() for block in blocks(README.read_text("utf-8")) if block.kind == "sh"][:2]
    assert first.startswith("pip install . && paramcalc ")
    pipeline = (ROOT / ".ci" / "run").read_text("utf-8")
    install, test = second.split(" && ")
    assert install.removeprefix("pip install ") in pipeline
    assert re.search(rf"^step {re.escape(test)}( --cov.*)?$", pipeline, re.MULTILINE)
