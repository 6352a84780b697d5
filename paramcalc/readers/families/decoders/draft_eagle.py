"""EAGLE: drafts that join the embedding of the last token to states of the target.

Sources: arXiv:2401.15077 (EAGLE), arXiv:2503.01840 (EAGLE-3), SafeAILab/EAGLE cnets.py, sgl-project/SpecForge
specforge/modeling/draft and vllm-project/speculators models/eagle3 and models/peagle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.families.decoders.drafts import (
    decoder_layer,
    draft_spec,
    is_speculator,
    layer_config,
    normalizes_heads,
    token_maps,
)
from paramcalc.spec.caveats import Caveat

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.spec.model import ModelSpec

EAGLE3_STATES = 3
"""Layers of the target whose states EAGLE-3 reads: a low, a middle and a high one. arXiv:2503.01840 section 3.1."""


def eagle(config: Config) -> ModelSpec:
    """EAGLE 1 and 2: the target's token table, a projection of token and state, layers without a first norm."""
    width = config.integer("hidden_size")
    modules: Parts = {"embed_tokens": Embedding(),
                      "fc": Linear(in_features=2 * width, bias=config.flag("bias", default=True))}
    for index in range(config.layers):
        layer = decoder_layer(config, f"layers.{index}")
        if index == 0:
            layer.pop("layers.0.input_layernorm")
        modules |= layer
    return draft_spec(config, modules)


def eagle3(config: Config) -> ModelSpec:
    """EAGLE-3: one layer that reads the token and the target's states side by side, and a head of a small vocabulary.

    Files of the speculators format hold the token table too, and may have further layers, as the target has them.
    """
    return _eagle3(config, own_table=is_speculator(config))


def peagle(config: Config) -> ModelSpec:
    """P-EAGLE: EAGLE-3 of several layers that predicts several tokens at once, from a learned state where it has none.

    Its token table is trained, and so a part of it.
    """
    spec = _eagle3(config, own_table=True, maps=not is_speculator(config))
    mask = Parameter(shape=(1, 1, _states(config) * _state_width(config)), added=True)
    return spec.model_copy(update={"modules": {**(spec.modules or {}), "mask_hidden": mask}})


def _eagle3(config: Config, *, own_table: bool, maps: bool = False) -> ModelSpec:
    """The parts that all kinds of EAGLE-3 share. Those with a table of their own may have several layers; `maps` where
    tokens are mapped even if all are known."""
    at = "layers.0" if own_table else "midlayer"
    layer = layer_config(config)
    width, rows = layer.integer("hidden_size"), layer.integer("vocab_size")
    draft = config.integer("draft_vocab_size", None if is_speculator(config) else rows)
    normed = is_speculator(config) and normalizes_heads(layer)
    config.read |= {"norm_output", "norm_before_residual", "embed_requires_grad"}
    modules: Parts = {"embed_tokens": Embedding()} if own_table else {}
    modules |= _projection(config) | {f"{at}.hidden_norm": Norm(kind="rmsnorm")}
    modules |= decoder_layer(layer, at, reads=2 * width, qk_norm=normed)
    for index in range(1, layer.layers if own_table else 1):
        modules |= decoder_layer(layer, f"layers.{index}", qk_norm=normed)
    modules |= {"norm": Norm(kind="rmsnorm"), "lm_head": Linear(out_features=draft, component="lm_head")}
    spec = draft_spec(layer, modules | (token_maps(draft, rows) if maps or draft != rows else {}))
    if own_table or layer.data.get("num_hidden_layers", 1) == 1:
        return spec
    return spec.model_copy(update={"caveats": (*spec.caveats, Caveat(
        figure="parameters", known="bound", reason="num_hidden_layers: one layer, which each program builds, is "
        f"counted of {layer.layers:,}"))})


def _projection(config: Config) -> Parts:
    """From the target's states, each or all of them normalized where the file says so, to the draft's width."""
    states, width = _states(config), _state_width(config)
    norms: Parts = {}
    if config.flag("fc_norm"):
        norms = {f"fc_norm.{index}": Norm(kind="rmsnorm", hidden_size=width) for index in range(states)}
    elif config.flag("norm_before_fc"):
        norms = {"input_norm": Norm(kind="rmsnorm", hidden_size=states * width)}
    return {**norms, "fc": Linear(in_features=states * width)}


def _states(config: Config) -> int:
    """How many of the target's layers are read."""
    own = config.settings("eagle_config", "eagle_aux_hidden_state_layer_ids", "use_aux_hidden_state")
    listed = config.get("eagle_aux_hidden_state_layer_ids") or own.get("eagle_aux_hidden_state_layer_ids")
    return len(listed) if isinstance(listed, list) and listed else EAGLE3_STATES


def _state_width(config: Config) -> int:
    """The width of a state of the target."""
    width = layer_config(config).integer("hidden_size")
    return width if config.get("target_hidden_size") is None else config.integer("target_hidden_size")


ROWS: dict[str, Builder] = {"eagle": eagle, "eagle3": eagle3, "peagle": peagle}
