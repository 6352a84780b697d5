"""Measure whole models and encoders: tests/data/towers/<type>.jsonl.

    python tests/oracle/towers.py                 # every class of towers.txt
    python tests/oracle/towers.py llava siglip    # these types only

Each class has its default configuration and two random small ones, in which the numbers of every nested configuration
differ from the defaults and, by and large, from each other. Records are as generate.py writes them. Defaults are
recorded with their text model cut to two layers where that is larger than the towers: what a text model holds is
tested elsewhere.
"""

from __future__ import annotations

import os
import random
import re
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import generate
import transformers
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "towers"
DRAWS, ATTEMPTS = 2, 40
TEXTS = ("text_config", "llm_config", "language_config")
MAPS = ("vocabulary_map",)
"""Keys without which a class does not build."""
SHALLOW = re.compile(r"layers$|^depth$|_depth$|^num_blocks$")
UNCHANGED = re.compile(
    r"num_feat_extract_layers|token|_index$|_id$|stride|seconds|version|seq_length|max_position|dilation|groups$|_bins$|upsample"
)
HEADS = re.compile(r"attention_heads$|num_heads$|kv_heads$|key_value_heads$")
WIDTH = re.compile(r"^(hidden_size|d_model|n_embd|emb_dim|embedding_dim|dim|embed_dim)$")
PATCH = re.compile(r"^patch_size$")
SIZE = re.compile(r"image_size$|^input_size$|crop_size$")
SWITCH = re.compile(
    r"bias$|_norm$|layernorm$|use_(head|mask|abs|rel|mean|swiglu|qk|gated)|vision_use_head|abs_pos|rel_pos"
)
FACTOR = re.compile(
    r"merge_size|scale_factor|downsample|ratio|shuffle|temporal|channels$|kernel|expansion|stack|window"
)


def varied(config: PreTrainedConfig, rng: random.Random, share: float = 1) -> dict[str, Any]:
    """Return new values for a share of the fields of one configuration, nested ones left out."""
    heads = rng.choice((2, 4))
    width = heads * 8 * rng.choice((2, 3, 4, 5))
    patch = rng.choice((4, 7, 8, 14))
    written = config.to_dict()
    values: dict[str, Any] = {name: written[name] for name in MAPS if written.get(name)}
    for name, value in written.items():
        if UNCHANGED.search(name) or name in ("problem_type", "chunk_size_feed_forward"):
            continue
        if share < 1 and not HEADS.search(name) and rng.random() > share:
            continue
        if isinstance(value, bool):
            if SWITCH.search(name) and rng.random() < 0.3:
                values[name] = not value
        elif isinstance(value, int):
            values[name] = _number(name, value, heads, width, patch, rng)
    return values


def _number(name: str, value: int, heads: int, width: int, patch: int, rng: random.Random) -> int:
    if FACTOR.search(name):
        return value
    for pattern, number in ((HEADS, heads), (WIDTH, width), (SHALLOW, rng.choice((2, 3, 4))), (PATCH, patch),
                            (SIZE, patch * rng.choice((4, 6, 8)))):  # fmt: skip
        if pattern.search(name):
            return number
    return 8 * rng.choice(range(3, 14)) if value > 16 else value


def drawn(owner: type[PreTrainedModel], model_type: str, turn: int) -> generate.Record | None:
    """Return the record of a random configuration that builds."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"{model_type}/{owner.__name__}/{turn}/{attempt}")
        identity = f"draw{turn + 1}__{model_type}__{owner.__name__}"
        try:
            share = min(1, 2 * (1 - attempt / ATTEMPTS))  # classes whose numbers hang together build with few changes
            config = _vary(building.default_config(model_type, owner), rng, text=attempt % 2 == 0, share=share)
            return generate.rebuilt(owner, config, model_type, identity)
        except Exception as error:  # what a draw may hit is as varied as the classes
            if os.environ.get("ORACLE_TRACE"):
                sys.stderr.write(f"{identity} {attempt}: {error!r:.300}\n")
    return None


def _vary(config: PreTrainedConfig, rng: random.Random, *, text: bool, share: float = 1) -> PreTrainedConfig:
    """Return a varied configuration with varied ones in it; without `text`, a text model is only made shallow."""
    values = varied(config, rng, share)
    for key, value in list(vars(config).items()):
        if not isinstance(value, PreTrainedConfig):
            continue
        if text or key not in TEXTS:
            values[key] = _vary(value, rng, text=text, share=share)
        else:
            _shallow(value)
            values[key] = value
    return type(config)(**values)


def _shallow(text: PreTrainedConfig) -> None:
    if (getattr(text, "num_hidden_layers", 0) or 0) > 4:
        text.num_hidden_layers = 2
        for key in ("layer_types", "mlp_layer_types", "indexer_types"):
            if getattr(text, key, None):
                setattr(text, key, getattr(text, key)[-2:])
        if getattr(text, "cross_attention_layers", None):
            text.cross_attention_layers = [1]


def records(model_type: str, name: str) -> list[generate.Record]:
    """Measure one class."""
    owner = building.model_class(model_type, name)
    rows: list[generate.Record] = []
    try:
        base = building.default_config(model_type, owner)
        for key in TEXTS:
            if isinstance(text := getattr(base, key, None), PreTrainedConfig):
                _shallow(text)
        rows.append(generate.rebuilt(owner, base, model_type, f"default__{model_type}__{name}"))
    except Exception as error:
        sys.stderr.write(f"{model_type} {name}: {error!r:.200}\n")
    for turn in range(DRAWS):
        record = drawn(owner, model_type, turn)
        if record is None:
            sys.stderr.write(f"{model_type} {name}: draw {turn + 1} does not build\n")
        else:
            rows.append(record)
    return rows


def main() -> None:
    """Write the files of the types asked for."""
    transformers.logging.set_verbosity_error()
    DATA.mkdir(parents=True, exist_ok=True)
    classes: dict[str, list[str]] = {}
    for line in (HERE / "towers.txt").read_text(encoding="utf-8").splitlines():
        model_type, name = line.split()
        classes.setdefault(model_type, []).append(name)
    for model_type in sys.argv[1:] or sorted(classes):
        lines = [generate.render(record) for name in classes[model_type] for record in records(model_type, name)]
        (DATA / f"{model_type}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
