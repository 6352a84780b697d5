"""What files published outside the library say of their model: types that repeat a known one, types told by other keys,
classes of drafts. What such types say when they are silent is in `published_types.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Same(NamedTuple):
    """A type that files say for a class the library has under another type."""

    type: str
    classes: dict[str, str]
    """Class names of its files to the library's."""
    source: str


def _alike(type_: str, theirs: str, ours: str, source: str, *endings: str) -> Same:
    """The same class under another first part of its name."""
    names = endings or ("ForCausalLM", "Model")
    return Same(type_, {theirs + ending: ours + ending for ending in names}, source)


SAME: dict[str, Same] = {
    "deepseek_ref": Same("deepseek_v4", {}, "sgl-project/DeepSeek-V4-Flash-FP8 config.json"),
    "grok_1": Same("grok-1", {}, "hpcai-tech/grok-1"),
    "kimi_k2": Same("deepseek_v3", {}, "moonshotai/Kimi-K2-Instruct modeling_deepseek.py"),
    "llada2_moe": Same("bailing_moe_v2", {"LLaDA2MoeModelLM": "BailingMoeV2ForCausalLM",
                                          "LLaDA2MoeModel": "BailingMoeV2Model"},
                       "inclusionAI/LLaDA2.0-mini modeling_llada2_moe.py"),
    "minimax_m1": _alike("minimax", "MiniMaxM1", "MiniMax", "MiniMaxAI/MiniMax-M1-80k modeling_minimax_m1.py"),
    "minimax_m3": Same("minimax_m3_vl_text", {"MiniMaxM3ForCausalLM": "MiniMaxM3VLForCausalLM",
                                              "MiniMaxM3SparseForCausalLM": "MiniMaxM3VLForCausalLM"},
                       "MiniMaxAI/MiniMax-M3 config.json, its text_config"),
    "minimax_text_01": _alike("minimax", "MiniMaxText01", "MiniMax",
                              "MiniMaxAI/MiniMax-Text-01 modeling_minimax_text_01.py"),
    "mixformer-sequential": Same("phi-msft", {}, "microsoft/phi-1 configuration_mixformer_sequential.py"),
    "sdar": _alike("qwen3", "SDAR", "Qwen3", "JetLM/SDAR-8B-Chat modeling_sdar.py"),
    "sdar_moe": _alike("qwen3_moe", "SDARMoe", "Qwen3Moe", "JetLM/SDAR-30B-A3B-Chat modeling_sdar_moe.py"),
    "stablelm_epoch": _alike("stablelm", "StableLMEpoch", "StableLm",
                             "stabilityai/stablelm-3b-4e1t modeling_stablelm_epoch.py"),
    "step3": Same("step3_text", {}, "stepfun-ai/step3 configuration_step3.py"),
    "step3_vision_encoder": Same("step3_vision", {}, "stepfun-ai/step3 configuration_step3.py"),
    "telechat2": _alike("telechat", "TeleChat2", "Telechat", "Tele-AI/TeleChat2-7B modeling_telechat2.py"),
}
"""Types of published files whose class repeats one that is known, its names of tensors included."""


class UnnamedType(NamedTuple):
    """A type that its files do not name, known by its keys, under another type's name or none."""

    named: str | None
    """The model_type its files say."""
    keys: dict[str, Any]
    """Keys that identify it, with the value they must have; with any value where that is None."""
    type: str


UNNAMED_TYPES = (
    UnnamedType("minicpmv", {"version": 2.6}, "minicpmv_qwen2"),
    UnnamedType("minicpmv", {"version": "2.6"}, "minicpmv_qwen2"),
    UnnamedType("minicpmv", {"version": 4.5}, "minicpmv_qwen3"),
    UnnamedType("minicpmv", {"version": "4.5"}, "minicpmv_qwen3"),
    UnnamedType("minicpmv", {"hidden_size": 2304}, "minicpmv_minicpm"),
    UnnamedType("deepseek_vl_v2", {"architectures": ["DeepseekOCRForCausalLM"]}, "deepseek_ocr"),
    UnnamedType("deepseek_vl_v2", {"architectures": ["DeepseekOCR2ForCausalLM"]}, "deepseek_ocr_2"),
    UnnamedType("bert", {"position_embedding_type": "alibi"}, "jina_bert"),
    UnnamedType("xlm-roberta", {"position_embedding_type": "rotary"}, "jina_xlm_roberta"),
    UnnamedType(None, {"d_model": None, "n_layer": None, "ssm_cfg": None}, "mamba_ssm"),
    UnnamedType(None, {"d_model": None, "n_layer": None, "rms_norm": None, "fused_add_norm": None}, "mamba_ssm"),
    UnnamedType(None, {"dim": None, "n_layers": None, "n_heads": None}, "params"),
)


def told_type(data: Mapping[str, Any]) -> object:
    """The model_type of a config: as it says, or the type its keys tell it is; None where nothing says."""
    named = data.get("model_type")
    for disguise in UNNAMED_TYPES:
        shown = all(key in data and value in (None, data[key]) for key, value in disguise.keys.items())
        if named == disguise.named and shown:
            return disguise.type
    return named


def before_five(data: Mapping[str, Any]) -> bool:
    """Whether a config says that a release of transformers before 5 wrote it."""
    version = data.get("transformers_version")
    return isinstance(version, str) and version[:2] in ("2.", "3.", "4.")


def is_original(data: Mapping[str, Any]) -> bool:
    """Whether it is the config of a model's own code, which says no model_type."""
    return "model_type" not in data and told_type(data) is not None


DRAFT_CLASSES = {
    "DFlashDraftModel": "dflash",
    "LlamaForCausalLMEagle3": "eagle3", "Eagle3LlamaForCausalLM": "eagle3", "Qwen3ForCausalLMEagle3": "eagle3",
    "Eagle3Speculator": "eagle3",
    "EagleLlamaForCausalLM": "eagle", "LlamaForCausalLMEagle": "eagle", "EAGLEModel": "eagle",
    "MedusaModel": "medusa", "MedusaForCausalLM": "medusa",
}
"""Class names of drafts, and the kind of each."""


def names_draft(data: dict[str, Any]) -> bool:
    """Whether a config says that it is of a draft: by its class, or in the speculators format."""
    names = data.get("architectures")
    return "speculators_model_type" in data or (
        isinstance(names, list) and bool(names) and str(names[0]) in DRAFT_CLASSES)
