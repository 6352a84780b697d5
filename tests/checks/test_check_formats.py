"""Findings for each place people look. The published schemas are held against by `python -m tests.checks.published`."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from paramcalc.answers.registry import command_schema
from paramcalc.checks.results import File, Finding, Run
from paramcalc.checks.rules import rules
from paramcalc.cli.main import run as guarded
from paramcalc.reports.writers import Findings, finding_writer, formats

NASTY = "100% of\n[red]x[/red] \x1b[31m <&>\"' ::error:: a,b | \u202e]]>"
RUN = Run(4, (
    Finding("a b/m%,:#é.yaml", "PC002", NASTY, "error", 3, 5, "mend it", 7, 8),
    Finding("a b/m%,:#é.yaml", "PC301", "twice", "warning", 4, 1), Finding("./n.yaml", "PC301", "twice", "note"),
    Finding("./n.yaml", "PC301", "twice", "warning")))
FILES = (File("m.yaml"), File("a,b\x1b/|.yaml", "skipped", "hidden"), File("n.yaml", "checked", "odd"))
PASSED = Run(2, (), FILES, 5, ("node_modules",))


def test_json_is_what_the_schema_says():
    data = json.loads(finding_writer("json")(Findings(RUN)))
    Draft202012Validator(command_schema("check")).validate(data)
    assert (data["checked"], data["failed"], len(data["results"])) == (4, 1, 4)
    assert data["results"][0] == {
        "path": "a b/m%,:#é.yaml", "rule": "PC002", "severity": "error", "line": 3, "column": 5, "message": NASTY,
        "hint": "mend it", "expected": 7, "actual": 8}


def test_text_is_a_line_a_finding_and_lets_no_control_character_through():
    lines = finding_writer("text")(Findings(RUN)).splitlines()
    assert lines[0].startswith("a b/m%,:#é.yaml:3:5: error: PC002 100% of\\n[red]x[/red] \\x1b[31m")
    assert lines[1] == "  hint: mend it"
    assert lines[-1] == "4 files checked, 1 failed, 3 warnings"


def test_github_lines_are_percent_encoded():
    lines = finding_writer("github")(Findings(RUN)).splitlines()
    assert lines[0].startswith("::error file=a b/m%25%2C%3A#é.yaml,line=3,col=5,title=paramcalc PC002::100%25 of%0A[")
    assert lines[2] == "::notice file=./n.yaml,title=paramcalc PC301::twice"
    assert len(lines) == len(RUN.findings) + 1


@pytest.mark.parametrize("style", formats("findings"))
def test_every_format_accounts_for_the_files_that_were_skipped(style):
    text = finding_writer(style)(Findings(PASSED))
    assert "hidden" in text.replace("\\", "")
    assert "node_modules" in text.replace("\\", "")
    assert "\x1b" not in text
    if style in ("text", "github", "markdown"):
        assert "2 files checked, 1 skipped: 1 hidden; all fine" in text
    if style == "junit":
        assert ET.fromstring(text).find("testsuite/testcase/skipped") is not None  # noqa: S314 - our own
    if style == "json":
        data = json.loads(text)
        Draft202012Validator(command_schema("check")).validate(data)
        assert [file["state"] for file in data["files"]] == ["checked", "skipped", "checked"]
        assert (data["others"], data["unsearched"]) == (5, ["node_modules"])


def test_gitlab_has_a_fingerprint_for_each():
    issues = json.loads(finding_writer("gitlab")(Findings(RUN)))
    places = [(f["check_name"], f["severity"], f["location"]["path"], f["location"]["lines"]["begin"]) for f in issues]
    assert places == [
        ("PC002", "major", "a b/m%,:#é.yaml", 3), ("PC301", "minor", "a b/m%,:#é.yaml", 4),
        ("PC301", "info", "n.yaml", 1), ("PC301", "minor", "n.yaml", 1)]
    marks = [f["fingerprint"] for f in issues]
    assert len(set(marks)) == len(marks)
    assert marks == [f["fingerprint"] for f in json.loads(finding_writer("gitlab")(Findings(RUN)))]


def test_sarif_places_results_and_names_the_rules():
    run = json.loads(finding_writer("sarif")(Findings(RUN)))["runs"][0]
    descriptors = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in descriptors] == list(rules())
    for result in run["results"]:
        assert descriptors[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b/m%25%2C%3A%23%C3%A9.yaml"},
                     "region": {"startLine": 3, "startColumn": 5}}
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


SUITE = {"name", "package", "id", "tests", "failures", "errors", "time", "hostname", "timestamp"}


def test_junit_has_what_both_schemas_know():
    root = ET.fromstring(finding_writer("junit")(Findings(RUN)))  # noqa: S314 - our own
    assert (root.tag, root.attrib) == ("testsuites", {})
    suite, = root
    assert set(suite.attrib) == SUITE
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [child.tag for child in suite] == ["properties", *["testcase"] * 3, "system-out", "system-err"]
    cases = suite.findall("testcase")
    assert all(set(case.attrib) == {"classname", "name", "time"} and len(case) <= 1 for case in cases)
    assert cases[0].get("name") == "a b/m%,:#é.yaml"
    assert "\\x1b[31m <&>\"'" in cases[0].find("failure").text
    assert cases[2].get("name") == "2 files without findings"
    assert suite.find("system-out").text.count("PC301") == 3


def test_markdown_is_one_row_a_finding():
    text = finding_writer("markdown")(Findings(RUN))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(RUN.findings)
    assert "a,b \\| " in rows[2]
    assert "\\[red]" in rows[2]


@pytest.fixture
def broken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text("paramcalc: 1\nvocab_size: 8\nnum_layers: 2\nhidden_size: wide\nnum_heads: 2\n"
                                     "intermediate_size: 8\n", "utf-8")


def test_github_is_chosen_by_itself_with_a_summary_of_the_step(broken, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert guarded(["check", "."]) == 2
    assert capsys.readouterr().out.startswith("::error file=m.yaml,line=4,col=1")
    assert "| error | PC001 | m.yaml:4 |" in (tmp_path / "summary.md").read_text("utf-8")
    assert guarded(["check", ".", "--format", "text"]) == 2
    assert capsys.readouterr().out.startswith("m.yaml:4:1: error: PC001")


@pytest.mark.parametrize("style", formats("findings"))
def test_output_goes_to_a_file_and_the_summary_to_people(style, broken, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert guarded(["check", ".", "--format", style, "--output", "out"]) == 2
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "1 file checked, 1 failed\n")
    assert "hidden_size" in (tmp_path / "out").read_text("utf-8").replace("\\_", "_")


def test_a_rule_is_explained(capsys):
    assert guarded(["explain", "PC301"]) == 0
    assert "nanoGPT pads" in capsys.readouterr().out
    assert guarded(["explain", "PC301", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["why"] == rules()["PC301"].why
    assert guarded(["explain", "PC999"]) == 2
    assert guarded(["list", "rules", "--json"]) == 0
    out = capsys.readouterr().out
    assert [item["name"] for item in json.loads(out)["items"]] == list(rules())
