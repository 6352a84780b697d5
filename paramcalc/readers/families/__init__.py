"""Hugging Face model families: one file for each family tree, in rooms by what their skeleton is.

A family is an entry of its file's `ROWS`: a row that says how it differs from a skeleton (`decoder.py`, `encoder.py`,
`encoder_decoder.py`), or a function for what no row can say. `family_of(model_type)` is the one entry under which all
that is known of a type is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from paramcalc.catalog.same_types import SAME, library_type
from paramcalc.readers.config.defaults import FamilyData, family_data, library_version
from paramcalc.readers.config.neutral import NEUTRAL_IN, REPEATS
from paramcalc.readers.config.published_type import Published
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.config.type_facts import (
    DROPOUTS_IN,
    HEAD_APART,
    HEAD_INSIDE,
    NEVER_TIED,
    ROTARY_SHARES,
    SAYS_ROTARY_DIM,
    SPELLINGS,
    TEXT_AT_TOP,
    TEXT_TIES,
    TOWERS_BESIDE,
    WITHIN,
    Keys,
)
from paramcalc.readers.families.towers.tables import ALONE, CLASSES, COMPOSITES, LISTENERS, MODELS, TOWERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.readers.config.config import Builder

MEMBERS: dict[str, str] = {
    "decoders.baichuan": "baichuan baichuan_m1",
    "decoders.bailing": "bailing_moe bailing_moe_v2 sarvam_moe",
    "decoders.blt": "blt",
    "decoders.cohere": "cohere cohere2 cohere2_moe cohere_compass_text",
    "decoders.deepseek":
        "deepseek deepseek_ocr2_text deepseek_v2 deepseek_v3 deepseek_v32 deepseek_v4 sarvam_mla "
        "unlimited_ocr_text",
    "decoders.dense":
        "apertus apertus1p5_text aquila arcee bitnet cosmos3_edge_text diffllama doge emu3_text_model helium "
        "hyperclovax internlm3 iquestcoder jais2 minicpm minicpm3 moshi nanochat orion seed_oss "
        "skywork smollm3 starcoder2 telechat xverse Yi youtu",
    "decoders.diffusion": "llada Dream",
    "decoders.dory": "dory",
    "decoders.draft_eagle": "eagle eagle3 peagle",
    "decoders.draft_flash": "dflash dflash2 domino dspark xpress",
    "decoders.drafts": "medusa mlp_speculator speculator_mtp",
    "decoders.early": "bloom cpmant ctrl mpt opt persimmon xglm stablelm",
    "decoders.ernie": "ernie4_5 ernie4_5_moe ernie4_5_vl_moe_text paddleocr_vl_text",
    "decoders.exaone": "exaone exaone4 exaone_moe",
    "decoders.falcon": "falcon RefinedWeb RefinedWebModel falcon_mamba falcon_h1",
    "decoders.gemma":
        "gemma gemma2 gemma3_text vaultgemma recurrent_gemma gemma3n_text gemma4_text gemma4_unified_text "
        "diffusion_gemma_text embedding_gemma2_text",
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
    "decoders.hunyuan": "hunyuan hunyuan_v1_dense hunyuan_v1_moe hunyuan_vl_text hy_v3 hy_v4 hy_v4_vl_text",
    "decoders.hymba": "hymba",
    "decoders.inkling": "inkling_text inkling2_text inkling2_loop_text",
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
    "decoders.muse": "muse_glimmer_text muse_spark_text",
    "decoders.nemotron": "nemotron nemotron_h",
    "decoders.olmo": "olmo olmo2 olmo3 olmoe flex_olmo olmo_hybrid molmo_text molmoe_text molmo2_text",
    "decoders.params": "params",
    "decoders.per_layer": "nemotron-nas openelm",
    "decoders.plamo": "plamo plamo2 plamo3",
    "decoders.phi": "phi phi-msft phi3 phi3small phimoe",
    "decoders.qwen":
        "qwen qwen2 qwen2_moe qwen3 qwen3_moe qwen3_next qwen3_5_text qwen3_5_moe_text qwen2_vl_text "
        "qwen2_5_vl_text qwen2_5_omni_text qwen3_vl_text qwen3_vl_moe_text qwen3_omni_moe_text lara_mini",
    "decoders.qwen4": "qwen4_exp_text",
    "decoders.rwkv": "rwkv rwkv5 rwkv6 rwkv7",
    "decoders.step": "step3_text step3p5",
    "decoders.xlstm": "xlstm",
    "decoders.zamba": "zamba zamba2 zaya",
    "encoders.albert": "albert",
    "encoders.bert":
        "bert roberta xlm-roberta camembert data2vec-text xlm-roberta-xl roberta-prelayernorm distilbert "
        "ernie megatron-bert bert-generation electra big_bird rembert roc_bert roformer mpnet gte xmod",
    "encoders.deberta": "deberta deberta-v2",
    "encoders.canine": "canine",
    "encoders.documents": "bros layoutlm layoutlmv3 markuplm tapas visual_bert",
    "encoders.dpr": "dpr",
    "encoders.esm": "esm esmc",
    "encoders.efficient": "fnet yoso longformer nystromformer mra convbert squeezebert",
    "encoders.ibert": "ibert",
    "encoders.layoutlmv2": "layoutlmv2",
    "encoders.lilt": "lilt",
    "encoders.luke": "luke splinter",
    "encoders.lxmert": "lxmert",
    "encoders.jina": "jina_bert jina_embeddings_v3 jina_xlm_roberta nomic_bert",
    "encoders.mobilebert": "mobilebert",
    "encoders.modernbert": "modernbert modernbert-decoder eurobert ultrabert",
    "encoders.modernvbert": "modernvbert ultravbert",
    "encoders.perceiver": "perceiver",
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


@dataclass(frozen=True)
class Family:
    """What is known of one model type. Each fact is looked up in its table when it is first asked for.

    A type that repeats another's class under a name of its own (`same_types.py`) has the facts of that class, unless a
    table has an entry for its own name.
    """

    model_type: str

    @cached_property
    def library_type(self) -> str:
        """The type whose class it has; its own name where it repeats none."""
        return library_type(self.model_type)

    @cached_property
    def data(self) -> FamilyData | None:
        """Class names, spellings of keys and defaults of its class; None where nothing is known of one."""
        return family_data(self.model_type)

    @cached_property
    def published(self) -> Published | None:
        """The entry of a class that lives in a repository of its own; None for one of the library."""
        return PUBLISHED_TYPES.get(self.library_type)

    @cached_property
    def source(self) -> str:
        """Where the defaults of its class come from; '' where nothing is known of one."""
        if self.data is None:
            return ""
        return f"transformers {library_version()}" if self.published is None else self.published.source

    @cached_property
    def row(self) -> str | None:
        """Where its row or function stands: a module of this package, with a function's name after a colon; None where
        it is neither a text model nor an encoder that is a model of its own."""
        module = next((module for module, members in MEMBERS.items() if self.library_type in members.split()), None)
        place = MODELS.get(self.library_type, ALONE if self.library_type in TOWERS else None)
        return module or (place and f"towers.{place}")

    @cached_property
    def builder(self) -> Builder | None:
        """What makes a specification of a config of this type; None where nobody wrote it."""
        if self.row is None or ":" in self.row:
            make: Builder | None = _resolve(self.row)
            return make
        rows: dict[str, Builder] = _resolve(f"{self.row}:ROWS")
        return rows[self.library_type]

    def builder_of(self, architecture: str) -> Builder | None:
        """What makes a specification of a config that names this class; None where nobody wrote it."""
        if architecture not in CLASSES:
            return self.builder
        apart: Builder | None = _resolve(_below_towers(CLASSES[architecture]))
        return apart

    @cached_property
    def tower(self) -> str | None:
        """Where the function stands that makes a tower of a nested config of this type."""
        return _below_towers(TOWERS.get(self.library_type))

    @cached_property
    def tower_builder(self) -> Any:  # noqa: ANN401 - a builder of towers, whose type stands above this file
        """What makes a tower of a nested config of this type; None where nobody wrote it."""
        return _resolve(self.tower)

    @cached_property
    def composite(self) -> str | None:
        """Where the function stands that gives the towers of a composite config of this type."""
        return _below_towers(COMPOSITES.get(self.library_type))

    @cached_property
    def composite_builder(self) -> Any:  # noqa: ANN401 - as above
        """What gives the towers of a composite config of this type; None where nobody wrote it."""
        return _resolve(self.composite)

    @cached_property
    def takes_media(self) -> bool:
        """Whether a model that has no text model inside takes pictures or recordings."""
        return any(self.model_type in types for types in (MODELS, TOWERS, LISTENERS))

    @cached_property
    def neutral(self) -> Mapping[str, tuple[object, ...]]:
        """Keys its files say though its class does not read them, with the values that change nothing."""
        return NEUTRAL_IN.get(self.model_type) or NEUTRAL_IN.get(self.library_type, {})

    @cached_property
    def repeats(self) -> Mapping[str, str]:
        """Keys that change nothing where they say what another key says, and that key."""
        return REPEATS.get(self.model_type) or REPEATS.get(self.library_type, {})

    @cached_property
    def dropouts(self) -> Keys:
        """Keys its class reads its dropouts from, by place, where they are not the usual ones."""
        return DROPOUTS_IN.get(self.library_type, {})

    @cached_property
    def rotary_share(self) -> float:
        """The part of a head its class rotates where its config does not say."""
        return ROTARY_SHARES.get(self.library_type, 1)

    @cached_property
    def says_rotary_dim(self) -> bool:
        """Whether its files say how much of a head is rotated though its class has another word for it."""
        return self.library_type in SAYS_ROTARY_DIM

    @cached_property
    def spelling(self) -> tuple[str, str]:
        """What files of a composite type put before the text model's parts, and what they call its head."""
        front = self.published.front if self.published is not None else None
        return front or SPELLINGS.get(self.model_type, WITHIN)

    @cached_property
    def towers_beside(self) -> bool:
        """Whether files of a composite type have the towers beside `model`, though the text model is in it."""
        return self.model_type in TOWERS_BESIDE

    @cached_property
    def text_at_top(self) -> bool:
        """Whether a composite class takes the text model's keys from the top of a file; of a class in a repository of
        its own the file itself is the only word."""
        return self.published is not None or self.data is None or self.model_type in TEXT_AT_TOP

    @cached_property
    def head_inside(self) -> bool:
        """Whether a composite class holds a whole text model, whose own config says whether its head is tied."""
        return self.model_type in HEAD_INSIDE

    @cached_property
    def never_tied(self) -> bool:
        """Whether a composite class names no matrices to tie, whatever its config says."""
        return self.model_type in NEVER_TIED

    @cached_property
    def text_ties(self) -> bool:
        """Whether a composite class ties the head where its text model's config says so, whatever its own says."""
        return self.model_type in TEXT_TIES

    @cached_property
    def head_apart(self) -> str | None:
        """A file that shows a head of its own though configs of this type say that it is tied."""
        return HEAD_APART.get(self.model_type)

    @cached_property
    def training(self) -> Mapping[str, Any]:
        """How its class computes while it trains, where not as Llama's (a text model) or CLIP's (a tower)."""
        from paramcalc.activations.class_rows import class_row, tower_row

        return class_row(self.model_type) or tower_row(self.model_type)

    @cached_property
    def training_measured(self) -> bool:
        """Whether what it saves for the backward pass was held to what torch packed."""
        from paramcalc.activations.class_rows import MEASURED, MEASURED_TOWERS

        return self.library_type in MEASURED | MEASURED_TOWERS

    @cached_property
    def gguf(self) -> tuple[str, ...]:
        """Architectures that GGUF files of its classes name."""
        from paramcalc.catalog.gguf_architectures import gguf_architectures

        return gguf_architectures(self.model_type)


@cache
def family_of(model_type: str) -> Family:
    """The entry of a model type; that of a type nobody knows has no facts."""
    return Family(model_type)


def counted_types() -> tuple[str, ...]:
    """Every model type that can be counted by itself."""
    return tuple(sorted({*SAME, *MODELS, *(name for members in MEMBERS.values() for name in members.split())}))


def composites() -> tuple[str, ...]:
    """Every composite model type whose towers are known."""
    return tuple(sorted(COMPOSITES))


def _below_towers(place: str | None) -> str | None:
    return place and f"towers.{place}"


def _resolve(place: str | None) -> Any:  # noqa: ANN401 - what the tables name
    """What a table names, as `module:name` of this package; None for none."""
    if place is None:
        return None
    module, name = place.split(":")
    return getattr(import_module(f"{__name__}.{module}"), name)
