"""Every file under the paths that is, or could have been meant as, a spec or config is checked or accounted for."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from paramcalc.checks.finder import find
from paramcalc.cli.main import run as guarded
from tests.checks.small import SPEC
from tests.processor import within

BARE = SPEC.removeprefix("paramcalc: 1\n")
BROKEN = SPEC + "expect: {total: 5}\n"
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128, "hidden_size": 256,
          "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 768}
FLOW = json.dumps({"name": "bad", "vocab_size": 128, "hidden_size": 256, "num_layers": 4})


def write_file(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_file("good.yaml", SPEC)
    return tmp_path


@pytest.fixture
def check(capsys):
    def run(*arguments):
        code = guarded(["check", *arguments, "--json"])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else out.err
    return run


NEAR = {
    "no marker": ("a.yaml", BARE), "misspelt marker": ("a.yaml", "parmcalc: 1\n" + BARE),
    "another misspelling": ("a.yml", "Param_Calc: 1\nhidden_size: 8\n"),
    "flow style": ("a.yaml", FLOW), "flow style, ours but broken": ("a.yaml", '{paramcalc: 1, vocab_size: bad}'),
    "flow style on many lines": ("a.yaml", "# a\n---\n{\n  vocab_size: 8,\n  hidden_size: 8,\n  num_layers: 2}\n"),
    "suffix": ("a.YAML", "paramcalc: 1\n"), "suffix of a config": ("Config.JSON", "{"),
    "UTF-16": ("a.yaml", SPEC.encode("utf-16")), "UTF-16 without a mark": ("a.yaml", SPEC.encode("utf-16-le")),
    "UTF-32": ("a.yaml", SPEC.encode("utf-32")), "UTF-16 config": ("config.json", json.dumps(CONFIG).encode("utf-16")),
    "a mark and CR LF": ("a.yaml", b"\xef\xbb\xbf" + BARE.replace("\n", "\r\n").encode()),
    "indented": ("a.yaml", "\n".join(f"  {line}" for line in BARE.splitlines())),
    "quoted keys": ("a.yaml", "\n".join(f'"{line.replace(":", chr(34) + ":", 1)}' for line in BARE.splitlines())),
    "a directive first": ("a.yaml", "%YAML 1.2\n---\n# x\n" + BARE),
    "empty config": ("x/config.json", ""), "blank config": ("config.json", " \n"), "cut config": ("config.json", "{"),
    "config cut in a key": ("config.json", '{"model_type'),
    "config cut later": ("config.json", json.dumps(CONFIG)[:90]),
    "a list": ("config.json", "[1, 2]"), "a number": ("config.json", "7"),
    "a config without its type": ("config.json", '{"hidden_size": 4096}'),
    "a config whose sizes are within": ("config.json", '{"text_config": {"hidden_size": 64}}'),
    "a config with classes only": ("config.json", '{"architectures": ["LlamaForCausalLM"]}'),
    "a config with comments": ("config.json", '{"hidden_size": 4096, // wide\n}'),
    "a large config": ("config.json", json.dumps(CONFIG)[:-1] + " " * 5_000_000 + "}"),
    "UTF-32 without a mark": ("a.yaml", SPEC.encode("utf-32-be")),
    "UTF-32 config without a mark": ("config.json", json.dumps(CONFIG).encode("utf-32-le")),
    "indented with tabs": ("a.yaml", "\n".join(f"\t{line}" for line in SPEC.splitlines())),
    "indented far": ("a.yaml", "\n".join(" " * 60 + line for line in BARE.splitlines())),
    "lines that end with CR": ("a.yaml", BARE.replace("\n", "\r")), "a NUL first": ("a.yaml", "\0" + SPEC),
    "lines that end with NEL": ("a.yaml", BROKEN.replace("\n", "\x85")),
    "lines that end with LS": ("a.yaml", BROKEN.replace("\n", "\u2028")),
    "an anchor, flow style": ("a.yaml", '&a {paramcalc: 1, vocab_size: bad, hidden_size: 8}'),
    "a tag, flow style": ("a.yaml", '--- !!map &a {paramcalc: 1, vocab_size: bad, hidden_size: 8}'),
    "a template": ("a.yaml", "{% set width = 8 %}\n" + SPEC), "another template": ("a.yaml", "{{- if .x }}\n" + SPEC),
    "a config of NULs": ("config.json", "\0" * 100), "a config that is text": ("config.json", "Entry not found"),
    "a config that git LFS keeps": ("config.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
    "broken JSON that is marked": ("a.json", '{"paramcalc": 1, "hidden_size": 8,}'),
    "broken config of another name": ("a/llama.json", json.dumps(CONFIG | {"num_attention_heads": 7})),
}


@pytest.mark.parametrize("name", NEAR)
def test_a_near_miss_is_an_error(name, folder, check):
    path, text = NEAR[name]
    write_file(path, text)
    code, run = check(".")
    assert code in (1, 2)
    assert (run["checked"], run["failed"]) == (2, 1)
    assert {finding["path"] for finding in run["results"]} == {path}
    assert [file["path"] for file in run["files"]] in ([path, "good.yaml"], ["good.yaml", path])
    assert (check(path, "--only-specs")[0]) == code


@pytest.mark.parametrize("name", ["gone.yaml", "config.json"])
def test_a_dangling_link_is_an_error(name, folder, check):
    os.symlink("nowhere", name)
    code, run = check(".")
    assert (code, {finding["path"] for finding in run["results"]}) == (2, {name})
    assert [finding["hint"] for finding in run["results"]] == ["point it at a file, or remove it"]  # said once


@pytest.mark.parametrize("config", [
    {"d_model": 64, "n_layer": 2, "vocab_size": 128, "ssm_cfg": {}, "rms_norm": True},
    {"dim": 64, "n_layers": 2, "n_heads": 2, "vocab_size": 128, "norm_eps": 1e-5},
], ids=["Mamba's original", "params.json by another name"])
def test_a_config_that_is_read_without_a_model_type_is_none_that_lacks_it(config, folder, check):
    write_file("config.json", json.dumps(config))
    code, run = check("config.json", "--only-specs")
    assert (code, run["checked"], [f for f in run["results"] if f["severity"] == "error"]) == (0, 1, [])


@pytest.mark.parametrize(("name", "hint"), [
    ("UTF-16", "save it as UTF-8"), ("UTF-16 config", "save it as UTF-8"),
    ("misspelt marker", "begin it with `paramcalc: 1`"),
    ("empty config", "complete it, or remove it"), ("cut config", ""),
])
def test_a_near_miss_has_the_hint_of_its_cause(name, hint, folder, check):
    path, text = NEAR[name]
    write_file(path, text)
    first = next(finding for finding in check(".")[1]["results"] if finding["rule"] == "PC008")
    assert first["hint"] == hint


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
def test_another_encoding_is_named(encoding, folder, check):
    write_file("a.yaml", SPEC.encode(encoding))
    messages = [(finding["message"], finding["hint"]) for finding in check(".")[1]["results"]]
    assert messages == [(f"is {encoding}, not UTF-8", "save it as UTF-8"),
                    ("expected UTF-8 text, found byte 0xff", f"save it as UTF-8: it looks like {encoding}")]


OTHERS = {
    "conf/train.yaml": "lr: 3e-4\nbatch_size: 8\n", "ui/config.json": '{"theme": "dark"}',
    "package.json": '{"name": "x"}', "tsconfig.json": "{ // comment\n}",
    "k8s.yaml": "apiVersion: v1\nkind: List\n---\napiVersion: v1\n",
    "action.yml": "name: a\ndescription: hidden_size\ninputs: {}\noutputs: {}\nruns: {}\n",
    "ci.yml": "include: x\nparamcalc:\n  script: paramcalc check\n", "tabs.yaml": "a:\n\tb: 1\n",
    "null.yaml": "# x\n---\n~\n",
    "list.yaml": "- vocab_size\n- hidden_size\n- num_layers\n", "tags.yaml": "!Ref a\n", "cut.json": "{",
    "nested.yaml": "model:\n  vocab_size: 8\n  hidden_size: 8\n  num_layers: 8\n  num_heads: 8\n",
    "text.yaml": "doc: |\n  paramcalc: 1\n  vocab_size: 8\n", "jsonc/config.json": '{"theme": "dark", // x\n}',
    "few.yaml": "vocab_size: 32\nhidden_size: 8\n", "config_sentence.json": '{"model_type": "SentenceTransformer"}',
    "values.yaml": "name: a\nsource: b\nparamcalc:\n  image: c\n", "versions.yaml": "paramcalc: 1.2.3\nnumpy: 2.1\n",
    "tools.json": '{"name": "a", "paramcalc": {"paths": []}}', "locked.json": '{"paramcalc": "^1.0", }',
    "tokenizer.json": "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "zero.yaml": "\0" * 100, "latin.yaml": b"caf\xe9: 1\n", "colons.yaml": "::::\n" * 100,
}


def test_files_of_others_never_fail(folder, check):
    for path, text in OTHERS.items():
        write_file(path, text)
    code, run = check(".", "--strict")
    assert (code, run["results"], run["checked"], run["others"]) == (0, [], 1, len(OTHERS))
    code, run = check(*OTHERS, "--only-specs", "--strict")
    assert (code, run["results"], run["checked"], run["others"]) == (0, [], 0, len(OTHERS))


@pytest.mark.parametrize("line", ["lr: 3e-4", "batch_size: 8", "optimizer: adamw", "max_steps: 100", "seed: 1",
                                  "trainer: {devices: 8}", "lr_scheduler: cosine", "data: c4", "wandb.project: x"])
def test_settings_of_a_run_never_fail_though_they_repeat_sizes(line, folder, check):
    write_file("train.yaml", BARE + line + "\n")
    code, run = check(".")
    assert (code, run["results"], run["checked"]) == (0, [], 1)
    assert next(file["why"] for file in run["files"] if file["path"] == "train.yaml").endswith("but no `paramcalc: 1`")
    write_file("train.yaml", BARE + "lrate: 1\n")
    assert check(".")[0] == 2


def test_files_that_are_passed_over_are_listed_and_fail_when_strict(folder, check, capsys):
    for path in (".hidden/a.yaml", "vendor/b.yaml", "build/c.yaml", "nested/d.yaml", ".e.yaml"):
        write_file(path, SPEC)
    write_file("mine.yaml", "lr: 1\nwd: 1\nsteps: 1\nwarmup: 1\nvocab_size: 8\nhidden_size: 8\nnum_layers: 2\n")
    write_file(".hidden/other.yaml", "a: 1")
    for path in (".venv/pyvenv.cfg", ".venv/lib/x.yaml", "node_modules/x.yaml"):
        write_file(path, SPEC)
    write_file(".gitignore", "build/\n")
    os.mkfifo("pipe.yaml")
    os.symlink("vendor", "inside")
    for name in (".", "nested"):
        subprocess.run(["git", "init", "-q", name], check=True)  # noqa: S607
    code, run = check(".")
    assert (code, run["results"], run["checked"]) == (0, [], 1)
    skipped = {file["path"]: file["why"] for file in run["files"] if file["state"] == "skipped"}
    assert skipped == {
        ".hidden/a.yaml": "in a hidden folder", "vendor/b.yaml": "in a folder named vendor",
        "build/c.yaml": "ignored by git", "nested/d.yaml": "in another repository", ".e.yaml": "hidden",
        "pipe.yaml": "not a regular file",
        "mine.yaml": "3 keys of a specification (vocab_size, hidden_size, num_layers), but no `paramcalc: 1`"}
    assert sorted(run["unsearched"]) == [".venv", "inside", "node_modules"]
    code, run = check(".", "--strict")
    assert (code, {(f["path"], f["rule"]) for f in run["results"]}) == (1, {(path, "PC009") for path in skipped})
    assert check(".", "--strict", "--ignore", "PC009")[0] == 0
    guarded(["check", "."])
    assert "1 file checked, 7 skipped: 1 hidden, " in capsys.readouterr().out


UNCLEAR = {
    "a specification within": ("a.yaml", "model:\n" + "\n".join(f"  {line}" for line in SPEC.splitlines()),
                               "has a specification within"),
    "a list of specifications": ("a.yaml", "- " + SPEC.replace("\n", "\n  "), "has a specification within"),
    "merged keys": ("a.yaml", "of: &a\n" + "\n".join(f"  {line}" for line in SPEC.splitlines()) + "\n<<: *a\n",
                    "has a specification within"),
    "a config in YAML": ("a.yaml", "model_type: llama\nhidden_size: 8\n",
                         "has model_type and hidden_size as a config.json, but is YAML"),
    "a specification in JSON": ("a.json", FLOW,
                                "has 4 keys of a specification (name, vocab_size, hidden_size), but no `paramcalc: 1`"),
    "a large config that begins with other words": ("config.json", f'{{"x": "{"y" * 5_000_000}"}}',
                                                    "is too large to be read"),
    "kept by git LFS": ("a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
                        "is a Git LFS pointer, not the file it stands for"),
    "nothing": ("a.yaml", "", "is empty"), "blank lines": ("a.yml", "\n \t\r\n", "is empty"),
    "nothing in UTF-16": ("a.yaml", b"\xff\xfe", "is empty"),
    "comments": ("a.yaml", "%YAML 1.2\n--- # a\n  # lr: 1\r\n...\n", "has nothing but comments"),
    "a specification commented out": ("a.YAML", "# " + SPEC.replace("\n", "\n# "), "has nothing but comments"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_could_have_been_meant_is_listed(name, folder, check):
    path, text, why = UNCLEAR[name]
    write_file(path, text)
    code, run = check(".")
    assert (code, run["checked"], [file["why"] for file in run["files"] if file["state"] == "skipped"]) == (0, 1, [why])
    assert check(".", "--strict")[0] == 1


@pytest.mark.parametrize("named", [[".", ".hidden/a.yaml"], [".hidden/a.yaml", "."], [".", ".hidden"],
                                   [".", ".hidden", "--only-specs"], [".", ".hidden/a.yaml", "--only-specs"]])
def test_what_is_named_is_checked_though_a_folder_above_it_passes_it_over(named, folder, check):
    write_file(".hidden/a.yaml", SPEC)
    write_file(".hidden/x.yaml", "a: 1")
    code, run = check(*named)
    assert (code, run["checked"], run["others"], {file["state"] for file in run["files"]}) == (0, 2, 1, {"checked"})


def test_a_linked_folder_is_not_followed_and_its_files_are_listed(folder, tmp_path_factory, check):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.yaml").write_text(SPEC)
    os.symlink(outside, "linked")
    os.symlink(outside, outside / "loop")
    run = check(".")[1]
    assert [(f["path"], f["why"]) for f in run["files"][1:]] == [("linked/a.yaml", "in a linked folder")]


def test_a_folder_that_cannot_be_read_is_an_error(folder, check, monkeypatch):
    write_file("locked/a.yaml", SPEC)
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scan("/nowhere/at/all") if str(path) == "locked" else scan(path))
    code, run = check(".")
    assert code in {1, 2}
    assert "cannot be searched" in run["results"][0]["message"]


def test_what_is_installed_is_not_looked_at_for_ever(folder, monkeypatch):
    monkeypatch.setattr("paramcalc.checks.finder.LOOKS", 10)
    for number in range(20):
        write_file(f".cache/{number}/a.yaml", SPEC)
    search = find([Path()])
    assert search.unsearched
    assert len(search.files) < 12


SLOW = {
    "blank lines": (b"a: 1\n", b"\n", 4_000_000, b"vocab_size: 8\n"),
    "blanks": (b"vocab_size: 8\n", b" ", 4_000_000, b""),
    "keys": (b"vocab_size: 8\n", b"a:\n", 1_300_000, b""), "quotes": (b"{vocab_size", b'"', 4_000_000, b""),
    "question marks": (b"", b"? ", 2_000_000, b"vocab_size"), "brackets": (b"{vocab_size: ", b"[", 200_000, b""),
    "a comment": (SPEC.encode() + b"# paramcalc: ignore PC301", b" ", 4_000_000, b"x\n"),
    "comments": (SPEC.encode(), b"# paramcalc: ignore PC301 ", 150_000, b""),
    "blank lines alone": (b"", b"\n", 4_000_000, b""), "empty comments": (b"", b" #\n", 1_300_000, b""),
}
"""What a file begins with, what is repeated how often, and what it ends with."""


@pytest.mark.parametrize("name", SLOW)
def test_no_file_takes_long(name, folder):
    begin, repeated, times, end = SLOW[name]
    write_file("a.yaml", begin + repeated * times + end)
    within(2, guarded, ["check", "."])


def test_a_cut_config_of_another_name_is_listed(folder, check):
    write_file("a/model.json", '{"model_type": "llama", "hidden_size": 64')
    code, run = check(".")
    assert (code, [file["why"] for file in run["files"] if file["state"] == "skipped"]) == (
        0, ["is not JSON, but names a model_type and sizes"])
    assert check(".", "--strict")[0] == 1


def test_links_in_a_circle_are_files_that_cannot_be_read(folder, check):
    os.symlink("loop", "loop")
    os.symlink("circle.yaml", "circle.yaml")
    code, run = check(".")
    assert code == 2
    assert {(finding["path"], finding["message"]) for finding in run["results"]} == {
        ("circle.yaml", "cannot be read: too many levels of symbolic links")}
