"""Run towers: FLOPs by torch's FlopCounterMode, bytes they keep for backward: tests/data/tower_runs.jsonl.

    python tests/oracle/tower_runs.py              # all
    python tests/oracle/tower_runs.py qwen2_vl     # these, printed
    python tests/oracle/tower_runs.py --list qwen2_vl

Small models of each class on the CPU. What is measured is `get_image_features` or `get_audio_features` of a whole
model (its tower and what joins it to the text model), or the forward pass of a model that is an encoder. FLOPs in
float32 with eager attention; bytes in bfloat16, those of unique storages that are no parameters, buffers or inputs,
with eager attention and with torch's fused kernel. `cut` says what the input is for us: tokens, positions that are
projected, sequences of the tower, tokens of its own in each, positions of the first convolutions.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

DATA = Path(__file__).resolve().parent.parent / "data" / "tower_runs.jsonl"
TEXT = {"hidden_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 72, "vocab_size": 99, "head_dim": 10, "pad_token_id": 0}
VIT = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 112}
SQUARE = VIT | {"image_size": 56, "patch_size": 14}
WHISPER = {"d_model": 48, "hidden_size": 48, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 96,
           "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
           "num_mel_bins": 20, "head_dim": 12}


def fused(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: Any = None, **_: Any) -> Any:
    """The fused kernel for CPUs: what it keeps is what the one for GPUs does, but for the state of the dropout."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    out = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, scale=scaling)[0]
    return out.transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("fused_on_cpu", fused)


def pixels(*shape: int) -> dict[str, Any]:
    """One picture."""
    return {"pixel_values": torch.ones(shape)}


def patches(count: int, width: int, grid: list[int]) -> dict[str, Any]:
    """Patches in rows, as Qwen's processors give them."""
    return {"pixel_values": torch.ones((count, width)), "image_grid_thw": torch.tensor([grid])}


def patches_of(count: int, width: int, high: int, wide: int) -> dict[str, Any]:
    """Patches of a picture in rows, filled up to `count`, as SigLIP 2's processor gives them."""
    return {"pixel_values": torch.ones((1, count, width)), "spatial_shapes": torch.tensor([[high, wide]]),
            "pixel_attention_mask": (torch.arange(count) < high * wide)[None]}


def placed(count: int, width: int, high: int, wide: int) -> dict[str, Any]:
    """The same as Gemma 4's gives them: each with its column and row."""
    places = torch.full((1, count, 2), -1)
    places[0, :high * wide] = torch.stack(torch.meshgrid(torch.arange(wide), torch.arange(high), indexing="xy"),
                                          -1).reshape(-1, 2)
    return {"pixel_values": torch.ones((1, count, width)), "image_position_ids": places}


def squares(count: int, grid: list[int], **more: Any) -> dict[str, Any]:
    """Patches of 14 pixels that stay squares."""
    return {"pixel_values": torch.ones((count, 3, 14, 14)), "image_grid_thw": torch.tensor([grid]), **more}


def mel(bins: int, frames: int, **more: Any) -> dict[str, Any]:
    """One spectrogram."""
    return {"input_features": torch.ones((1, bins, frames)), **more}


QWEN = {"depth": 2, "num_heads": 4, "intermediate_size": 112, "hidden_size": 48, "out_hidden_size": 40}
MASK = {"input_features_mask": torch.ones((1, 3000), dtype=torch.long)}
HEARD = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
         "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
