"""The pre-commit hook, the GitHub action and the GitLab template: what they say is run, on a small repository."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import paramcalc
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
GOOD = """paramcalc: 1
source: https://example.com/made-up
vocab_size: 128
hidden_size: 256
num_layers: 4
num_heads: 8
intermediate_size: 768
"""
BAD = GOOD.replace("num_heads: 8", "num_heads: 7")


@pytest.fixture
def repository(tmp_path):
    """A git repository with a good and a bad spec, and an environment in which `paramcalc` is this one."""
    folder, commands = tmp_path / "a repository", tmp_path / "bin"
    for path, text in ((folder / "configs" / "good.yaml", GOOD), (folder / "configs" / "bad.yaml", BAD)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    commands.mkdir()
    for name, does in (("paramcalc", f'PYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m paramcalc "$@"'),
                       ("python", 'echo "python $*" >> "$LOG"'), ("pip", 'echo "pip $*" >> "$LOG"')):
        (commands / name).write_text(f"#!/bin/sh\n{does}\n")
        (commands / name).chmod(0o755)
    unset = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    environment |= {"PATH": f"{commands}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    bash(folder, environment, "git init -q && git add . && git -c user.name=x -c user.email=x@x commit -qm 1")
    return folder, environment


def bash(folder, environment, script, **more):
    return subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment | more,  # noqa: S607
                          capture_output=True, text=True, check=False)


HOOK, = read_yaml(ROOT / ".pre-commit-hooks.yaml")


@pytest.mark.parametrize(("files", "code"), [
    (["configs/good.yaml"], 0), (["configs/good.yaml", "configs/bad.yaml"], 2)])
def test_hook(files, code, repository):
    process = bash(*repository, f"{HOOK['entry']} {' '.join(files)}")
    assert process.returncode == code
    assert ("configs/bad.yaml:6:1: error: PC101" in process.stdout) is (code == 2)


def test_hook_is_given_every_yaml_and_json():
    assert "files" not in HOOK
    assert HOOK["types_or"] == ["yaml", "json"]


def test_hook_checks_the_example_of_the_guide_and_lets_files_of_others_pass(repository):
    guide = (ROOT / "docs" / "ci.md").read_text("utf-8")
    example = re.search(r"```yaml models/tiny.yaml\n(.*?)```", guide, re.DOTALL)[1]
    folder, _ = repository
    for name, text in (("models/tiny.yaml", example), ("configs/train.yaml", "lr: 3e-4\n"),
                       ("ui/config.json", '{"theme": "dark"}')):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    process = bash(*repository, f"{HOOK['entry']} configs/train.yaml ui/config.json")
    assert (process.returncode, process.stdout) == (0, "0 files checked: 2 files that do not describe a model\n")
    process = bash(*repository, f"{HOOK['entry']} configs/train.yaml ui/config.json models/tiny.yaml")
    assert (process.returncode, "models/tiny.yaml:14:13: error: PC002" in process.stdout) == (1, True)


ACTION = read_yaml(ROOT / "action.yml")


def inputs(**settings):
    """The environment of the steps, as GitHub fills it in."""
    values = {f"inputs.{key}": settings.get(key, declaration["default"])
              for key, declaration in ACTION["inputs"].items()}
    values["github.action_path"] = str(ROOT)
    filled = {}
    for step in ACTION["runs"]["steps"]:
        for key, text in step["env"].items():
            filled[key] = re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda name: values[name[1]], text)
    return filled


def act(repository, **settings):
    folder, environment = repository
    variables = environment | inputs(**settings)
    variables |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    process = [bash(folder, variables, step["run"]) for step in ACTION["runs"]["steps"]]
    return process[-1]


def test_action_installs_itself_annotates_and_fails(repository):
    process = act(repository)
    assert process.returncode == 2
    assert "::error file=configs/bad.yaml,line=6,col=1,title=paramcalc PC101::num_heads" in process.stdout
    assert "PC101" in (repository[0] / "summary").read_text("utf-8")
    assert Path(repository[1]["LOG"]).read_text("utf-8") == (
        f"python -m pip install --quiet --constraint {ROOT}/.ci/constraints.txt {ROOT}\n")


def test_what_the_action_installs_is_pinned():
    pins = dict(line.split("==") for line in (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
                if not line.startswith("#"))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pins[requirement.name.lower()])
    template = (ROOT / ".gitlab" / "paramcalc.yml").read_text("utf-8")
    assert SpecifierSet(re.search(r'"paramcalc(==[^"]+)"', template)[1]).contains(paramcalc.__version__)


def test_action_takes_paths_options_and_a_revision(repository):
    assert act(repository, paths="configs/good.yaml").returncode == 0
    spec = repository[0] / "configs" / "good.yaml"
    spec.write_text(GOOD.replace("hidden_size: 256", "hidden_size: 512") + "expect: {growth: {total: 5}}\n", "utf-8")
    process = act(repository, paths="configs/good.yaml", against="HEAD", arguments="--select PC005")
    assert process.returncode == 1
    assert "title=paramcalc PC005" in process.stdout


@pytest.mark.parametrize("paths", ["models/a\nmodels/b c", " models/a models/d\r\nmodels/b c\r\n\n",
                                   "models/b c\nmodels/a"])
def test_action_takes_several_lines_and_paths_with_blanks(paths, repository):
    folder, _ = repository
    for name in ("a", "b c", "d"):
        path = folder / "models" / name / "m.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(GOOD, "utf-8")
    process = act(repository, paths=paths, arguments="--select PC3\n--strict")
    assert process.returncode == 0
    assert f"{3 if 'd' in paths.replace('models', '') else 2} files checked" in process.stdout


def test_action_takes_no_option_from_its_paths(repository):
    process = act(repository, paths="--ignore PC1 configs")
    assert (process.returncode, "--ignore: no such file or folder" in process.stderr) == (2, True)


def test_actions_are_pinned_by_their_commit():
    for path in [ROOT / "action.yml", *(ROOT / ".github").rglob("*.yml")]:
        for used in re.findall(r"uses: *(\S+)", path.read_text("utf-8")):
            assert used == "./" or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used)


def test_action_runs_nothing_that_is_in_its_inputs(repository):
    act(repository, paths="$(touch owned) ; touch owned", arguments="`touch owned`", against="; touch owned")
    assert not (repository[0] / "owned").exists()


def test_gitlab_template_leaves_a_report(repository):
    job = read_yaml(ROOT / ".gitlab" / "paramcalc.yml")["paramcalc"]
    process = bash(*repository, "\n".join(job["before_script"] + job["script"]), **job["variables"])
    assert process.returncode == 2
    report = repository[0] / job["artifacts"]["reports"]["codequality"]
    issues, = json.loads(report.read_text("utf-8"))
    assert (issues["check_name"], issues["location"]) == ("PC101", {"path": "configs/bad.yaml", "lines": {"begin": 6}})


@pytest.mark.parametrize("paths", ["models/a\nmodels/b c", "models/b c\n\nmodels/a\n"])
def test_gitlab_takes_several_lines_and_paths_with_blanks(paths, repository):
    job = read_yaml(ROOT / ".gitlab" / "paramcalc.yml")["paramcalc"]
    for name in ("a", "b c"):
        path = repository[0] / "models" / name / "m.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(BAD, "utf-8")
    bash(*repository, "\n".join(job["before_script"] + job["script"]), PARAMCALC_PATHS=paths)
    report = repository[0] / job["artifacts"]["reports"]["codequality"]
    assert {each["location"]["path"] for each in json.loads(report.read_text("utf-8"))} == {
        "models/a/m.yaml", "models/b c/m.yaml"}


def test_the_project_checks_its_own_presets():
    local, = (hook for repo in read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
              for hook in repo["hooks"] if hook["id"] == HOOK["id"])
    assert local["entry"].startswith("paramcalc check")
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob("configs/*/*.yaml")]
    assert all(re.search(local["files"], name) for name in files)
    jobs = read_yaml(ROOT / ".github" / "workflows" / "check.yml")["jobs"]
    assert {"paths": "configs", "arguments": "--strict"} in [
        step["with"] for step in jobs["presets"]["steps"] if step["uses"] == "./"]
    assert "paramcalc check configs --strict" in (ROOT / ".ci" / "run").read_text("utf-8")
