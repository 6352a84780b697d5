"""Pixtral's vision tower and Mistral 3's patch merger. arXiv:2410.07073."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.clip import heads
from paramcalc.readers.families.towers.llava import two_matrices, width_of
from paramcalc.readers.families.towers.parts import ROTARY, Layer, Parts, conv, dense, layers, projector, rms, tower

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.whole import Towers, Whole
    from paramcalc.spec.tower import Tower

LAYER = Layer("attention_norm", "attention", "ffn_norm", "feed_forward", names={}, norm="rmsnorm", bias=(),
              mlp_bias=False, gated=True)


def vision(config: Config, at: str) -> Tower:
    """A Llama over patches, with rotary positions of two dimensions."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {"patch_conv": conv(width, config.integer("num_channels"), patch, patch, bias=False,
                                         component="other"),
                      "ln_pre": rms(width), "positions": ROTARY, "transformer.layers": layers(config.layers)}
    block = LAYER(width, heads(config), config.integer("intermediate_size"))
    return tower("vision", width, modules, {"layer": block}, at)


def mistral3(whole: Whole) -> Towers:
    """Patches are normed, joined in squares, and projected twice."""
    config, at = whole.config, whole.at("multi_modal_projector")
    width = whole.part("vision_config", "pixtral").integer("hidden_size")
    factor = config.integer("spatial_merge_size")
    join: Parts = {f"{at}.norm": rms(width).model_copy(update={"uses": factor**2}),
                   f"{at}.patch_merger.merging_layer": dense(width, width * factor**2, bias=False)}
    return {**whole.tower("vision_config", "vision_tower", "pixtral"),
            "projector": projector(join | two_matrices(whole, width_of(whole, "pixtral")), width)}
