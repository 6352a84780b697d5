"""What a dimension is called and made of, by which a model is divided among devices.

`tests/data/tp_plans.json` is which dimension transformers 5.23.0 divides (`tests/oracle/tp_plans.py`).
"""

import contextlib
import json
import re
from itertools import product
from pathlib import Path

import pytest

from paramcalc.activations import saves
from paramcalc.activations.class_facts import class_facts
from paramcalc.activations.forward import Forward, UnknownActivationsError
from paramcalc.activations.policy import Policy
from paramcalc.axes import runs
from paramcalc.build import build
from paramcalc.measures.parameters import placed
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import counted_types
from paramcalc.transforms.shard import DIVIDED, REPEATED

DATA = Path(__file__).parents[1] / "data"
PLANS = {kind: plan for kind, plan in json.loads((DATA / "tp_plans.json").read_text("utf-8")).items()
         if kind in counted_types()}
RECORDS = [json.loads(line) for path in sorted((DATA / "oracle").glob("*.jsonl"))
           for line in path.read_text("utf-8").splitlines()[1:2]]
DRAWS = [record for record in RECORDS if record["model_type"] in counted_types()]


def tree(record):
    return build(read_config(record["config"]).spec).tree


def kept(record):
    """Each component, what of it is stored, computed or kept for backward."""
    model = build(read_config(record["config"]).spec)
    facts = class_facts(model.spec)
    for path, node, _, _ in model.tree.walk():
        yield node, [*node.tensors, *node.states(path), *node.work(path)]
        save = saves(node.part.kind) if node.part and node.context else None
        for how in product(("eager", "sdpa", "flash"), ("none", "per-op")) if save else ():
            run = Forward(node.context, Policy(*how), facts, layer=True, rotary=True)
            with contextlib.suppress(UnknownActivationsError):
                yield node, save(node.part, run)


@pytest.mark.parametrize("record", DRAWS, ids=lambda record: record["id"])
def test_runs_make_up_their_dimension(record):
    for _, leaves in kept(record):
        for leaf in leaves:
            for name, size in zip(leaf.axes, leaf.shape, strict=True):
                assert sum(run.units * run.size for run in runs(name, size)) == size, (leaf.name, name)


FIELDS = {
    "heads": ("num_heads", "value_heads", "key_heads", "heads", "num_kv_heads"),
    "kv_heads": ("num_kv_heads", "num_heads"),
    "groups": ("groups",),
    "o_groups": ("o_groups",),
    "hidden": ("hidden_size", "source_size", "value_source_size", "output_size", "in_features", "out_features",
               "in_channels"),
    "ffn": ("intermediate_size", "shared_size", "in_features", "out_features"),
    "chosen": ("top_k",),
    "experts": ("experts",),
    "inner": ("inner_size", "attention_size", "lru_width", "channels"),
    "kernel": ("conv_kernel", "kernel", "depthwise_kernel", "grouped_kernel"),
}
"""A name to the fields that may say how many of it there are."""
NAMES = {*FIELDS, "vocab", "reach", "latent", "router", "rows", "head_dim", "state", "dt", "rope", "one", "out",
         "streams", "halves", "index_heads", "index_key", "block", "axis"}
"""All there are, but for numbers behind them; any other would be held whole by every device."""


@pytest.mark.parametrize("record", DRAWS, ids=lambda record: record["id"])
def test_a_dimension_is_of_as_many_as_the_component_says(record):
    for node, leaves in kept(record):
        for leaf in leaves:
            for name, size in zip(leaf.axes, leaf.shape, strict=True):
                for run in runs(name, size):
                    assert run.name.rstrip("0123456789") in NAMES, (leaf.name, run)
                    if run.name in FIELDS:
                        sizes = [getattr(node.part, field, None) for field in FIELDS[run.name]]
                        sizes += [node.part.width(node.context)] if run.name in ("hidden", "inner") else []
                        assert run.units in sizes or apart(node.part, run), (leaf.name, run)


def apart(part, run):
    """Zaya's values come in two halves, which are not of whole heads; a convolution over keys knows their channels
    alone; of JetMoE's experts each has as many heads as there are keys; hyper-connections read all streams at once;
    what a bare scale multiplies is as wide as the scale; two heads that differ are normed as one; each head of Zamba's
    scan has a part of the channels."""
    exceptions = {
        "depthwise_conv": lambda: run.name == "kv_heads",
        "moe_attention": lambda: run.units == part.top_k * part.num_kv_heads,
        "convolved_attention": lambda: run == ("kv_heads", part.num_kv_heads * part.head_dim // 2, 1),
        "mamba": lambda: run.name == "inner" and run.units * part.heads == part.inner_size,
        "parameter": lambda: run.units == part.shape[-1],
        "differential_attention": lambda: run.units == part.num_heads // 2,
        "hyper_connection": lambda: run.name == "hidden",
    }
    return exceptions.get(part.kind, bool)()


@pytest.mark.parametrize("kind", PLANS)
def test_the_dimension_the_library_divides(kind):
    compared = set()
    with (DATA / "oracle" / f"{kind}.jsonl").open(encoding="utf-8") as lines:
        default = json.loads(next(lines))
    for item in placed(tree(default)):
        key = planned(PLANS[kind], item.name)
        if key and len(item.tensor.shape) == 2:
            shares = [divided(*each) for each in zip(item.tensor.axes, item.tensor.shape, strict=True)]
            assert shares == [PLANS[kind][key] == "colwise", PLANS[kind][key] == "rowwise"], item.name
            compared.add(key)
    assert compared == set(PLANS[kind])


def planned(plan, name):
    starred = re.sub(r"\.\d+\b", ".*", name)
    return next((key for key in plan if starred.endswith(f".{key}.weight")), None)


def divided(name, size):
    return any(run.name in DIVIDED | REPEATED for run in runs(name, size))
