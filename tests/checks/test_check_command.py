"""`paramcalc check` from outside: what it finds, what it holds files to, which findings count, exit codes."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from paramcalc.cli.main import run as guarded
from tests.checks.small import LAYER, SPEC, TOTAL

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128, "hidden_size": 256,
          "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 768}


def git(*arguments):
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments],  # noqa: S607
                   check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


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
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("repository", [True, False])
def test_finds_specs_and_configs_and_leaves_out_what_is_ignored_or_of_others(repository, folder, capsys):
    for name in ("a/one.yaml", "b/two.yml", "node_modules/x/three.yaml", "vendor/four.yaml", ".hidden/five.yaml"):
        write_file(name, SPEC)
    write_file("c/config.json", json.dumps(CONFIG))
    write_file("d/config.json", '{"editor": "vim"}')
    write_file("e/compose.yaml", "services: {}\n")
    if repository:
        write_file("build/six.yaml", SPEC)
        write_file(".gitignore", "build/\n")
        git("init", "-q")
        git("add", "a", ".gitignore")
    assert guarded(["check", ".", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checked"] == 3


@pytest.mark.parametrize(("paths", "message"), [
    (["nowhere"], "no such file or folder"), (["empty"], "nothing to check")])
def test_nothing_to_check_is_no_success(paths, message, folder, check):
    Path("empty").mkdir()
    code, report = check(*paths)
    assert code == 2
    assert message in report


def test_a_rule_of_formats_that_matches_nothing_is_an_error(folder, check):
    write_file("m.yaml", SPEC + "quantize: [{match: 'nowhere*', format: fp8}]\n")
    code, results = check(".")
    assert (code, "rule 'nowhere*' matches no tensor" in str(results)) == (2, True)


def test_files_of_others_are_not_opened_further_than_needed(folder, check):
    write_file("m.yaml", SPEC)
    write_file("lock.yaml", "packages:\n" + "  - a\n" * 900_000)
    os.mkfifo("pipe.yaml")
    assert check(".") == (0, [])
    write_file("huge.yaml", SPEC + "# and so on\n" * 500_000)
    code, report = check(".")
    assert (code, [finding["path"] for finding in report]) == (2, ["huge.yaml"])


EXPECT = [
    (f"total: {TOTAL}", f"total: {TOTAL + 1}"),
    ("total: <= 3.5M", "total: < 3.4M"),
    ("total: 3.4M..3.5M", "total: 3.5M..3.6M"),
    ("total: 3.45M ± 1%", "total: 3.4M +- 1%"),
    (f"active: {TOTAL}", "active: 7"),
    (f"embedding: {2 * 128 * 256}", "embedding: 1"),
    (f"non_embedding: {TOTAL - 2 * 128 * 256}", "non_embedding: '>= 1B'"),
    ("buffers: 0", "buffers: 1"),
    (f"components: {{ffn: {4 * 3 * 256 * 768}}}", "components: {ffn: 1}"),
    ("components: {moe_experts: 0}", "components: {moe_experts: '> 0'}"),
    (f"weights: {{bf16: {2 * TOTAL}, fp32: {4 * TOTAL}}}", "weights: {fp32: 1}"),
    ("weights: {q8_0: <= 4 MB}", "weights: {q8_0: <= 3 MB}"),
    (f"cache_per_token: {{bytes: {4 * 2 * 256 * 2}}}", "cache_per_token: {bytes: 1 KiB}"),
    (f"cache_per_token: {{bytes: {4 * 2 * 256}, dtype: fp8_e4m3}}", "cache_per_token: {bytes: 4096, dtype: fp8_e4m3}"),
    # 2 FLOPs a weight of every matrix but the table, and 4 a width and token of the sequence for scores and sums
    (f"flops_per_token: {{flops: {2 * (4 * (LAYER - 512) + 128 * 256) + 4 * 4 * 256 * 512}, seq: 512}}",
     "flops_per_token: {flops: <= 1 MFLOP}"),
    ("fits: [h100@4k]", "fits: [h100@4k, h100@1024M]"),
    ("fits: [{gpu: h100, context: 4096, batch: 8}]", "fits: [{gpu: h100, context: 4096, batch: 1000000}]"),
    (f"trainable: {{parameters: {4 * 2 * 8 * 512}, rank: 8, targets: [q_proj, v_proj]}}",
     "trainable: {parameters: 7, rank: 8, targets: [q_proj]}"),
]


@pytest.mark.parametrize(("promise", "broken"), EXPECT, ids=lambda text: text.replace(" ", ""))
def test_a_promise_is_held(promise, broken, folder, check):
    write_file("m.yaml", f"{SPEC}expect:\n  {promise}\n")
    assert check("m.yaml") == (0, [])
    write_file("m.yaml", f"{SPEC}expect:\n  {broken}\n")
    code, report = check("m.yaml")
    assert (code, [(finding["rule"], finding["line"]) for finding in report]) == (1, [("PC002", 10)])
    assert report[0]["message"].startswith(f"expect.{broken.partition(':')[0]}")
    assert report[0]["column"] >= 3


@pytest.mark.parametrize(("expect", "message"), [
    ("weights: {q9: 1}", "q9"), ("fits: [gpu-of-next-year@4k]", "gpu-of-next-year"),
    ("trainable: {parameters: 7, rank: 8, targets: [no_proj]}", "no_proj"), ("same_as: nowhere.json", "no such file"),
    ("same_as: ../m.yaml", "outside")])
def test_a_promise_that_cannot_be_looked_into_fails(expect, message, folder, check):
    write_file("m.yaml", f"{SPEC}expect:\n  {expect}\n")
    code, report = check("m.yaml")
    assert code == 1
    assert message in report[0]["message"]


@pytest.mark.parametrize("expect", ["total: many", "total: 8B..7B", "totl: 7", "fits: [h100]", "components: [ffn]"])
def test_a_promise_nobody_can_read_is_invalid(expect, folder, check):
    write_file("m.yaml", f"{SPEC}expect:\n  {expect}\n")
    code, report = check("m.yaml")
    assert (code, report[0]["rule"], report[0]["line"]) == (2, "PC001", 10)


def test_places_are_those_of_the_offending_key(folder, check):
    write_file("m.yaml", SPEC.replace("vocab_size: 128", "vocab_size: 130"))
    write_file("config.json", json.dumps(CONFIG | {"vocab_size": 130}, indent=2))
    report = check(".")[1]
    places = {finding["path"]: (finding["rule"], finding["line"], finding["column"]) for finding in report}
    assert places == {"m.yaml": ("PC301", 4, 1), "config.json": ("PC301", 6, 3)}


def test_which_findings_count(folder, check):
    write_file("m.yaml", SPEC.replace("128", "130").replace("768", "770"))
    assert [f["rule"] for f in check("m.yaml")[1]] == ["PC301", "PC303"]
    assert check("m.yaml")[0] == 0
    assert check("m.yaml", "--strict")[0] == 1
    assert [f["rule"] for f in check("m.yaml", "--select", "PC301")[1]] == ["PC301"]
    assert [f["rule"] for f in check("m.yaml", "--select", "PC3", "--ignore", "PC301", "--strict")[1]] == ["PC303"]
    assert check("m.yaml", "--ignore", "PC3", "--strict") == (0, [])
    code, report = check("m.yaml", "--ignore", "PC9")
    assert (code, "unknown rule PC9" in report) == (2, True)


@pytest.mark.parametrize(("settings", "rules"), [
    ('ignore = {PC301 = "published"}', ["PC303"]), ('ignore = ["PC301"]', ["PC007", "PC303"]),
    ('ignore = {PC301 = " "}', ["PC007", "PC303"]), ('select = ["PC303"]', ["PC303"]),
    ('[tool.paramcalc.per-file-ignores]\n"m.yaml" = {PC3 = "published"}', []),
    ('[tool.paramcalc.per-file-ignores]\n"sub/*" = {PC3 = "published"}', ["PC301", "PC303"])])
def test_settings_of_the_project(settings, rules, folder, check):
    write_file("sub/m.yaml", SPEC.replace("128", "130").replace("768", "770"))
    write_file("m.yaml", SPEC.replace("128", "130").replace("768", "770"))
    write_file("pyproject.toml", f"[tool.paramcalc]\n{settings}\n")
    assert [finding["rule"] for finding in check("m.yaml")[1]] == rules


@pytest.mark.parametrize("text", ["[tool.paramcalc]\nlevel = 3\n", "[tool.paramcalc]\nselect = 3\n", "[tool",
                                  "[tool]\nparamcalc=1",
                                  '[tool.paramcalc]\nselect = ["PC9"]\n', "[tool.paramcalc]\nper-file-ignores = 3\n",
                                  '[tool.paramcalc]\nignore = {PC9 = "why"}\n'])
def test_settings_that_cannot_be(text, folder, check):
    write_file("m.yaml", SPEC)
    write_file("pyproject.toml", text)
    code, report = check("m.yaml")
    assert code == 2
    assert report.startswith("error: ")


@pytest.mark.parametrize(("comment", "rules"), [
    ("# paramcalc: ignore PC301 - published", []), ("# paramcalc: ignore PC301, PC303: published", []),
    ("vocab: # paramcalc: ignore PC302 - another", ["PC301"]), ("# paramcalc: ignore PC301", ["PC007"])])
def test_comments_ignore_with_a_reason(comment, rules, folder, check):
    write_file("m.yaml", SPEC.replace("vocab_size: 128", f"vocab_size: 130 {comment[comment.index('#'):]}"))
    assert [finding["rule"] for finding in check("m.yaml")[1]] == rules


def test_a_text_that_only_looks_like_a_comment_ignores_nothing(folder, check):
    text = "https://example.com/#paramcalc: ignore PC301 - no"
    write_file("m.yaml", SPEC.replace("128", "130").replace("https://example.com/made-up", f'"{text}"'))
    assert [finding["rule"] for finding in check("m.yaml")[1]] == ["PC301"]


def test_growth_against_a_revision(folder, check):
    write_file("m.yaml", SPEC + "expect: {growth: {total: 25, flops_per_token: 20}}\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    write_file("m.yaml", Path("m.yaml").read_text("utf-8").replace("num_layers: 4", "num_layers: 5"))
    write_file("new.yaml", SPEC + "expect: {growth: {total: 0}}\n")
    code, report = check(".", "--against", "HEAD")
    assert code == 1
    assert [finding["message"].partition(" ")[0] for finding in report] == ["flops_per_token"]
    assert report[0]["path"] == "m.yaml"
    assert report[0]["line"] == 9
    code, refusal = check(".", "--against", "no-such-branch")
    assert (code, "git has no revision no-such-branch here" in refusal) == (2, True)
    assert check(".", "--against", "--output=x")[0] == 2


def test_a_lock_is_written_for_what_is_valid_and_says_later_what_changed(folder, check):
    for name in ("b.yaml", "a.yaml", "gone.yaml"):
        write_file(name, SPEC)
    assert check(".", "--write-lock") == (0, [])
    first = Path("paramcalc.lock").read_text("utf-8")
    assert first.index("a.yaml") < first.index("b.yaml") < first.index("gone.yaml")
    write_file("a.yaml", SPEC.replace("num_layers: 4", "num_layers: 5"))
    write_file("new.yaml", SPEC)
    Path("gone.yaml").unlink()
    report = check(".")[1]
    assert {finding["rule"] for finding in report} == {"PC004"}
    messages = [f"{finding['path']} {finding['message']}" for finding in report]
    assert f"a.yaml total was {TOTAL:,}, is {TOTAL + LAYER:,} (+24.53%)" in messages
    assert "new.yaml is not recorded in paramcalc.lock" in messages
    assert messages[-1].endswith("paramcalc.lock gone.yaml is recorded, but does not exist")
    write_file("b.yaml", "paramcalc: 1\nhidden_size: no\n")
    assert check(".", "--write-lock")[0] == 2
    second = json.loads(Path("paramcalc.lock").read_text("utf-8"))["files"]
    assert (sorted(second), second["a.yaml"]["total"], second["b.yaml"]["total"]) == (
        ["a.yaml", "b.yaml", "new.yaml"], TOTAL + LAYER, TOTAL)
    write_file("b.yaml", SPEC)
    assert check(".") == (0, [])
    assert check("a.yaml", "--write-lock") == (0, [])
    assert json.loads(Path("paramcalc.lock").read_text("utf-8"))["files"] == second


def test_a_lock_is_found_from_a_folder_below(folder, check, monkeypatch):
    write_file("sub/a.yaml", SPEC)
    assert check(".", "--write-lock") == (0, [])
    write_file("sub/a.yaml", SPEC.replace("128", "192"))
    monkeypatch.chdir("sub")
    assert {finding["rule"] for finding in check(".")[1]} == {"PC004"}


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"schema": "paramcalc/lock/2", "files": {}}',
                                  '{"schema": "paramcalc/lock/1", "files": {"a": {"total": 1.5}}}'])
def test_a_lock_nobody_wrote_so_is_refused(text, folder, check):
    write_file("m.yaml", SPEC)
    write_file("paramcalc.lock", text)
    assert check("m.yaml")[0] == 2
