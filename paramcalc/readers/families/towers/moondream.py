"""Moondream 2 and 3: Phi-1.5, or experts in its shape, that reads SigLIP's patches, and networks that read and give
coordinates.

Their config.json says nothing: every size stands in their own config.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.base import Parts
from paramcalc.components.linear import Parameter
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, projector, tower
from paramcalc.readers.families.towers.parts import dense, down, norm, positioned, up, vector

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

TEXT = {"vocab_size": 51_200, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 32, "num_key_value_heads": 32, "tie_word_embeddings": False}
AT = "model.text"
DECODER = Row(True, True, True, True, gated=False, norm="layernorm", placement="parallel", more={"fused_qkv": True},
              names={"embed_tokens": f"{AT}.wte", "layers": f"{AT}.blocks", "norm": f"{AT}.post_ln",
                     "lm_head": f"{AT}.lm_head", "input_layernorm": "ln", "self_attn": "attn", "qkv_proj": "qkv",
                     "o_proj": "proj", **FC})
EXPERTS = {"num_local_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 1024}
DENSE = 4
"""Layers of Moondream 3 before the first with experts."""


def _temperatures(config: Config, *_: str) -> dict[str, Any]:
    """What scales queries and values: a product of the joint projection and a slope over positions for each head."""
    heads, width = config.integer("num_attention_heads"), config.integer("hidden_size")
    joint = width + 2 * config.kv_heads * (width // heads)
    learned = {name: Parameter(shape=(heads, joint), component="attention", role="matmul") for name in ("wq", "wv")}
    slope = Parameter(shape=(heads,), component="attention", scales=True)
    return {"beside": {f"attn.tau.{name}": part for name, part in (*learned.items(), ("alpha", slope))}}


SPARSE = replace(DECODER, block=_temperatures, experts=Experts(
    router_bias=True, layers=lambda c: ["dense"] * DENSE + ["moe"] * (c.layers - DENSE),
    more={"gated": True, "fused": True, "layout": "stacked", "stacked_transposed": False,
          "names": {"experts.gate_up_proj": "fc1.weight", "experts.down_proj": "fc2.weight"}}))
"""Moondream 3's decoder. moondream/moondream3-preview text.py; ml-explore's port in Blaizzy/mlx-vlm moondream3."""
WIDTH, INNER, DEPTH, HEADS, PATCH, CROP, PROJECTED = 1152, 4304, 27, 16, 14, 378, 8192
"""Of the vision tower and of what leads from it to the text model."""
BLOCK = Layer("ln1", "attn", "ln2", fused="qkv",
              names={"qkv_proj": "qkv", "o_proj": "proj", **FC})
REGIONS = {"coord": (256, 1024, 1), "size": (512, 2048, 2)}
"""Of a network for coordinates: width of its features, of its answers, and numbers it reads."""


def _regions(out: int, *, plain: bool = False) -> Tower:
    """Fourier features of coordinates and sizes into the text model, and answers out of it: from a hidden layer, or
    plain from a norm that both share (Moondream 3)."""
    parts: Parts = {"model.region.ln": norm(out)} if plain else {}
    for name, (features, answers, numbers) in REGIONS.items():
        at = f"model.region.{name}"
        parts |= {f"{at}_features": vector(features // 2, numbers), f"{at}_encoder": dense(out, features)}
        parts |= {f"{at}_decoder": dense(answers, out)} if plain else {
            f"{at}_decoder.fc1": up(PROJECTED, out, activated=True),
            f"{at}_decoder.fc2": down(answers, PROJECTED)}
    return tower(None, out, parts, stream="token")


def moondream(config: Config) -> ModelSpec:
    """The whole model. Raises SpecError for a config that changes its sizes."""
    if config.architecture not in ("HfMoondream", "Moondream", ""):
        raise config.unknown_class()
    if config.get("config"):
        raise config.error("config", "sizes of its own are not known: files say {}")
    third = config.model_type == "moondream3"
    named = "Moondream 3 (preview)" if third else "Moondream 2 of 2025"
    config.note(f"its sizes are those of its class, {named}: its config.json says none")
    inner = Config(TEXT | EXPERTS if third else dict(TEXT), FamilyData({}, {}, ("PhiForCausalLM",)), "phi",
                   "PhiForCausalLM")
    text = (SPARSE if third else DECODER)(inner)
    out, rows = text.hidden_size, (CROP // PATCH) ** 2
    modules: Parts = {
        "patch_emb": dense(WIDTH, 3 * PATCH**2, component="other_embedding"),
        "pos_emb": positioned(1, rows, WIDTH), "blocks": layers(DEPTH),
        "post_ln": norm(WIDTH)}
    join: Parts = {"model.vision.proj_mlp.fc1": up(PROJECTED, 2 * WIDTH, activated=True),
                   "model.vision.proj_mlp.fc2": down(out, PROJECTED)}
    return text.model_copy(update={"towers": {
        "vision": tower("vision", WIDTH, modules, {"layer": BLOCK(WIDTH, HEADS, INNER)}, "model.vision"),
        "projector": projector(join, 2 * WIDTH), "regions": _regions(out, plain=third)}})
