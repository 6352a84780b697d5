"""Types of published files whose class repeats one that is known, its names of tensors included."""

from __future__ import annotations

from typing import NamedTuple


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
    "h2ovl_chat": Same("internvl_chat", {"H2OVLChatModel": "InternVLChatForConditionalGeneration"},
                       "h2oai/h2ovl-mississippi-800m modeling_h2ovl_chat.py"),
    "ilama": _alike("llama", "Ilama", "Llama", "hmellor/Ilama-3.2-1B modeling_ilama.py"),
    "kimi_k2": Same("deepseek_v3", {}, "moonshotai/Kimi-K2-Instruct modeling_deepseek.py"),
    "llama_bidirec": _alike("llama", "LlamaBidirectional", "Llama", "nvidia/llama-3.2-nv-embedqa-1b-v2 "
                            "llama_bidirectional_model.py", "Model", "ForSequenceClassification"),
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
    "new": _alike("gte", "New", "Gte", "Alibaba-NLP/new-impl modeling.py", "ForMaskedLM", "ForSequenceClassification",
                  "ForTokenClassification", "Model"),
    "sdar": _alike("qwen3", "SDAR", "Qwen3", "JetLM/SDAR-8B-Chat modeling_sdar.py"),
    "sdar_moe": _alike("qwen3_moe", "SDARMoe", "Qwen3Moe", "JetLM/SDAR-30B-A3B-Chat modeling_sdar_moe.py"),
    "skywork_chat": Same("internvl_chat", {"SkyworkR1VChatModel": "InternVLChatForConditionalGeneration"},
                         "Skywork/Skywork-R1V-38B modeling_skywork_chat.py"),
    "solar": _alike("llama", "Solar", "Llama", "upstage/solar-pro-preview-instruct modeling_solar.py"),
    "stablelm_epoch": _alike("stablelm", "StableLMEpoch", "StableLm",
                             "stabilityai/stablelm-3b-4e1t modeling_stablelm_epoch.py"),
    "step3": Same("step3_text", {}, "stepfun-ai/step3 configuration_step3.py"),
    "step3_vision_encoder": Same("step3_vision", {}, "stepfun-ai/step3 configuration_step3.py"),
    "telechat2": _alike("telechat", "TeleChat2", "Telechat", "Tele-AI/TeleChat2-7B modeling_telechat2.py"),
}


def library_type(model_type: str) -> str:
    """The type whose class this one repeats under another name; itself where it repeats none."""
    same = SAME.get(model_type)
    return model_type if same is None else same.type
