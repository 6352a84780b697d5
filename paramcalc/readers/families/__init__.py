"""Hugging Face model families: one file for each family tree, in rooms by what their skeleton is.

A family is an entry of its file's `ROWS`: a row that says how it differs from a skeleton (`decoder.py`, `encoder.py`,
`encoder_decoder.py`), or a function for what no row can say.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from paramcalc.readers.config.published import SAME
from paramcalc.readers.families.towers.tables import ALONE, MODELS, TOWERS

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder

MEMBERS: dict[str, str] = {
    "decoders.baichuan": "baichuan",
    "decoders.bailing": "bailing_moe bailing_moe_v2 sarvam_moe",
    "decoders.blt": "blt",
    "decoders.cohere": "cohere cohere2 cohere2_moe cohere_compass_text",
    "decoders.deepseek": "deepseek deepseek_ocr2_text deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 sarvam_mla",
    "decoders.dense":
        "apertus apertus1p5_text aquila arcee bitnet cosmos3_edge_text diffllama doge emu3_text_model helium "
        "hyperclovax internlm3 iquestcoder jais2 minicpm minicpm3 moshi muse_glimmer_text nanochat orion seed_oss "
        "skywork smollm3 starcoder2 telechat xverse Yi youtu",
    "decoders.diffusion": "llada Dream",
    "decoders.drafts": "dflash eagle eagle3 medusa",
    "decoders.early": "bloom cpmant ctrl mpt opt persimmon xglm stablelm",
    "decoders.ernie": "ernie4_5 ernie4_5_moe ernie4_5_vl_moe_text paddleocr_vl_text",
    "decoders.exaone": "exaone exaone4 exaone_moe",
    "decoders.falcon": "falcon RefinedWeb RefinedWebModel falcon_mamba falcon_h1",
    "decoders.gemma":
        "gemma gemma2 gemma3_text vaultgemma recurrent_gemma gemma3n_text gemma4_text gemma4_unified_text",
    "decoders.glm":
        "chatglm glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa glm4v_text glm_ocr_text glm4v_moe_text glm5_next_text",
    "decoders.gpt":
        "openai-gpt gpt2 gpt-sw3 jais gpt_neo gptj codegen gpt_neox gpt_neox_japanese gpt_bigcode gpt_oss "
        "openai_privacy_filter",
    "decoders.grok": "arctic grok-1",
    "decoders.granite":
        "granite granite_swa granitemoe granitemoeshared granitemoe_swa granitemoehybrid granite_docling_text "
        "granite4_vision_text",
    "decoders.hrm": "hrm_text",
    "decoders.hunyuan": "hunyuan hunyuan_v1_dense hunyuan_v1_moe hunyuan_vl_text hy_v3 hy_v4",
    "decoders.inkling": "inkling_text inkling2_text",
    "decoders.internlm": "internlm internlm2",
    "decoders.kimi": "kimi_linear bailing_hybrid",
    "decoders.lfm": "lfm2 lfm2_moe lfm3",
    "decoders.llama": "llama cwm llama4_text mllama_text_model",
    "decoders.mamba": "mamba mamba2 mamba_ssm bamba jamba",
    "decoders.mimo": "mimo",
    "decoders.minimax": "minimax minimax_m2 minimax_m3_vl_text",
    "decoders.mistral": "mistral mixtral ministral ministral3 mistral4 mistral_large4_text voxtral_realtime_text",
    "decoders.mixture":
        "afmoe beam aria_text axk1 axk2 dbrx dots1 dots3_note_text flint jetmoe kolibri1 laguna longcat_flash mellum "
        "mimo_v2_flash solar_open",
    "decoders.nemotron": "nemotron nemotron_h",
    "decoders.olmo": "olmo olmo2 olmo3 olmoe flex_olmo olmo_hybrid molmo_text molmo2_text",
    "decoders.params": "params",
    "decoders.per_layer": "nemotron-nas openelm",
    "decoders.plamo": "plamo plamo2 plamo3",
    "decoders.phi": "phi phi-msft phi3 phi3small phimoe",
    "decoders.qwen":
        "qwen qwen2 qwen2_moe qwen3 qwen3_moe qwen3_next qwen3_5_text qwen3_5_moe_text qwen2_vl_text "
        "qwen2_5_vl_text qwen2_5_omni_text qwen3_vl_text qwen3_vl_moe_text qwen3_omni_moe_text",
    "decoders.rwkv": "rwkv rwkv5 rwkv6 rwkv7",
    "decoders.step": "step3_text step3p5",
    "decoders.xlstm": "xlstm",
    "decoders.zamba": "zamba zamba2 zaya",
    "encoders.albert": "albert",
    "encoders.bert":
        "bert roberta xlm-roberta camembert data2vec-text xlm-roberta-xl roberta-prelayernorm distilbert "
        "ernie megatron-bert bert-generation electra big_bird rembert roc_bert roformer mpnet gte xmod",
    "encoders.deberta": "deberta deberta-v2",
    "encoders.documents": "layoutlm layoutlmv3 tapas visual_bert",
    "encoders.esm": "esm esmc",
    "encoders.efficient": "fnet yoso longformer nystromformer mra convbert squeezebert",
    "encoders.ibert": "ibert",
    "encoders.luke": "luke splinter",
    "encoders.lxmert": "lxmert",
    "encoders.jina": "jina_bert jina_embeddings_v3 jina_xlm_roberta nomic_bert",
    "encoders.mobilebert": "mobilebert",
    "encoders.modernbert": "modernbert modernbert-decoder eurobert ultrabert",
    "encoders.modernvbert": "modernvbert ultravbert",
    "encoders.reformer": "reformer",
    "encoders.xlm": "flaubert xlm",
    "encoders.xlnet": "funnel xlnet",
    "encoder_decoders.bart":
        "bart plbart mvp mbart blenderbot blenderbot-small pegasus marian m2m_100 nllb-moe bigbird_pegasus "
        "pegasus_x led prophetnet whisper speech_to_text trocr biogpt musicgen_decoder "
        "musicgen_melody_decoder",
    "encoder_decoders.fsmt": "fsmt",
    "encoder_decoders.t5": "t5 mt5 umt5 longt5 switch_transformers udop pop2piano",
    "encoder_decoders.t5gemma": "t5gemma",
    "encoder_decoders.t5gemma2": "t5gemma2",
}
"""Module to the model types whose rows it holds, so that a lookup imports one module only."""


def original(model_type: str) -> str:
    """The type whose class this one repeats under another name; itself where it repeats none."""
    same = SAME.get(model_type)
    return model_type if same is None else same.type


def module_of(model_type: str) -> str | None:
    """The module that holds the row of a model type, relative to this package; None where nobody wrote one."""
    model_type = original(model_type)
    return next((module for module, members in MEMBERS.items() if model_type in members.split()), None)


@cache
def builder(model_type: str) -> Builder | None:
    """What makes a specification of a config of this type; None where nobody wrote it."""
    module = module_of(model_type)
    if module is None:
        return _encoder(model_type)
    rows: dict[str, Builder] = import_module(f"{__name__}.{module}").ROWS
    return rows[original(model_type)]


def _encoder(model_type: str) -> Builder | None:
    """What makes a specification of a tower that is a model of its own."""
    place = MODELS.get(model_type, ALONE if model_type in TOWERS else None)
    if place is None:
        return None
    module, name = place.split(":")
    make: Builder = getattr(import_module(f"{__name__}.towers.{module}"), name)
    return make


def known() -> tuple[str, ...]:
    """Every model type that can be counted."""
    return tuple(sorted({*SAME, *MODELS, *(name for members in MEMBERS.values() for name in members.split())}))
