"""Every preset against the config its publisher wrote: the same counts, tensors, weights, cache, FLOPs and
training memory.

The configs are the publisher's structural keys, and those that decide what training keeps, as the named page has them,
towers' included. Keys that have no effect on a figure are left out.
"""

import json
from pathlib import Path

import pytest

from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count, placed
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.readers.models import load
from paramcalc.readers.names import repository
from paramcalc.readers.presets import presets
from paramcalc.spec.media import Media, MediaItem
from paramcalc.transforms.formats import in_formats

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent / "data/published_configs.jsonl").read_text("utf-8").splitlines()]
MEDIA = Media((MediaItem(16, 16, (64, 64), 1),), (MediaItem(32, 32, (64,)),))
"""A picture of two tiles, and a recording, in each sequence."""
POLICIES = [Policy("flash"), Policy("eager", batch=2), Policy("sdpa", "full"), Policy("eager", "selective"),
            Policy("flash", library="megatron")]


def tensors(model):
    return sorted((item.name, item.tensor.shape, item.stored, item.used, item.tensor.component, item.tensor.dtype or "")
                  for item in placed(model.tree))


def apart(model):
    """What files hold and a forward pass leaves out."""
    return {name: sorted((item.name, item.tensor.shape, item.stored) for item in placed(tree))
            for name, tree in model.apart.items()}


def figures(model):
    """Everything a preset is asked for, by name."""
    return {
        "count": count(model.tree),
        "positions": model.spec.max_position_embeddings,
        "tensors": tensors(model),
        "weights": weight_bytes(in_formats(model).tree, "bf16"),
        "cache": [exact(mixers(model.tree), Serving(context, 2, 512), types("bf16")) for context in (1, 3000, 20_000)],
        "flops": [flops(model.tree, load) for load in (Workload(2, 512, 0, 512), Workload(1, 1, 6000, 512),
                                                       Workload(1, 512, media=MEDIA))],
        "training": {policy: activations(model, Tokens(policy.batch, 1024, 512, media=MEDIA), policy)
                     for policy in POLICIES},
    }


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["preset"])
def test_a_preset_is_its_published_config(record):
    preset = load(record["preset"]).spec
    config = read_config(record["config"]).spec
    assert (preset.family, preset.source, preset.uncounted) == (config.family, record["source"], ())
    ours, published = figures(build(preset)), figures(build(config))
    assert apart(build(preset)) == apart(build(config))
    for name, figure in published.items():
        assert ours[name] == figure, name


def test_every_preset_of_a_published_config_has_a_record():
    """One that is known from a paper alone (Chinchilla, GPT-3) has no config to be held to."""
    recorded = {record["preset"] for record in RECORDS}
    of_the_hub = {name for name in presets() if repository(load(name).spec.source.split()[0])}
    assert len(of_the_hub) > 300
    assert of_the_hub <= recorded <= set(presets())
