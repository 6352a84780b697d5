"""Idefics 2, Idefics 3 and SmolVLM: a SigLIP without its head, a perceiver or a pixel shuffle. arXiv:2405.02246."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Score
from paramcalc.readers.families.towers.frame import Layer, layers, projector, tower
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.parts import ROTARY, dense, down, norm, patched, product, rms, table, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower


def vision(config: Config, at: str) -> Tower:
    """Patches of an image of any size, whose positions are those of a square table."""
    width = config.integer("hidden_size")
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table(grid(config), width),
        "encoder.layers": layers(config.layers),
        "post_layernorm": norm(width),
    }
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def rotated(config: Config, at: str) -> Tower:
    """The same with rotary positions beside those of the table (PaddleOCR-VL)."""
    tower = vision(config, at)
    return tower.model_copy(update={"modules": {f"{at}.positions": ROTARY, **tower.modules}})


def idefics2(model: Composite) -> Towers:
    """A gated projection, then latents that attend to the patches and to themselves."""
    vision = model.part("vision_config", "idefics2_vision").integer("hidden_size")
    config = model.part("perceiver_config", "idefics2_perceiver")
    width, at = config.integer("hidden_size"), model.at("connector")
    inner = model.part("text_config", "mistral").integer("intermediate_size")
    gated: Parts = {
        f"{at}.modality_projection.gate_proj": product(up(inner, vision, bias=False, activated=True)),
        f"{at}.modality_projection.up_proj": product(up(inner, vision, bias=False)),
        f"{at}.modality_projection.down_proj": down(model.text.hidden_size, inner, bias=False),
    }
    count, few = config.integer("resampler_n_heads"), config.integer("num_key_value_heads")
    head = config.integer("resampler_head_dim")
    resampler = f"{at}.perceiver_resampler"
    modules: Parts = {
        f"{resampler}.latents": vector(config.integer("resampler_n_latents"), width),
        f"{resampler}.layers": layers(config.depth("resampler_depth")),
        f"{resampler}.norm": rms(width),
    }
    block: Parts = {
        "input_latents_norm": rms(width), "input_context_norm": rms(width),
        "self_attn": Attention(num_heads=count, num_kv_heads=few, head_dim=head, causal=False),
        "self_attn.context": Score(sizes=(2 * few * head, width), component="attention",
                                   per="source"),
        "self_attn.across": Score(sizes=(count, 2 * head), component="attention",
                                  per="source_pair"),
        "post_attention_layernorm": rms(width), "mlp": FeedForward(intermediate_size=4 * width),
    }
    return {**model.tower("vision_config", "vision_model", "idefics2_vision"),
            "projection": projector(gated, vision, "image"),
            "resampler": tower("projector", width, modules, {"layer": block}, stream="image_tokens")}


def idefics3(model: Composite) -> Towers:
    """Squares of `scale_factor` patches a side are joined and projected."""
    factor = model.config.integer("scale_factor")
    width = model.part("vision_config", "idefics3_vision").integer("hidden_size") * factor**2
    join: Parts = {"connector.modality_projection.proj": dense(model.text.hidden_size, width, bias=False)}
    return {**model.tower("vision_config", "vision_model", "idefics3_vision"), **model.join(join, width)}
