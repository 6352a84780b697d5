"""Facts of single model types that neither their configs nor the defaults of their classes say, each a table by type.

Readers do not look in here: they ask `family_of(model_type)`, where all that is known of a type comes together.
"""

from __future__ import annotations

from paramcalc.readers.config.published_type import GPT_KEYS
from paramcalc.readers.config.published_wholes import OUTSIDE

Keys = dict[str, tuple[str, ...]]

CLASS_ALIASES: dict[str, dict[str, str]] = {
    "ernie4_5": {"Ernie4_5_ForCausalLM": "Ernie4_5ForCausalLM"},
    "exaone": {"ExaoneForCausalLM": "LlamaForCausalLM"},
    "exaone_moe": {"ExaoneMoEForCausalLM": "ExaoneMoeForCausalLM"},
    "internlm3": {"InternLM3ForCausalLM": "LlamaForCausalLM", "InternLM3Model": "LlamaModel"},
    "iquestcoder": {"IQuestCoderForCausalLM": "LlamaForCausalLM"},
    "kimi_k25": {"KimiK25ForConditionalGeneration": "Kimi_K25ForConditionalGeneration"},
    "llama": {"LLaMAForCausalLM": "LlamaForCausalLM"},
    "mistral3": {"LightOnOCRForConditionalGeneration": "Mistral3ForConditionalGeneration"},
    "mpt": {"MPTForCausalLM": "MptForCausalLM", "MPTModel": "MptModel"},
    "phimoe": {"PhiMoEForCausalLM": "PhimoeForCausalLM"},
    "qwen2_5_omni": {"Qwen2_5OmniModel": "Qwen2_5OmniForConditionalGeneration"},
    "sarvam_mla": {"SarvamMLAForCausalLM": "DeepseekV3ForCausalLM"},
    "sarvam_moe": {"SarvamMoEForCausalLM": "Glm4MoeForCausalLM"},
    "step3p5": {"Step3p5ForCausalLM": "Step3p5ForCausalLM"},
    "step3p7": {"Step3p7FlashForCausalLM": "Step3p7ForConditionalGeneration"},
    "t5": {"T5WithLMHeadModel": "T5ForConditionalGeneration"},
}
"""Names that published files have for a class of the library, as their repositories' own modeling files spell them."""

KEY_ALIASES: dict[str, dict[str, str]] = {
    "deepseek_v32": {"num_experts": "n_routed_experts"},
    "glm_moe_dsa": {"num_experts": "n_routed_experts"},
    "kimi_k25_vision": {"hidden_size": "vt_hidden_size", "num_hidden_layers": "vt_num_hidden_layers",
                        "num_attention_heads": "vt_num_attention_heads", "intermediate_size": "vt_intermediate_size",
                        "pos_emb_height": "init_pos_emb_height", "pos_emb_width": "init_pos_emb_width",
                        "pos_emb_time": "init_pos_emb_time"},
    "nomic_bert": GPT_KEYS,
}
"""Spellings of keys in files that were published with code of their own before the library had the class, or that the
class still takes from older files (its config's `__post_init__`)."""

WITHIN = ("model.language_model.", "lm_head")
TEXT = ("model.text_model.", "lm_head")
PLAIN = ("model.", "lm_head")
SPELLINGS: dict[str, tuple[str, str]] = {
    **dict.fromkeys((
        "aria", "audioflamingo3", "aya_vision", "blip-2", "fuyu", "gemma3", "glmasr", "got_ocr2", "granite_speech",
        "granite_speech_plus", "instructblip", "instructblipvideo", "internvl", "kimi_k25", "llama4", "llava",
        "llava_next", "llava_next_video", "llava_onevision", "minimax_m3_vl", "mistral3", "mllama", "musicflamingo",
        "paligemma", "pp_chart2table", "qianfan_ocr", "qwen2_audio", "vibevoice_asr", "video_llava", "vipllava",
        "voxtral", "voxtral_realtime"), OUTSIDE),
    **dict.fromkeys(("granite_docling", "idefics2", "idefics3", "modernvbert", "smolvlm", "ultravbert"), TEXT),
    **dict.fromkeys((
        "deepseek_ocr2", "dots3_note", "ernie4_5_vl_moe", "gemma4_assistant", "gemma4_unified_assistant", "hunyuan_vl",
        "hy_v4_vl", "paddleocr_vl",
        "qwen2_5_omni_thinker", "qwen2_5_vl", "qwen2_vl", "qwen3_omni_moe_thinker", "step3p7", "unlimited_ocr"), PLAIN),
    "emu3": ("text_model.model.", "text_model.lm_head"),
    "diffusion_gemma": ("model.decoder.", "lm_head"),
    "embedding_gemma2": ("language_model.", "lm_head"),
    "mistral_large4": ("", "output"),
    "hyperclovax_vision_v2": ("model.language_model.", "model.language_model.lm_head"),
    "shieldgemma2": ("model.language_model.model.", "model.language_model.lm_head"),
    "cosmos3_edge": ("", "lm_head"),
    "nemo_speechlm": ("llm.model.", "llm.lm_head"),
    "nemotron_h_omni": ("language_model.backbone.", "language_model.lm_head"),
    "musicgen": ("decoder.model.", "decoder.lm_heads"),
    "musicgen_melody": ("decoder.model.", "decoder.lm_heads"),
    "qwen2_5_omni": ("thinker.model.", "thinker.lm_head"),
    "qwen3_omni_moe": ("thinker.model.", "thinker.lm_head"),
}
"""How files of a composite type spell what stands in front of the text model's parts, and its head, where that is not
`WITHIN`. Read off what `save_pretrained` writes for each class of the library, release 5.23."""

