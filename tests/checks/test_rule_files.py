"""Each rule has a file that breaks it and a near miss that does not: found under tests/data/rules, not listed here."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from paramcalc.checks.rules import modules, rules
from paramcalc.cli.main import run as guarded

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "rules"
CASES = sorted(path for folder in DATA.iterdir() if folder.is_dir() for path in folder.iterdir())


def test_every_rule_has_both():
    kinds = {(path.parent.name, path.name.split(".")[0].split("_")[0]) for path in CASES}
    assert kinds == {(code, kind) for code in rules() for kind in ("breaks", "passes")}


def test_no_two_rules_have_one_code():
    assert len(rules()) == sum(len(module.RULES) for module in modules())


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments],  # noqa: S607
                   check=True, capture_output=True)


def laid_out(path, folder):
    """The arguments of a check in a folder that holds the case."""
    if path.is_file():
        shutil.copy(path, folder / path.name)
        return [path.name]
    if (path / "before").is_dir():
        shutil.copytree(path / "before", folder, dirs_exist_ok=True)
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "before")
    shutil.copytree(path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("before", "arguments"))
    arguments = path / "arguments"
    return [".", *(arguments.read_text("utf-8").split() if arguments.is_file() else ())]


def findings(path, folder, monkeypatch, capsys):
    arguments = laid_out(path, folder)
    monkeypatch.chdir(folder)
    code = guarded(["check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)["results"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_rule(path, tmp_path, monkeypatch, capsys):
    rule = rules()[path.parent.name]
    code, report = findings(path, tmp_path, monkeypatch, capsys)
    if path.name.startswith("passes"):
        assert (code, report) == (0, [])
        return
    fired = [finding for finding in report if finding["rule"] == rule.code]
    assert fired
    assert {finding["rule"] for finding in report} == {rule.code}
    assert {finding["severity"] for finding in fired} == {rule.severity}
    assert code == (0 if rule.severity != "error" else 2 if rule.code[:3] == "PC1" or rule.code == "PC001" else 1)
    placeless = {"PC004", "PC006", "PC008", "PC009", "PC502"}
    assert all(finding["line"] > 0 and finding["column"] > 0 for finding in fired) or rule.code in placeless


def test_no_rule_fires_on_a_preset_unless_its_file_says_why(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert guarded(["check", "configs", "--strict", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["checked"], report["results"]) == (len(list((ROOT / "configs").glob("*/*.yaml"))), [])
