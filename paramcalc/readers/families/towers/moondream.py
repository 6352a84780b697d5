"""Moondream 2: Phi-1.5 that reads SigLIP's patches, and networks that read and give coordinates.

Its config.json says nothing: every size stands in its own config.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.towers.frame import FC, Layer, Parts, layers, projector, tower
from paramcalc.readers.families.towers.parts import dense, norm, positioned, vector

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
WIDTH, INNER, DEPTH, HEADS, PATCH, CROP, PROJECTED = 1152, 4304, 27, 16, 14, 378, 8192
"""Of the vision tower and of what leads from it to the text model."""
BLOCK = Layer("ln1", "attn", "ln2", fused="qkv",
              names={"qkv_proj": "qkv", "o_proj": "proj", **FC})
REGIONS = {"coord": (256, 1024, 1), "size": (512, 2048, 2)}
"""Of a network for coordinates: width of its features, of its answers, and numbers it reads."""


def _regions(out: int) -> Tower:
    """Fourier features of coordinates and sizes into the text model, and answers out of it."""
    parts: Parts = {}
    for name, (features, answers, numbers) in REGIONS.items():
        at = f"model.region.{name}"
        parts |= {f"{at}_features": vector(features // 2, numbers), f"{at}_encoder": dense(out, features),
                  f"{at}_decoder.fc1": dense(PROJECTED, out, activated=True),
                  f"{at}_decoder.fc2": dense(answers, PROJECTED)}
    return tower(None, out, parts, stream="token")


def moondream(config: Config) -> ModelSpec:
    """The whole model. Raises SpecError for a config that changes its sizes."""
    if config.architecture not in ("HfMoondream", "Moondream", ""):
        raise config.unknown_class()
    if config.get("config"):
        raise config.error("config", "sizes of its own are not known: files say {}")
    config.note("its sizes are those of its class, Moondream 2 of 2025: its config.json says none")
    inner = Config(dict(TEXT), FamilyData({}, {}, ("PhiForCausalLM",)), "phi", "PhiForCausalLM")
    text = DECODER(inner)
    out, rows = text.hidden_size, (CROP // PATCH) ** 2
    modules: Parts = {
        "patch_emb": dense(WIDTH, 3 * PATCH**2, component="other_embedding"),
        "pos_emb": positioned(1, rows, WIDTH), "blocks": layers(DEPTH),
        "post_ln": norm(WIDTH)}
    join: Parts = {"model.vision.proj_mlp.fc1": dense(PROJECTED, 2 * WIDTH, activated=True),
                   "model.vision.proj_mlp.fc2": dense(out, PROJECTED)}
    return text.model_copy(update={"towers": {
        "vision": tower("vision", WIDTH, modules, {"layer": BLOCK(WIDTH, HEADS, INNER)}, "model.vision"),
        "projector": projector(join, 2 * WIDTH), "regions": _regions(out)}})
