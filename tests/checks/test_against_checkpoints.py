"""`check --checkpoint`: what a file lacks, has beside, or holds in another shape or type, each by name."""

import json

import pytest

from paramcalc.cli.main import run as guarded

numpy, save = pytest.importorskip("numpy"), pytest.importorskip("safetensors.numpy").save_file
SPEC = """paramcalc: 1
source: https://example.com/made-up
vocab_size: 64
hidden_size: 64
num_layers: 2
num_heads: 2
intermediate_size: 64
tie_embeddings: true
# paramcalc: ignore PC402 - as small as can be
"""
LAYER = {"input_layernorm": [64], "post_attention_layernorm": [64], **{f"self_attn.{n}_proj": [64, 64] for n in "qkvo"},
         **{f"mlp.{n}_proj": [64, 64] for n in ("gate", "up", "down")}}
SHAPES = {"model.embed_tokens.weight": [64, 64], "model.norm.weight": [64],
          **{f"model.layers.{i}.{name}.weight": shape for i in range(2) for name, shape in LAYER.items()}}


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def run(shapes, more="", dtype="float16"):
        save({name: numpy.zeros(shape, dtype) for name, shape in shapes.items()}, "m.safetensors")
        (tmp_path / "m.yaml").write_text(SPEC + more, "utf-8")
        code = guarded(["check", "m.yaml", "--checkpoint", "m.safetensors", "--json"])
        return code, [(f["rule"], f["message"]) for f in json.loads(capsys.readouterr().out)["results"]]
    return run


def test_what_fits(compare):
    assert compare(SHAPES) == (0, [])


@pytest.mark.parametrize(("change", "message"), [
    ({"model.norm.weight": None}, "tensor model.norm.weight is missing"),
    ({"model.layers.1.mlp.up_proj.weight": None},
     "tensor model.layers.*.mlp.up_proj.weight: 2 expected, 1 found (without 1)"),
    ({"model.layers.0.mlp.up_proj.weight": None, "model.layers.1.mlp.up_proj.weight": None},
     "tensor model.layers.*.mlp.up_proj.weight is missing (2 of it)"),
    ({"model.layers.0.mlp.up_proj.weight": [96, 64]},
     "tensor model.layers.0.mlp.up_proj.weight has shape [96, 64], expected [64, 64]"),
    ({"lm_head.weight": [64, 64]}, "tensor lm_head.weight is not in the spec")])
def test_what_does_not_fit_is_named(change, message, compare):
    shapes = {name: shape for name, shape in (SHAPES | change).items() if shape}
    assert compare(shapes) == (1, [("PC006", f"m.safetensors: {message}")])


def test_types_are_held_where_the_spec_gives_them(compare):
    rule = "quantize: [{match: '*', format: fp32}]\n"
    assert compare(SHAPES, rule, "float32") == (0, [])
    code, findings = compare(SHAPES, rule, "float16")
    assert code == 1
    assert len(findings) == 7
    assert findings[0] == ("PC006", "m.safetensors: tensor model.layers.0.self_attn.q_proj.weight is held in fp16, "
                        "expected fp32")


@pytest.mark.parametrize("name", ["nowhere.safetensors", "m.yaml", "nowhere.gguf"])
def test_no_checkpoint_at_all(name, compare, capsys):
    compare(SHAPES)
    assert guarded(["check", "m.yaml", "--checkpoint", name]) == 2
    assert capsys.readouterr().err.startswith("error: ")