TOWERS_BESIDE = ("embedding_gemma2", "hunyuan_vl", "hy_v4_vl", "minicpmo", "minicpmv", "minicpmv_minicpm",
                 "minicpmv_qwen2", "minicpmv_qwen3", "ovis", "ovis2_5", "paddleocr_vl", "qwen2_vl", "qwen2_5_vl",
                 "qwen2_5_omni", "qwen2_5_omni_thinker", "qwen3_omni_moe_thinker")
"""Types whose files have the towers beside `model`, though the text model is in it."""

TEXT_AT_TOP = ("dots3_note", "fuyu", "glm5_next", "hunyuan_vl", "paddleocr_vl", "qwen2_5_vl", "qwen2_vl")
"""Composite types of the library whose class takes the text model's keys from the top of a file too: asked of each by
`from_dict` with such a key, release 5.24."""

HEAD_INSIDE = ("blip-2", "instructblip", "instructblipvideo", "llama4", "ovis2_5")
"""Types whose class holds a whole text model with its head, so that its own config alone says whether they are tied."""

NEVER_TIED = ("audioflamingo3", "cosmos3_edge", "musicflamingo", "muse_spark", "omniasr", "qwen2_audio", "voxtral")
"""Types whose class names no matrices to tie, whatever a config says."""

TEXT_TIES = ("fast_vlm", "glm4v", "glm4v_moe", "glm_ocr", "hunyuan_vl", "llava", "llava_next_video", "llava_onevision",
             "minimax_m3_vl", "paddleocr_vl", "qwen2_5_vl", "qwen2_vl", "shieldgemma2", "video_llama_3")
"""Composite types whose class ties the head where either config says so, release 5.24: older files say it of the text
model alone."""

HEAD_APART = {"ovis": "AIDC-AI/Ovis2-1B"}
"""Types whose files hold a head though their configs say that it is tied, and a file that shows it."""

T5: Keys = {"ffn": ("dropout_rate",), "final": ("dropout_rate",)}
UNDROPPED: Keys = {"embedding": ()}
MODERN_BERT: Keys = {"hidden": ("attention_dropout",), "ffn": ("mlp_dropout",)}
DROPOUTS_IN: dict[str, Keys] = {
    **dict.fromkeys(("longt5", "mt5", "switch_transformers", "t5", "umt5"), T5),
    **dict.fromkeys(("modernbert", "modernbert-decoder"), MODERN_BERT),
    **dict.fromkeys(("bloom", "phi3", "phimoe"), UNDROPPED),
    "emu3_text_model": {"hidden": ("attention_dropout",)},
    "falcon": {"attention": (), "embedding": ()},
    "gpt_neox": {"embedding": ("hidden_dropout",)},
    "gte": {"ffn": ("hidden_dropout_prob",)},
    "mpt": {"hidden": ()},
    "opt": {"embedding": (), "ffn": ()},
}
"""Where a class reads other keys; none where it drops nothing there, whatever its config says."""

ROTARY_SHARES = {**dict.fromkeys(("glm", "glm4", "glm4_moe", "nemotron", "persimmon", "phi", "recurrent_gemma"), 0.5),
                 **dict.fromkeys(("gpt_neox", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next", "stablelm"), 0.25)}
"""The part of a head a class rotates where its config does not say."""
SAYS_ROTARY_DIM = ("minimax_m2",)
"""Types whose published files say `rotary_dim`, though their class has another word for it."""

TEXT_HEADS = ("DiffusionGemmaForBlockDiffusion", "ShieldGemma2ForImageClassification")
"""Classes with a language model's head whose names say something else: the second classifies by the words it would
generate."""

UNBIASED_TAGGERS = ("qwen3_asr",)
"""Composite types whose class for tokens scores them without a shift (Qwen3-ForcedAligner)."""
