"""Whole models published with code of their own whose towers are known ones: MiniCPM-V, Molmo, Ovis, Phi-3-V, Step 3.

Sources: the modeling files of each type's own repository, named in `readers/config/published_wholes.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families import family_of
from paramcalc.readers.families.decoders.olmo import molmo_width
from paramcalc.readers.families.towers.audio import whisper
from paramcalc.readers.families.towers.clip import LAYER
from paramcalc.readers.families.towers.clip import vision as clip_vision
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.parts import (
    ROTARY,
    convolve,
    dense,
    down,
    embedded,
    matrix,
    norm,
    patched,
    positioned,
    rms,
    table,
    up,
    vector,
)
from paramcalc.readers.families.towers.siglip import vision as siglip_vision

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

PICTURES = {"slice_config", "slice_mode", "batch_vision_input", "batch_3d_resampler", "mm_use_im_start_end",
            "drop_vision_last_layer", "image_size", "patch_size", "use_image_id", "vision_batch_size",
            "scale_resolution", "version", "stream_input", "chunk_input", "vision_encoder", "im_start_token",
            "audio_chunk_length"}
"""Keys about how pictures are cut, and sizes that the tower's own config says again."""


def resampler(width: int, out: int, queries: int, at: str = "resampler") -> Parts:
    """Learned queries attend to the patches of one slice. OpenBMB's resampler.py."""
    cross: Parts = {
        f"{at}.attn.in_proj_weight": matrix(3 * out, out, component="attention"),
        f"{at}.attn.in_proj_bias": vector(3 * out, component="attention"),
        f"{at}.attn.out_proj": dense(out, out, component="attention"),
    }
    join: Parts = {f"{at}.query": vector(queries, out)}
    if width != out:
        join[f"{at}.kv_proj"] = dense(out, width, bias=False)
    norms: Parts = {f"{at}.{name}": norm(out) for name in ("ln_q", "ln_kv", "ln_post")}
    return {**join, **cross, **norms, f"{at}.proj": matrix(out, out)}


def minicpmv(model: Composite) -> Towers:
    """SigLIP without its head and, where the config says so, its last layer; a resampler."""
    config, vision = model.config, model.part_as("vision_config", "minicpmv_vision")
    config.read |= {*PICTURES, "vision_config"}
    if config.flag("drop_vision_last_layer"):
        vision = vision.reread({**vision.data, "num_hidden_layers": vision.layers - 1})
    width = vision.integer("hidden_size")
    join = resampler(width, model.text.hidden_size, config.integer("query_num"))
    return {"vision": siglip_vision(vision, "vpm"), **model.join(join, width)}


def minicpmo(model: Composite) -> Towers:
    """The same with Whisper's encoder and two matrices; the parts that speak are not counted."""
    config, towers = model.config, minicpmv(model)
    config.read |= {"init_vision", "init_audio", "init_tts", "audio_pool_step", "audio_config", "tts_config"}
    if config.flag("init_tts", default=True):
        model.uncounted.append("tts_config")
    audio = model.part_as("audio_config", "whisper")
    width, out = audio.integer("d_model"), model.text.hidden_size
    family = family_of("qwen2_audio_encoder").data
    if family is None:
        raise config.unknown_class()
    heard = audio.reread({**audio.data, "model_type": "qwen2_audio_encoder"}, family, "qwen2_audio_encoder")
    join: Parts = {"audio_projection_layer.linear1": up(out, width),
                   "audio_projection_layer.linear2": down(out, out)}
    return {**towers, "audio": whisper(heard, "apm"),
            **model.join(join, width, "audio_projection", stream="audio_tokens")}


def phi3_v(model: Composite) -> Towers:
    """CLIP's large tower for 336 pixels, learned separators, and two matrices over four patches joined."""
    config, out = model.config, model.text.hidden_size
    config.read |= {"img_processor", "embd_layer"}
    family = family_of("clip_vision_model").data
    if family is None:
        raise config.unknown_class()
    sizes = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
             "patch_size": 14, "image_size": 336}
    config.note("the tower is the one of its class: CLIP ViT-L/14 for 336 pixels")
    vision_at, into = "model.vision_embed_tokens", 4 * sizes["hidden_size"]
    vision = clip_vision(Config(sizes, family, "clip_vision_model"), f"{vision_at}.img_processor.vision_model")
    join: Parts = {f"{vision_at}.glb_GN": vector(1, 1, into), f"{vision_at}.sub_GN": vector(1, 1, 1, into),
                   f"{vision_at}.img_projection.0": dense(out, into), f"{vision_at}.img_projection.2": dense(out, out)}
    return {"vision": vision, "projector": tower("projector", into, join, stream="image_tokens")}


