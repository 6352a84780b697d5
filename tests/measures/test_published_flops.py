"""FLOPs as papers and notebooks print them, each with the conventions it states."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count, placed
from paramcalc.measures.rules_of_thumb import palm, six_n_d
from paramcalc.readers.models import load
from paramcalc.spec.model import ModelSpec
from tests.yaml_files import read_yaml

DATA = read_yaml(Path(__file__).parent.parent / "data" / "evidence" / "flops.yaml")
NANO, CHINCHILLA, PALM, CALFLOPS = (DATA[name] for name in ("nanogpt", "chinchilla", "palm", "calflops"))


def tree(**fields):
    return build(ModelSpec.model_validate(fields)).tree


@pytest.fixture(scope="module")
def nano():
    return tree(**NANO["spec"])


def lines(sums, parameters):
    """Sums of the notebook's lines from those that are not sums, for its 12 layers."""
    attention = [key for key in sums if key.startswith("attention/")]
    mlp = [key for key in sums if key.startswith("mlp/")]
    sums["attention"], sums["mlp"] = (sum(sums[key] for key in keys) for keys in (attention, mlp))
    sums["block"] = sums["attention"] + sums["mlp"]
    sums["transformer"] = 12 * sums["block"]
    return sums if parameters else sums | {"forward_total": sums["transformer"] + sums["dense"]}


def test_nanogpt_parameters_line_by_line(nano):
    sums = {}
    for item in placed(nano):
        key = line_of(item.name)
        copies = item.stored // 12 if ".layers." in item.name else item.stored
        sums[key] = sums.get(key, 0) + copies * item.tensor.numel
    by_line = lines(sums, parameters=True)
    assert by_line | {"total": count(nano).total} == NANO["parameters"]


LINES = {"embed_positions": "embedding/position", "embed_tokens": "embedding/token", "lm_head": "dense",
         "input_layernorm": "attention/ln", "post_attention_layernorm": "mlp/ln", "q_proj": "attention/kqv",
         "k_proj": "attention/kqv", "v_proj": "attention/kqv", "o_proj": "attention/proj", "up_proj": "mlp/ffw",
         "down_proj": "mlp/proj", "norm": "ln_f"}


def line_of(name):
    """The notebook's line of one of our tensors."""
    return LINES[name.split(".")[-2]]


def test_nanogpt_flops_line_by_line(nano):
    """Matrices from the tensors, scores and reduction from the work that has no weight."""
    seq, by_part = NANO["seq"], {}
    for item in placed(nano):
        if item.tensor.role == "matmul" and ".layers." in item.name:
            key = {"mlp/ffw": "mlp/ffw1", "mlp/proj": "mlp/ffw2"}.get(line_of(item.name), line_of(item.name))
            by_part[key] = by_part.get(key, 0) + 2 * seq * item.tensor.numel
    layer = next(node for _, node, stored, _ in nano.walk() if stored == 12)
    for _, node, _, _ in layer.walk():
        for work in node.work():
            heads, widths = work.shape  # a pair costs a head's width for its score and as much for its value
            by_part["attention/scores"] = by_part["attention/reduce"] = seq * seq * heads * widths
    counted = flops(nano, Workload(1, seq))
    by_part["dense"] = counted.components["lm_head"]
    by_part = lines(by_part, parameters=False)
    assert by_part["forward_total"] == counted.forward
    total = {"backward_total": counted.backward, "total": counted.forward + counted.backward}
    assert by_part | total == NANO["flops"]


def test_nanogpt_palm_rule(nano):
    seq = NANO["seq"]
    assert palm(nano, seq, seq) == NANO["palm"]
    positions = 6 * NANO["parameters"]["embedding/position"] * seq
    assert palm(nano, seq, seq) - positions == NANO["palm_without_positions"]


@pytest.mark.parametrize("row", CHINCHILLA["rows"], ids=lambda row: str(row[4]))
def test_chinchilla_table_a4(row):
    """The layers alone, and softmax as the paper counts it; the ratio is to 6 N D with its N."""
    layers, hidden, heads, head, parameters, theirs, ratio = row
    seq, vocab = 2048, 32000
    totals = flops(tree(vocab_size=vocab, hidden_size=hidden, num_layers=layers, num_heads=heads, head_dim=head,
                        ffn_ratio=4, gated=False, tie_embeddings=True), Workload(1, seq))
    softmax = 3 * layers * heads * seq * seq
    assert 3 * (totals.forward - totals.components["lm_head"] + softmax) == theirs
    assert rounded(Decimal(theirs) / (6 * parameters * seq), ratio) == ratio


def test_palm_model_flops_utilization():
    model = tree(**PALM["spec"])
    rate = Decimal(100 * PALM["tokens_per_second"]) / PALM["peak"]
    assert rounded(rate * palm(model, 1, PALM["seq"]), PALM["mfu"]) == PALM["mfu"]
    assert rounded(rate * six_n_d(model, 1), PALM["mfu"]) == PALM["mfu_without_attention"]


@pytest.mark.parametrize(("name", "head", "printed"), CALFLOPS["rows"])
def test_calflops(name, head, printed):
    components = flops(build(load(name).spec).tree, Workload(1, CALFLOPS["seq"])).components
    ours = sum(amount for component, amount in components.items() if head or component != "lm_head")
    below = 100 * (1 - Decimal(ours) / 10**9 / Decimal(printed))
    assert -Decimal("0.001") < below < Decimal(CALFLOPS["at_most_below_percent"])


def rounded(value, printed):
    """As many digits as are printed."""
    return str(value.quantize(Decimal(1).scaleb(Decimal(printed).as_tuple().exponent), ROUND_HALF_UP))
