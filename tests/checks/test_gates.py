"""Gates of CI: locks and growth budgets fail where they could not be held; settings cannot switch them off unsaid."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from paramcalc.cli.main import run as guarded
from tests.checks.small import SPEC, TOTAL
from tests.processor import within

GROWING = SPEC + "expect: {growth: {total: 5%}}\n"
WIDER = GROWING.replace("num_layers: 4", "num_layers: 5")


@pytest.fixture
def check(capsys):
    def run(*arguments):
        code = guarded(["check", *arguments, "--json"])
        out = capsys.readouterr()
        return code, json.loads(out.out)["results"] if out.out else out.err
    return run


def write_file(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def git(*arguments):
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments],  # noqa: S607
                   check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repository(folder):
    write_file("models/m.yaml", GROWING)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "one")
    return folder


def commit(name, text):
    write_file(name, text)
    git("add", ".")
    git("commit", "-qm", "more")


def test_what_grew_within_its_budget_or_not_at_all_is_fine(repository, check):
    assert check("models", "--against", "main") == (0, [])
    write_file("models/m.yaml", GROWING.replace("vocab_size: 128", "vocab_size: 192"))
    assert check("models", "--against", "main") == (0, [])
    write_file("models/m.yaml", WIDER)
    code, results = check("models", "--against", "main")
    assert (code, results[0]["rule"], results[0]["line"]) == (1, "PC005", 9)
    assert "5% are allowed" in results[0]["message"]


@pytest.mark.parametrize("broken", ["vocab_size: [", "vocab_size: no\n", "#" * 5_000_000, "a: 1\n---\nb: 2\n", "\x00"])
def test_an_old_revision_that_cannot_be_read_fails(broken, repository, check):
    commit("models/m.yaml", broken)
    write_file("models/m.yaml", WIDER)
    code, results = check("models", "--against", "main")
    assert (code, [finding["rule"] for finding in results]) == (1, ["PC005"])
    assert "at main it cannot be read" in results[0]["message"]
    assert check("models", "--against", "main~1")[0] == 1


@pytest.mark.parametrize("without", [SPEC, SPEC + "expect: {growth: {active: 9}}\n"])
def test_a_budget_that_is_gone_fails(without, repository, check):
    write_file("models/m.yaml", without)
    code, results = check("models", "--against", "main")
    assert (code, "the growth budget of total, 5% at main, is gone" in results[0]["message"]) == (1, True)


@pytest.mark.parametrize("new", [SPEC, GROWING, WIDER])
def test_a_renamed_file_fails(new, repository, check):
    Path("models/m.yaml").unlink()
    write_file("models/n.yaml", new)
    code, results = check("models", "--against", "main")
    assert (code, [finding["rule"] for finding in results]) == (1, ["PC005"])
    assert "models/m.yaml had a growth budget at main and is gone" in results[0]["message"]
    assert check("models/n.yaml", "--against", "main")[0] == 1


def test_a_file_that_is_new_or_gone_alone_is_fine(repository, check):
    write_file("models/n.yaml", WIDER)
    assert check("models", "--against", "main") == (0, [])
    Path("models/m.yaml").unlink()
    Path("models/n.yaml").unlink()
    write_file("models/sub/n.yaml", SPEC)
    git("add", ".")
    git("commit", "-qm", "both")
    assert check("models", "--against", "main") == (0, [])


@pytest.mark.parametrize("text", ["{}\n", "lr: 3e-4\n", "", "model:\n  vocab: 3\n", "# a: 1\n",
                                  "model_type: llama\nhidden_size: 8\n"])
def test_a_file_with_a_budget_that_says_nothing_of_a_model_now_fails(text, repository, check):
    write_file("models/n.yaml", SPEC)
    write_file("models/m.yaml", text)
    for paths in (["models"], ["models/m.yaml", "--only-specs"]):
        code, results = check(*paths, "--against", "main")
        assert (code, [(f["path"], f["message"]) for f in results]) == (
            1, [("models/m.yaml", "had a growth budget at main and says nothing of a model now")])


@pytest.mark.parametrize(("old", "new"), [
    ("models/a/m.yaml", "models/b/m.yaml"), ("models/m.YAML", "models/n.yaml"), ("other/m.yml", "models/n.yaml")])
def test_a_file_renamed_across_the_folders_asked_about_fails(old, new, repository, check):
    commit(old, GROWING)
    Path(old).unlink()
    write_file(new, WIDER)
    code, results = check("models", old.partition("/")[0], "--against", "main")
    assert (code, f"{old} had a growth budget at main and is gone" in results[0]["message"]) == (1, True)


def test_fields_that_are_set_are_held_to_the_budget(repository, check):
    code, results = check("models", "--against", "main", "--set", "num_layers=5")
    assert (code, [finding["rule"] for finding in results]) == (1, ["PC005"])


def test_a_file_of_a_repository_within_another_is_compared_with_its_own(repository, check):
    git("init", "-q", "-b", "main", "models/sub")
    write_file("models/sub/m.yaml", GROWING)
    git("-C", "models/sub", "add", ".")
    git("-C", "models/sub", "commit", "-qm", "one")
    write_file("models/sub/m.yaml", WIDER)
    for path in ("models/sub", "models/sub/m.yaml"):
        code, results = check("models", path, "--against", "main")
        assert (code, [(f["path"], f["rule"]) for f in results]) == (1, [("models/sub/m.yaml", "PC005")])


def test_a_revision_that_is_not_there_fails_whatever_the_files_say(repository, check):
    write_file("models/m.yaml", SPEC)
    code, report = check("models", "--against", "origin/main")
    assert (code, "git has no revision origin/main here" in report) == (2, True)


def test_no_repository_fails(folder, check):
    write_file("m.yaml", SPEC)
    assert check(".", "--against", "main")[0] == 2


@pytest.mark.parametrize("budget", ["1%", "'1 %'", "1", "1.0", "1.0%"])
def test_one_percent_is_written_as_people_write_it(budget, repository, check):
    write_file("models/m.yaml", WIDER.replace("5%", budget))
    code, results = check("models", "--against", "main")
    assert (code, "1% are allowed" in results[0]["message"]) == (1, True)


@pytest.mark.parametrize("budget", ["-1", "1001", "'%'", "1%%", "true", "[1]", "'1e3%'", "'9999999999%'"])
def test_what_is_no_percentage_is_refused(budget, folder, check):
    write_file("m.yaml", GROWING.replace("5%", budget))
    code, results = check(".")
    assert (code, results[0]["rule"], "one percent is 1% or 1" in results[0]["hint"]) == (2, "PC001", True)


def test_a_lock_is_looked_for_upwards_from_each_file(folder, check, monkeypatch):
    write_file("sub/models/tiny.yaml", SPEC)
    write_file("other/tiny.yaml", SPEC)
    monkeypatch.chdir("sub")
    assert check(".", "--write-lock") == (0, [])
    monkeypatch.chdir(folder)
    write_file("sub/models/tiny.yaml", WIDER)
    code, results = check("sub", "other")
    assert (code, {finding["path"] for finding in results}) == (1, {"sub/models/tiny.yaml"})
    assert "PC004" in {finding["rule"] for finding in results}
    assert check("sub/models/tiny.yaml", "--write-lock") == (0, [])
    assert (Path("sub/paramcalc.lock").is_file(), Path("paramcalc.lock").exists()) == (True, False)
    Path("sub/models/tiny.yaml").unlink()
    write_file("sub/models/new.yaml", SPEC)
    assert [f"{f['path']} {f['message']}" for f in check("sub")[1]] == [
        "sub/models/new.yaml is not recorded in sub/paramcalc.lock",
        "sub/paramcalc.lock models/tiny.yaml is recorded, but does not exist"]


def test_a_lock_can_be_required(folder, check):
    write_file("m.yaml", SPEC)
    assert check(".") == (0, [])
    code, results = check(".", "--require-lock")
    assert (code, results[0]["rule"]) == (1, "PC004")
    assert check(".", "--write-lock") == (0, [])
    assert check(".", "--require-lock") == (0, [])
    os.unlink("paramcalc.lock")
    assert check(".", "--require-lock")[0] == 1


@pytest.mark.parametrize("text", ["{}", "", "model_type: llama\nhidden_size: 8\n"])
def test_a_file_of_the_lock_that_says_nothing_of_a_model_now_fails(text, folder, check):
    write_file("a/m.yaml", SPEC)
    write_file("n.yaml", SPEC)
    assert check(".", "--write-lock") == (0, [])
    write_file("a/m.yaml", text)
    for paths in (["."], ["n.yaml", "a"], ["a/m.yaml", "--only-specs"]):
        code, results = check(*paths)
        assert (code, [(f["path"], f["rule"], f["message"]) for f in results]) == (
            1, [("a/m.yaml", "PC004", "is recorded in paramcalc.lock, but says nothing of a model")])
    assert check("n.yaml") == (0, [])


def test_a_pipe_in_place_of_a_lock_is_refused(folder, check):
    write_file("m.yaml", SPEC)
    os.mkfifo("paramcalc.lock")
    for more in ([], ["--write-lock"]):
        code, report = check(".", *more)
        assert (code, report) == (2, f"error: {folder}/paramcalc.lock: is a pipe, not a file\n")


@pytest.mark.parametrize("broken", [
    "", "{", "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n", "[]", '{"schema": "paramcalc/lock/9", "files": {}}',
    '{"schema": "paramcalc/lock/1", "files": {"m.yaml": 7}}'])
def test_a_broken_lock_is_refused_and_can_be_written_anew(broken, folder, check):
    write_file("m.yaml", SPEC)
    write_file("paramcalc.lock", broken)
    code, report = check(".")
    assert (code, "rewrite it: check --write-lock" in report) == (2, True)
    assert check(".", "--write-lock") == (0, [])
    assert check(".") == (0, [])
    assert json.loads(Path("paramcalc.lock").read_text("utf-8"))["files"]["m.yaml"]["total"] == TOTAL


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\x1b[31m"])
def test_odd_names_in_a_lock_are_missing_files(name, folder, check):
    write_file("m.yaml", SPEC)
    write_file("paramcalc.lock", json.dumps({"schema": "paramcalc/lock/1", "files": {name: {"total": 1}}}))
    code, results = check(".")
    assert code in (1, 2)
    assert "\x1b" not in str(results)


@pytest.mark.parametrize("arguments", [["--ignore", ""], ["--ignore", " "], ["--select", ""],
                                       ["--ignore", "PC0", "--ignore", ""]])
def test_an_empty_code_switches_nothing_off(arguments, folder, check):
    write_file("m.yaml", SPEC + "expect: {total: 5}\n")
    code, report = check("m.yaml", *arguments)
    assert (code, "a rule's code is missing" in report or "found nothing" in report) == (2, True)


@pytest.mark.parametrize("code", ["P", "PC"])
def test_all_rules_are_not_ignored_at_once(code, folder, check):
    write_file("m.yaml", SPEC + "expect: {total: 5}\n")
    exit_code, report = check("m.yaml", "--ignore", code)
    assert (exit_code, f"--ignore: {code} is every rule" in report) == (2, True)
    write_file("pyproject.toml", f'[tool.paramcalc]\nignore = ["{code}"]\n')
    exit_code, report = check("m.yaml")
    assert (exit_code, f"ignore: {code} is every rule" in report) == (2, True)
    Path("pyproject.toml").unlink()
    assert check("m.yaml", "--select", code)[0] == 1


@pytest.mark.parametrize("ignore", ['[""]', '{"" = "why"}', '[["PC1"]]', "[1]", '{PC301 = 1}', "3", "[" * 100_000])
def test_settings_that_cannot_be_are_refused(ignore, folder, check):
    write_file("m.yaml", SPEC + "expect: {total: 5}\n")
    write_file("pyproject.toml", f"[tool.paramcalc]\nignore = {ignore}\n")
    assert check("m.yaml")[0] == 2


def test_a_rule_about_reasons_cannot_be_ignored_without_one(folder, check):
    write_file("m.yaml", SPEC)
    write_file("pyproject.toml", '[tool.paramcalc]\nignore = ["PC007", "PC301"]\n')
    assert {finding["rule"] for finding in check("m.yaml")[1]} == {"PC007"}
    write_file("pyproject.toml", '[tool.paramcalc.ignore]\nPC007 = "we know"\nPC301 = ""\n')
    assert check("m.yaml") == (0, [])


@pytest.mark.parametrize("promise", ["fits: []", "total: ~", "weights: {}", "components: {}", "growth: {}",
                                     "same_as: m.yaml", "same_as: ./m.yaml", "trainable: ~", "", 'total: ">= 1"',
                                     'total: "> 0"', 'buffers: ">= 0"', 'active: ">= 0B"'])
def test_a_promise_that_always_holds_fails(promise, folder, check):
    write_file("m.yaml", SPEC + f"expect: {{{promise}}}\n")
    code, results = check(".")
    assert (code, [finding["line"] for finding in results]) == (1, [9])
    words = "is this file" if "same_as" in promise else "holds for every model" if ">" in promise else "is empty"
    assert words in results[0]["message"]


@pytest.mark.parametrize("bound", ["58M ± 200%", "58M ± 100 %", "1 +- 999%"])
def test_a_bound_without_an_end_is_refused(bound, folder, check):
    write_file("m.yaml", SPEC + f"expect: {{total: {bound}}}\n")
    assert check(".")[0] == 2


@pytest.mark.parametrize("path", ["/nope/x", "a\0b", "/dev/full", "."])
def test_a_step_summary_that_cannot_be_written(path, folder, capsys, monkeypatch):
    from paramcalc.checks.results import Run
    from paramcalc.errors import UsageError
    from paramcalc.reports.writers.github import step_summary

    with pytest.raises(UsageError, match="summary cannot be written"):
        step_summary(Run(1, ()), path)


@pytest.mark.parametrize("text", [
    "a." * 20_000 + "b = 1", "[" + "a." * 20_000 + "b]", "x = {" + "a." * 20_000 + "b = 1}", "# x" + "y" * 2**18])
def test_settings_that_would_take_long_to_read_are_refused(text, folder, check):
    write_file("m.yaml", SPEC)
    write_file("pyproject.toml", text)
    assert within(1, check, ".") == (0, [])  # nothing in it is for us
    write_file("pyproject.toml", f"[tool.paramcalc]\n{text}\n")
    code, report = within(1, check, ".")
    assert (code, "expected at most 256 KiB and 300 dots in a line, found more" in report) == (2, True)
