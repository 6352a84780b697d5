"""Rules: the first that fits counts, one that fits nothing is refused, layers part ways only where formats differ."""

import pytest

from paramcalc.build import build
from paramcalc.catalog.formats import find_format
from paramcalc.errors import SpecError, UsageError
from paramcalc.measures.parameters import count, rows
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.quantize import Rule, by_rules, pattern, quantize

pytestmark = pytest.mark.smoke

SMALL = {"vocab_size": 512, "hidden_size": 256, "num_layers": 4, "num_heads": 4, "intermediate_size": 768}
GPT_OSS_20B = {
    "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880,
    "num_local_experts": 32, "num_experts_per_tok": 4, "vocab_size": 201088, "tie_word_embeddings": False,
    "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
        "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]},
}


def small():
    return build(ModelSpec.model_validate(SMALL))


def test_a_star_means_the_linear_layers_of_the_body():
    size = weight_bytes(by_rules(small().tree, [Rule("*", find_format("fp8"))]))
    body = 4 * (4 * 256 * 256 + 3 * 256 * 768)
    assert size.formats == {"fp8_e4m3": body, "bf16": 2 * (count(small().tree).total - body)}


def test_the_first_rule_that_fits_counts():
    tree = by_rules(small().tree, [Rule("*.mlp.*", None), Rule("*", find_format("fp8"))])
    assert weight_bytes(tree).formats["fp8_e4m3"] == 4 * 4 * 256 * 256


def test_a_rule_that_fits_nothing_is_refused_unless_it_may():
    fine = Rule("*", find_format("fp8"))
    with pytest.raises(UsageError, match=r"'\*\.mpl\.\*' matches no tensor"):
        by_rules(small().tree, [Rule("*.mpl.*", None), fine])
    assert by_rules(small().tree, [Rule("*.mpl.*", None, optional=True), fine])


def test_rules_of_a_specification_are_refused_at_their_place():
    spec = SMALL | {"quantize": [{"match": "nothing", "format": "fp8"}]}
    with pytest.raises(SpecError, match=r"quantize\[0\].match: rule 'nothing' matches no tensor"):
        in_formats(build(ModelSpec.model_validate(spec)))


def test_layers_part_only_where_their_formats_differ():
    q8 = find_format("q8_0")
    tree = quantize(small().tree, lambda name, tensor, layer: q8 if layer in (0, 3) and tensor.part else None)
    stack = next(node for _, node, _, _ in tree.walk() if node.order)
    assert stack.order == (0, 1, 1, 0)
    assert [child.stored for child in stack.children] == [2, 2]
    assert rows(tree) == rows(small().tree)


@pytest.mark.parametrize(
    ("match", "name", "fits"),
    [
        ("lm_head", "lm_head.weight", True),
        ("mlp.gate", "model.layers.3.mlp.gate.weight", True),
        ("mlp.gate", "model.layers.3.mlp.gate_proj.weight", False),
        ("model.layers.*.self_attn", "model.layers.3.self_attn.q_proj.weight", True),
        ("model.layers.1.*", "model.layers.11.mlp.up_proj.weight", False),
        (r"re:.*mlp\.(gate|up)_proj.*", "model.layers.3.mlp.up_proj.weight", True),
        (r"re:.*mlp\.(gate|up)_proj.*", "model.layers.3.mlp.down_proj.weight", False),
    ],
)
def test_patterns(match, name, fits):
    assert pattern(match)(name) is fits


def test_gpt_oss_is_as_large_as_its_files():
    """model.safetensors.index.json of openai/gpt-oss-20b says total_size 13761264768."""
    model = in_formats(build(read_config(GPT_OSS_20B).spec))
    assert weight_bytes(model.tree).total == 13761264768


def test_none_undoes_what_a_config_says():
    model = build(read_config(GPT_OSS_20B).spec)
    assert weight_bytes(in_formats(model, "none").tree).total == 2 * count(model.tree).total