MOLMO = Layer("attention_norm", "attention", "ffn_norm", "feed_forward",
              names={"q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo", "up_proj": "w1",
                     "down_proj": "w2"})


MOLMO_VISION = {"image_emb_dim": 1024, "image_num_layers": 23, "image_num_heads": 16, "image_mlp_dim": 4096,
                "image_num_pos": 577, "image_patch_size": 14}
MOLMO_LAYERS = (-2, -9)
"""Layers of the tower that are read side by side."""
MOLMO_UNSIZED = {"image_norm_eps", "image_head_dim", "image_pos_patch_size", "image_num_key_value_heads",
                 "image_default_input_size", "image_model_type", "image_mlp_activations", "resize_mode", "fsdp_wrap"}


def molmo(model: Composite) -> Towers:
    """CLIP's large tower without its last layer and norm, patches of two layers pooled in squares, a gated projector.
    arXiv:2409.17146."""
    config, out = model.config, model.text.hidden_size
    config.choice("image_pooling_2d", ("attention-meanq",), "attention-meanq")
    config.choice("image_projector", ("mlp",), "mlp")
    sizes = config.data.get("vision_backbone")
    if isinstance(sizes, dict):
        config.read.add("vision_backbone")
    else:
        config.note("the tower is the one of its class: CLIP ViT-L/14 for 336 pixels, 23 of its layers")
        sizes = {}
    vision = config.part("vision_backbone", MOLMO_VISION | sizes, FamilyData({}, {}, ()), config.model_type)
    vision.read |= MOLMO_UNSIZED
    width, heads, patch = (vision.integer(key) for key in ("image_emb_dim", "image_num_heads", "image_patch_size"))
    at, inner = "model.vision_backbone", molmo_width(config) // 2
    vision_at = f"{at}.image_vit"
    modules: Parts = {
        f"{vision_at}.patch_embedding": dense(width, 3 * patch**2, bias=False, component="other_embedding"),
        f"{vision_at}.class_embedding": embedded(width),
        f"{vision_at}.positional_embedding": positioned(vision.integer("image_num_pos"), width),
        f"{vision_at}.pre_ln": norm(width),
        f"{vision_at}.transformer.resblocks": layers(vision.depth("image_num_layers"))}
    read = len(config.listed("vit_layers", int) or MOLMO_LAYERS) * width
    pool = Attention(num_heads=heads, head_dim=width // heads, bias=QKVO, causal=False, hidden_size=read,
                     output_size=width, names=MOLMO.names)
    join: Parts = {f"{at}.pad_embed": vector(2, read), f"{at}.image_pooling_2d": pool,
                   f"{at}.image_projector.w1": up(inner, width, bias=False),
                   f"{at}.image_projector.w3": up(inner, width, bias=False),
                   f"{at}.image_projector.w2": down(out, inner, bias=False)}
    block = MOLMO(width, heads, vision.integer("image_mlp_dim"))
    return {"vision": tower("vision", width, modules, {"layer": block}),
            "projector": tower("projector", width, join, stream="image_tokens")}


AIM = Layer("norm_1", "attn", "norm_2", "mlp", norm="rmsnorm", gated=True, fused="qkv",
            names={"qkv_proj": "qkv", "o_proj": "proj", "gate_proj": "fc1", "up_proj": "fc3", "down_proj": "fc2"})


def ovis_vision(config: Config, at: str) -> Tower:
    """AIMv2 as Apple published it: q, k and v as one matrix. arXiv:2411.14402."""
    width = config.integer("hidden_size")
    modules: Parts = {
        "preprocessor.patchifier.proj": patched(config, width),
        "preprocessor.patchifier.norm": rms(width),
        "preprocessor.pos_embed": positioned(1, grid(config), width),
        "trunk.blocks": layers(config.layers), "trunk.post_trunk_norm": rms(width)}
    block = AIM.of(config, mlp_bias=config.flag("use_bias"), bias=QKVO if config.flag("qkv_bias") else ())
    return tower("vision", width, modules, {"layer": block}, at)


INDICATORS = 5
"""Visual words that stand for the borders of a picture, which the head does not give; Ovis 2.5 has one fewer."""