SECOND = {"sequences": [49], "stages": [[64, 3199], [32, 1599], [16, 799], [8, 399], [4, 199], [2, 99], [1, 49]]}
CASES: dict[str, tuple[str, dict[str, Any], str, Any, dict[str, Any]]] = {
    "qwen2_vl": ("Qwen2VLForConditionalGeneration", {"text_config": TEXT, "vision_config": {
        "depth": 2, "embed_dim": 48, "hidden_size": 40, "num_heads": 4, "mlp_ratio": 3}}, "image",
        lambda: patches(48, 3 * 2 * 14 * 14, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", {"text_config": TEXT, "vision_config": QWEN | {
        "fullatt_block_indexes": [1]}}, "image",
        lambda: patches(128, 3 * 2 * 14 * 14, [1, 8, 16]), {"tokens": 32, "projected": 32, "sequences": [128]}),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", {"text_config": TEXT, "vision_config": QWEN | {
        "deepstack_visual_indexes": [0], "num_position_embeddings": 64}}, "image",
        lambda: patches(48, 3 * 2 * 16 * 16, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "glm4v": ("Glm4vForConditionalGeneration", {"text_config": TEXT, "vision_config": {
        "depth": 2, "num_heads": 4, "hidden_size": 48, "out_hidden_size": 40, "intermediate_size": 112,
        "image_size": 56}}, "image",
        lambda: patches(48, 3 * 2 * 14 * 14, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "llava": ("LlavaForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE | {
        "projection_dim": 24}}, "image",
        lambda: pixels(1, 3, 56, 56), {"tokens": 16, "projected": 16, "sequences": [16], "extra": 1}),
    "paligemma": ("PaliGemmaForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE | {
        "vision_use_head": False, "projection_dim": 40, "num_image_tokens": 16}, "projection_dim": 40}, "image",
        lambda: pixels(1, 3, 56, 56), {"tokens": 16, "projected": 16, "sequences": [16]}),
    "gemma3": ("Gemma3ForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE | {
        "vision_use_head": False}, "mm_tokens_per_image": 4}, "image",
        lambda: pixels(1, 3, 56, 56), {"tokens": 4, "projected": 4, "sequences": [16]}),
    "mistral3": ("Mistral3ForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE | {"head_dim": 12},
                 "spatial_merge_size": 2}, "image",
        lambda: pixels(1, 3, 56, 84) | {"image_sizes": torch.tensor([[56, 84]])},
        {"tokens": 8, "projected": 6, "sequences": [24]}),
    "internvl": ("InternVLForConditionalGeneration", {"text_config": TEXT, "vision_config": VIT | {
        "image_size": [56, 56], "patch_size": [14, 14]}, "image_seq_length": 4}, "image",
        lambda: pixels(3, 3, 56, 56), {"tokens": 14, "projected": 12, "sequences": [16, 16, 16], "extra": 1}),
    "idefics3": ("Idefics3ForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE, "scale_factor": 2},
        "image", lambda: pixels(1, 3, 3, 56, 56), {"tokens": 12, "projected": 12, "sequences": [16, 16, 16]}),
    "aya_vision": ("AyaVisionForConditionalGeneration", {"text_config": TEXT, "vision_config": SQUARE | {
        "vision_use_head": False}, "downsample_factor": 2}, "image",
        lambda: pixels(2, 3, 56, 56), {"tokens": 8, "projected": 8, "sequences": [16, 16]}),
    "qwen2_audio": ("Qwen2AudioForConditionalGeneration", {"text_config": TEXT, "audio_config": WHISPER}, "audio",
        lambda: mel(20, 3000, feature_attention_mask=torch.ones((1, 3000), dtype=torch.long)),
        {"tokens": 750, "projected": 750, "sequences": [1500]}),
    "audioflamingo3": ("AudioFlamingo3ForConditionalGeneration", {"text_config": TEXT, "audio_config": WHISPER},
        "audio", lambda: mel(20, 3000, **MASK), {"tokens": 750, "projected": 750, "sequences": [1500]}),
    "voxtral": ("VoxtralForConditionalGeneration", {"text_config": TEXT, "audio_config": WHISPER}, "audio",
        lambda: mel(20, 3000), {"tokens": 750, "projected": 750, "sequences": [1500]}),
    "glmasr": ("GlmAsrForConditionalGeneration", {"text_config": TEXT, "audio_config": WHISPER | {
        "intermediate_size": 192}}, "audio",
        lambda: mel(20, 3000, **MASK), {"tokens": 375, "projected": 375, "sequences": [1500]}),
    "qwen2_5_omni_thinker": ("Qwen2_5OmniThinkerForConditionalGeneration", {
        "text_config": TEXT, "vision_config": QWEN, "audio_config": WHISPER | {"n_window": 50, "output_dim": 40}},
        "audio", lambda: mel(20, 250, feature_attention_mask=torch.ones((1, 250), dtype=torch.long)),
        {"tokens": 62, "projected": 62, "sequences": [50, 50, 25], "stem": 150}),
    "qwen3_omni_moe_thinker": ("Qwen3OmniMoeThinkerForConditionalGeneration", {
        "text_config": TEXT | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24},
        "vision_config": QWEN | {"deepstack_visual_indexes": [0], "num_position_embeddings": 64},
        "audio_config": WHISPER | {"n_window": 50, "n_window_infer": 200, "output_dim": 40,
                                   "downsample_hidden_size": 24}}, "audio",
        lambda: mel(20, 730, feature_attention_mask=torch.ones((1, 730), dtype=torch.long)),
        {"tokens": 95, "projected": 95, "sequences": [26, 26, 26, 17], "stem": 104,
         "stages": [[4, 400], [2, 200], [1, 104]]}),
    "granite_speech": ("GraniteSpeechForConditionalGeneration", {
        "text_config": TEXT, "encoder_config": {
            "input_dim": 40, "num_layers": 2, "hidden_dim": 48, "num_heads": 4, "dim_head": 12, "output_dim": 11,
            "context_size": 20, "max_pos_emb": 30},
        "projector_config": {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
                             "intermediate_size": 36, "encoder_hidden_size": 48}}, "audio",
        lambda: {"input_features": torch.ones((1, 60, 40))},
        {"tokens": 12, "projected": 12, "sequences": [60], "apart": 4, "filled": 60}),
    "exaone4_5": ("Exaone4_5_ForConditionalGeneration", {
        "text_config": TEXT | {"model_type": "exaone4"}, "vision_config": QWEN | {"num_key_value_heads": 2,
                                                                                  "fullatt_block_indexes": [1]}},
        "image", lambda: patches(128, 3 * 2 * 14 * 14, [1, 8, 16]),
        {"tokens": 32, "projected": 32, "sequences": [128]}),
    "kimi_k25": ("Kimi_K25ForConditionalGeneration", {"text_config": TEXT | {
        "n_routed_experts": 4, "moe_intermediate_size": 16, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4,
        "qk_nope_head_dim": 6, "v_head_dim": 8, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2,
        "num_key_value_heads": 4}, "vision_config": VIT | {"pos_emb_height": 8, "pos_emb_width": 8},
        "projection_hidden_size": 48}, "image",
        lambda: squares(48, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "paddleocr_vl": ("PaddleOCRVLForConditionalGeneration", {"text_config": TEXT, "vision_config": VIT | {
        "image_size": 56}}, "image",
        lambda: squares(48, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "video_llama_3": ("VideoLlama3ForConditionalGeneration", {"text_config": TEXT, "vision_config": VIT | {
        "patch_size": 14}}, "image",
        lambda: patches(48, 3 * 14 * 14, [1, 6, 8]) | {"image_merge_sizes": torch.tensor([2])},
        {"tokens": 12, "projected": 12, "sequences": [48]}),
    "minimax_m3_vl": ("MiniMaxM3SparseForConditionalGeneration", {
        "text_config": TEXT | {"num_local_experts": 6}, "vision_config": VIT, "projector_hidden_size": 56}, "image",
        lambda: patches(48, 3 * 2 * 14 * 14, [1, 6, 8]), {"tokens": 12, "projected": 12, "sequences": [48]}),
    "idefics2": ("Idefics2ForConditionalGeneration", {
        "text_config": TEXT, "vision_config": SQUARE, "perceiver_config": {
            "resampler_n_latents": 8, "resampler_depth": 2, "resampler_n_heads": 2, "resampler_head_dim": 12,
            "num_key_value_heads": 1}}, "image",
        lambda: pixels(1, 3, 3, 56, 56), {"tokens": 28, "projected": 24, "sequences": [16, 16, 16], "apart": 3}),
    "blip-2": ("Blip2ForConditionalGeneration", {
        "text_config": {"model_type": "opt", "hidden_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4,
                        "ffn_dim": 72, "vocab_size": 99, "word_embed_proj_dim": 40},
        "vision_config": SQUARE, "qformer_config": {
            "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 36,
            "encoder_hidden_size": 48, "cross_attention_frequency": 2}, "num_query_tokens": 5}, "image",
        lambda: pixels(1, 3, 56, 56), {"tokens": 5, "projected": 5, "sequences": [16], "extra": 1}),
    "siglip2": ("Siglip2Model", {"text_config": VIT | {"vocab_size": 99}, "vision_config": VIT | {
        "patch_size": 16, "num_patches": 49}}, "image",
        lambda: patches_of(64, 768, 6, 10), {"sequences": [64]}),
    "gemma4": ("Gemma4ForConditionalGeneration", {
        "text_config": TEXT | {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 99,
                               "global_head_dim": 12},
        "vision_config": VIT | {"num_key_value_heads": 4, "head_dim": 12, "patch_size": 16,
                                "pooling_kernel_size": 3}}, "image",
        lambda: placed(90, 768, 6, 9), {"tokens": 6, "projected": 6, "sequences": [90]}),
    "llama4": ("Llama4ForConditionalGeneration", {
        "text_config": TEXT | {"num_local_experts": 2, "intermediate_size_mlp": 72}, "vision_config": VIT | {
            "image_size": 56, "patch_size": 14, "vision_output_dim": 56, "projector_input_dim": 56,
            "projector_output_dim": 56, "pixel_shuffle_ratio": 0.5, "intermediate_size": 192}}, "image",
        lambda: pixels(3, 3, 56, 56), {"tokens": 17, "projected": 12, "sequences": [16, 16, 16], "extra": 1}),
    "vit": ("ViTModel", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16], "extra": 1}),
    "deit": ("DeiTModel", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16], "extra": 2}),
    "beit": ("BeitModel", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16], "extra": 1}),
    "dinov2": ("Dinov2Model", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16], "extra": 1}),
    "dinov3_vit": ("DINOv3ViTModel", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16], "extra": 1}),
    "siglip_vision_model": ("SiglipVisionModel", SQUARE, "", lambda: pixels(1, 3, 56, 56), {"sequences": [16]}),
    "clip_vision_model": ("CLIPVisionModel", SQUARE, "", lambda: pixels(1, 3, 56, 56),
                          {"sequences": [16], "extra": 1}),
    "sam_vision_model": ("SamVisionModel", VIT | {"image_size": 96, "patch_size": 16, "window_size": 4, "mlp_dim": 112,
                         "global_attn_indexes": [1], "output_channels": 24}, "", lambda: pixels(1, 3, 96, 96),
                         {"sequences": [36]}),
    "swin": ("SwinModel", {"image_size": 64, "patch_size": 4, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4],
                           "window_size": 4}, "", lambda: pixels(1, 3, 64, 64), {"sequences": [256]}),
    "convnext": ("ConvNextModel", {"hidden_sizes": [12, 24, 36, 48], "depths": [1, 2, 2, 1], "image_size": 64}, "",
                 lambda: pixels(1, 3, 64, 64), {"sequences": [256]}),
    "resnet": ("ResNetModel", {"embedding_size": 16, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}, "",
               lambda: pixels(1, 3, 64, 64), {"sequences": [256]}),
    **{name: (owner, HEARD | more, "", lambda: {"input_values": torch.ones((1, 16_000))}, SECOND)
       for name, owner, more in (("wav2vec2", "Wav2Vec2Model", {}), ("hubert", "HubertModel", {}),
                                 ("wavlm", "WavLMModel", {}), ("data2vec-audio", "Data2VecAudioModel", {
                                     "num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 19}))},
}


def trainable(name: str, kind: str, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    """The class, to be trained, and the config it has."""
    owner_name, changes, _, _, _ = CASES[name]
    config = CONFIG_MAPPING[name].from_dict(json.loads(json.dumps(changes)))
    written = config.to_dict() | {"architectures": [owner_name]}
    torch.manual_seed(0)
    model = building.model_class(name, owner_name)(config).to(dtype).train()
    for module in model.modules():
        if hasattr(module, "config") and hasattr(module.config, "_attn_implementation"):
            module.config._attn_implementation = kind
    return model, written


def run(model: Any, name: str, inputs: dict[str, Any]) -> Any:
    """The pass that is measured."""
    of = CASES[name][2]
    if name == "llama4":  # which joins them outside
        return model.multi_modal_projector(model.get_image_features(**inputs).last_hidden_state)
    if of == "image":
        return model.get_image_features(**inputs)
    if of == "audio":
        return model.get_audio_features(**inputs)
    return model(**inputs)


FREEZABLE = {"llava": "vision_tower", "paligemma": "vision_tower", "gemma3": "vision_tower",
             "mistral3": "vision_tower", "internvl": "vision_tower", "idefics3": "vision_model",
             "aya_vision": "vision_tower", "qwen2_audio": "audio_tower", "audioflamingo3": "audio_tower",
             "voxtral": "audio_tower", "glmasr": "audio_tower", "granite_speech": "encoder", "qwen2_vl": "visual"}
"""Modules that are towers by themselves, apart from what joins them to the text model."""


def saved_storages(name: str, kind: str, *, frozen: bool = False) -> list[Any]:
    """Storages packed for backward, each with a tensor of it; with `frozen` the tower is not trained."""
    model, _ = trainable(name, kind, torch.bfloat16)
    if frozen:
        holder = model if hasattr(model, FREEZABLE[name]) else model.model
        getattr(holder, FREEZABLE[name]).requires_grad_(False)
    inputs = {key: value.bfloat16() if value.is_floating_point() else value for key, value in CASES[name][3]().items()}
    storages_before = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers(), *inputs.values()]}
    storages: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in storages_before:
            storages.setdefault(storage._cdata, (storage, tensor))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = run(model, name, inputs)
    del out
    return list(storages.values())


def size(storage: Any, tensor: Any) -> int:
    """Bytes of a storage; statistics of a LayerNorm are float32 everywhere but on a CPU, which keeps the input's."""
    statistic = tensor.grad_fn is None and tensor.shape[-1:] == (1,) and tensor.dtype is torch.bfloat16
    return storage.nbytes() * (2 if statistic else 1)


def measure(name: str) -> dict[str, Any]:
    """One line."""
    model, config = trainable(name, "eager", torch.float32)
    with FlopCounterMode(display=False) as counter:
        run(model.eval(), name, CASES[name][3]())
    record = {"model_type": name, "config": config, "of": CASES[name][2], "cut": CASES[name][4],
              "flops": counter.get_total_flops(), "kept": {}}
    for kind, word, frozen in (("eager", "eager", False), ("fused_on_cpu", "flash", False),
                               *((("eager", "frozen", True),) if name in FREEZABLE else ())):
        try:
            storages = saved_storages(name, kind, frozen=frozen)
            record["kept"][word] = sum(size(storage, tensor) for storage, tensor in storages)
        except Exception as error:  # as varied as the classes
            sys.stderr.write(f"{name} {word}: {type(error).__name__} {str(error)[:200]}\n")
    return record


def main() -> None:
    """Write the data file, or print."""
    names = sys.argv[1:]
    if names[:1] == ["--list"]:
        storages = saved_storages(names[1], names[2] if names[2:] else "eager")
        for storage, tensor in sorted(storages, key=lambda pair: -pair[0].nbytes()):
            line = f"{size(storage, tensor)} {str(tensor.dtype)[6:]} {tuple(tensor.shape)} {tensor.grad_fn}\n"
            sys.stdout.write(line)
        return
    lines = []
    for name in names or CASES:
        try:
            lines.append(json.dumps(measure(name)))
        except Exception as error:  # as varied as the classes
            sys.stderr.write(f"{name}: {type(error).__name__} {str(error)[:300]}\n")
    if names:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
