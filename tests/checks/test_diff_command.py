"""`paramcalc diff`: what changed, between paths, presets and revisions, as table, markdown and JSON."""

import json
import subprocess

import pytest
from jsonschema import Draft202012Validator

from paramcalc.answers.registry import command_schema
from paramcalc.cli.main import run as guarded
from tests.checks.small import LAYER, SPEC, TOTAL


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "new.yaml").write_text(SPEC.replace("num_layers: 4", "num_layers: 5") + "num_kv_heads: 4\n", "utf-8")
    return tmp_path


def diff(capsys, *arguments):
    code = guarded(["diff", *arguments])
    out = capsys.readouterr()
    return code, out.out or out.err


def test_json_has_every_figure_component_and_tensor(pair, capsys):
    code, text = diff(capsys, "old.yaml", "new.yaml", "--json")
    changes = json.loads(text)
    Draft202012Validator(command_schema("diff")).validate(changes)
    thin = LAYER - 2 * 128 * 256
    assert (code, changes["same"]) == (0, False)
    figures = {f["name"]: f for f in changes["figures"]}
    change = 5 * thin - 4 * LAYER
    assert figures["total"] == {"name": "total", "old": TOTAL, "new": TOTAL + change, "change": change,
                                "share": round(change / TOTAL, 6)}
    assert (figures["bytes_bf16"]["change"], figures["cache_per_token"]["new"]) == (2 * change, 5 * 2 * 128 * 2)
    parts = {c["name"]: c["change"] for c in changes["components"]}
    assert parts["attention"] == 5 * (2 * 256 * 256 + 2 * 128 * 256) - 4 * 4 * 256 * 256
    assert sum(parts.values()) == change
    keys = [(t["shape"], t["old"], t["new"]) for t in changes["tensors"] if t["name"].endswith("k_proj.weight")]
    assert sorted(keys) == [([128, 256], 0, 5), ([256, 256], 4, 0)]


def test_table_and_markdown_say_the_same(pair, capsys):
    _, table = diff(capsys, "old.yaml", "new.yaml")
    _, markdown = diff(capsys, "old.yaml", "new.yaml", "--format", "markdown")
    for text in (table, markdown):
        assert f"{TOTAL:,}" in text
        assert "+25.00%" in text
    assert "| figure | old | new | change | percent |" in markdown
    assert markdown.count("\n|") > 12


def test_nothing_changed(pair, capsys):
    code, text = diff(capsys, "old.yaml", "old.yaml")
    assert (code, "the two hold the same tensors" in text) == (0, True)
    assert json.loads(diff(capsys, "old.yaml", "old.yaml", "--json")[1])["same"] is True


def test_what_holds_the_same_tensors_can_still_cost_otherwise(pair, capsys):
    code, text = diff(capsys, "old.yaml", "old.yaml", "--set", "window=64")
    assert (code, "figure" in text, "by tensor" in text) == (0, True, False)


def test_against_a_revision_and_a_preset(pair, capsys):
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], check=True, capture_output=True)  # noqa: S607
    (pair / "old.yaml").write_text(SPEC.replace("128", "192"), "utf-8")
    changes = json.loads(diff(capsys, "git:HEAD:old.yaml", "old.yaml", "--json")[1])
    assert changes["figures"][0]["change"] == 2 * 64 * 256
    assert json.loads(diff(capsys, "gpt2", "old.yaml", "--json")[1])["old"]["name"] == "gpt2"


@pytest.mark.parametrize(("old", "message"), [
    ("git:HEAD", "expected git:REVISION:path, found 'git:HEAD'"),
    ("git:--help:old.yaml", "expected a revision, found '--help'"),
    ("nowhere.yaml", "no such file"), ("git:HEAD:old.yaml", "git has no old.yaml at HEAD")])
def test_what_cannot_be_read(old, message, pair, capsys):
    code, text = diff(capsys, old, "new.yaml")
    assert code == 2
    assert message in text