def ovis(model: Composite) -> Towers:
    """A tower, a head that gives each patch a share of each visual word, and a table of them. arXiv:2405.20797."""
    config, at = model.config, "visual_tokenizer"
    tokenizer = nested(config, "visual_tokenizer_config", "ovis_vision", typed=False)
    config.read |= {"conversation_formatter_class", "multimodal_max_length", "disable_tie_weight"}
    tokenizer.read |= {"tokenize_function", "tau", "depths", "drop_cls_token", "use_indicators"}
    inner = tokenizer.get("backbone_config")
    if not isinstance(inner, dict):
        raise tokenizer.expected("backbone_config", "a mapping")
    siglip = "siglip" in str(inner.get("model_type"))
    kind = "siglip_vision_model" if siglip else "ovis_vision"
    family = family_of(kind).data
    if family is None:
        raise config.unknown_class()
    backbone = tokenizer.part("backbone_config", inner, family, kind)
    vision = (siglip_vision(backbone, f"{at}.backbone.vision_model") if siglip
              else ovis_vision(backbone, f"{at}.backbone"))
    width = backbone.integer("hidden_size") * tokenizer.integer("hidden_stride", 1) ** 2
    words = tokenizer.integer("vocab_size")
    visual_words = words - INDICATORS
    head: Parts = {f"{at}.head.0": dense(visual_words, width, bias=False), f"{at}.head.1": norm(visual_words)}
    return {"vision": vision, "head": tower("vision", width, head, stream="image_tokens"),
            **model.join({"vte": table(words, model.text.hidden_size, "other_embedding")}, words, component="vision")}


NAVIT_INDICATORS = 4


def navit(config: Config, at: str) -> Tower:
    """SigLIP 2 as Ovis 2.5 has it: rotary positions besides the table of the size it was made for."""
    width = config.integer("hidden_size")
    config.read |= {"fullatt_block_indexes", "window_size", "num_patches", "hidden_stride", "temporal_patch_size"}
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "encoder.layers": layers(config.layers), "post_layernorm": norm(width)}
    if config.flag("preserve_original_pe"):
        modules["embeddings.position_embedding"] = table(grid(config), width)
    if config.flag("use_rope"):
        modules["positions"] = ROTARY
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def ovis2_5(model: Composite) -> Towers:
    """The same with a table of every visual word beside the tower's own. arXiv:2508.11737."""
    config, at = model.config, "visual_tokenizer"
    eyes = model.part_as("vit_config", "siglip2_navit")
    config.read |= {"conversation_formatter_class", "hidden_size", "visual_vocab_size"}
    words, out = config.integer("visual_vocab_size"), model.text.hidden_size
    width = eyes.integer("hidden_size") * eyes.integer("hidden_stride") ** 2
    head: Parts = {f"{at}.head.0": dense(words - NAVIT_INDICATORS, width, bias=False),
                   f"{at}.head.1": norm(words - NAVIT_INDICATORS)}
    return {"vision": navit(eyes, f"{at}.vit.vision_model"),
            "head": tower("vision", width, head, stream="image_tokens"),
            **model.join({"vte": table(words, out, "other_embedding")}, words, component="vision")}


def step3_vision(config: Config, at: str) -> Tower:
    """CLIP's layers without a norm before or after them."""
    width = config.integer("hidden_size")
    modules: Parts = {
        "embeddings.class_embedding": embedded(1, width),
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table(grid(config) + 1, width), "transformer.layers": layers(config.layers)}
    shape = Layer(fused="qkv", names={"qkv_proj": "qkv_proj", **LAYER.names})
    return tower("vision", width, modules, {"layer": shape.of(config)}, at)


def step3(model: Composite) -> Towers:
    """Two convolutions that halve each side, and a matrix."""
    vision, config = model.part("vision_config", "step3_vision"), model.config
    config.read |= {"understand_projector_stride", "image_token_len", "patch_token_len", "image_token_id"}
    width, middle = vision.integer("hidden_size"), vision.integer("output_hidden_size")
    join: Parts = {"vit_downsampler": convolve(middle, width, 2, 2),
                   "vit_downsampler2": convolve(2 * middle, middle, 3, 3),
                   "vit_large_projector": dense(model.text.hidden_size, 2 * middle,
                                                bias=config.flag("projector_bias"))}
    return {"vision": step3_vision(vision, "vision_model"),
            "projector": tower("projector", width, join, stream="image_tokens")}
