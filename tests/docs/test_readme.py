"""Everything the documents show is what comes out now; every terminal example has a Python twin with its numbers."""

import re
from xml.etree import ElementTree

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT, blocks, run
from tests.docs.picture import LABEL, PICTURE, picture
from tests.yaml_files import parse_yaml, read_yaml

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
    assert PICTURE.read_text("utf-8") == picture(), REMEDY


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


def test_the_picture_is_the_same_in_every_viewer():
    """Elements and attributes that librsvg, ImageMagick and Inkscape draw as browsers do; nothing is loaded."""
    nodes = list(ElementTree.fromstring(PICTURE.read_bytes()).iter())  # noqa: S314 - our own text
    assert {node.tag.rpartition("}")[2] for node in nodes} == {"svg", "title", "rect", "text"}
    drawn = {name for node in nodes[1:] for name in node.attrib}
    assert drawn <= {"x", "y", "width", "height", "rx", "fill", "stroke", "font-family", "font-size", "font-weight"}
    assert "currentColor" not in PICTURE.read_text("utf-8")


def test_the_picture_keeps_its_words_apart():
    """At most 0.6 of its size for a letter, each text ends before the next on its line and before the edge."""
    nodes = ElementTree.fromstring(PICTURE.read_bytes()).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
    texts = sorted((float(node.get("y")), float(node.get("x")), len(node.text) * 0.6 * float(node.get("font-size")))
                   for node in nodes)
    for (y, x, width), (below, start, _) in zip(texts, [*texts[1:], (0, 0, 0)], strict=True):
        assert x + width <= (start if below == y else 960)


def test_the_picture_stands_before_everything_shown():
    text = README.read_text("utf-8")
    assert text.index(f"![{LABEL}]({PICTURE.relative_to(ROOT)})") < text.index("```")


def twins():
    for document in TWINNED:
        examples = [block for block in blocks(document.read_text("utf-8")) if block.kind in ("console", "pycon")]
        for block, after in zip(examples, [*examples, None][1:], strict=True):
            command = block.body.partition("\n")[0].removeprefix("$ ")
            if block.kind == "console" and not command.startswith(NO_TWIN):
                yield pytest.param(block.body, after.body if after and after.kind == "pycon" else "",
                                   id=f"{document.name}: {command}")


@pytest.mark.parametrize(("terminal", "session"), list(twins()))
def test_each_example_has_a_twin_with_its_numbers(terminal, session):
    printed = [line for line in session.splitlines() if not line.startswith((">>>", "..."))]
    assert printed, "no Python twin follows"
    numbers = NUMBER.findall("\n".join(printed).replace("_", "").replace(",", ""))
    figures = terminal.replace(",", "")
    assert [number for number in numbers if number not in figures] == []


def test_pipelines_name_what_there_is():
    hooks, action = (parse_yaml(block.body) for block in blocks(PIPELINES.read_text("utf-8"))
                     if block.kind == "yaml" and not block.file)
    ours = {hook["id"] for hook in read_yaml(ROOT / ".pre-commit-hooks.yaml")}
    assert {hook["id"] for repository in hooks["repos"] for hook in repository["hooks"]} <= ours
    inputs = read_yaml(ROOT / "action.yml")["inputs"]
    assert all(step["with"].keys() <= inputs.keys() for step in action if step["uses"].startswith("OWNER/paramcalc@"))
    assert (ROOT / ".gitlab" / "paramcalc.yml").exists()


def test_set_up_is_what_the_pipeline_runs():
    first, second = [block.body.strip() for block in blocks(README.read_text("utf-8")) if block.kind == "sh"][:2]
    assert first.startswith("pip install . && paramcalc ")
    pipeline = (ROOT / ".ci" / "run").read_text("utf-8")
    install, test = second.split(" && ")
    assert install.removeprefix("pip install ") in pipeline
    assert re.search(rf"^step {re.escape(test)}( --cov.*)?$", pipeline, re.MULTILINE)
