"""Composite configs: which nested config is the text model, what else there is, and how files spell its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.components.embedding import Embedding
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData, family_data
from paramcalc.readers.config.published import before_five
from paramcalc.readers.config.published_types import OUTSIDE, PUBLISHED_TYPES
from paramcalc.readers.families.decoder import MODULES
from paramcalc.readers.families.nearest import unknown_type

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.spec.model import ModelSpec

NO_TOWERS = ("quantization_config", "generation_config", "compression_config", "rope_parameters", "rope_scaling")
"""Mappings a config holds that are no part of the model."""

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
        "deepseek_ocr2", "dots3_note", "ernie4_5_vl_moe", "hunyuan_vl", "paddleocr_vl", "qwen2_5_omni_thinker",
        "qwen2_5_vl", "qwen2_vl", "qwen3_omni_moe_thinker", "step3p7", "unlimited_ocr"), PLAIN),
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

HEAD_INSIDE = ("blip-2", "instructblip", "instructblipvideo", "llama4", "ovis2_5")
"""Types whose class holds a whole text model with its head, so that its own config alone says whether they are tied."""


UNTIED = ("audioflamingo3", "cosmos3_edge", "musicflamingo")
"""Types whose class names no matrices to tie, whatever a config says."""


def spelling(model_type: str) -> tuple[str, str]:
    """What files of a composite type put before the text model's parts, and what they call its head."""
    published = PUBLISHED_TYPES.get(model_type)
    if published is not None and published.front is not None:
        return published.front
    return SPELLINGS.get(model_type, WITHIN)


APART = {"ovis": "AIDC-AI/Ovis2-1B"}
"""Types whose files hold a head though their configs say that it is tied, and a file that shows it."""


class TextModel(NamedTuple):
    """The text model of a composite config."""

    config: Config
    outer: FamilyData | None = None
    towers: tuple[str, ...] = ()
    """Keys of what else there is: other nested configs."""
    inside: bool = False
    """The class is the composite one, so that files spell its tensors with what stands in front."""


def text_model(data: dict[str, Any], family: FamilyData | None, model_type: str, architecture: str) -> TextModel | None:
    """The nested config that says the text model; None where this config is none that holds another.

    Published files of some types (Qwen2-VL) keep the text model's keys beside the towers, at the top.
    """
    key = family.text_key if family is not None else "text_config"
    path = tuple(key.split("."))
    nested: Any = data
    for word in path:
        nested = nested.get(word) if isinstance(nested, dict) else None
        if nested is not None and not isinstance(nested, dict):
            raise SpecError(Problem("expected a mapping", path))
    usual = family.text_config if family is not None else None
    if not isinstance(nested, dict):
        if usual is None:
            return None
        nested, path = (data, ()) if "hidden_size" in data or "num_hidden_layers" in data else ({}, path)
    inner = (nested.get("model_type") or usual) if path else usual
    if inner is None:
        raise SpecError(Problem("model_type is missing", path, "say which text model it is"))
    inner_family = family_data(inner) if isinstance(inner, str) else None
    if not isinstance(inner, str) or inner_family is None:
        raise unknown_type(str(inner), (*path, "model_type"), data=nested)
    config = Config(nested, inner_family, inner, architecture, path, data)
    config.ties = None if model_type in HEAD_INSIDE else _ties(config, data, family, model_type)
    if family is None:
        config.note(f"model_type {model_type[:100]!r} is not known: the text model inside it is counted, and named as "
                    "most composite types name it")
    if architecture in inner_family.classes:
        return TextModel(config, family)
    return TextModel(config, family, _towers(data, family, path[:1]), inside=True)


def _around(data: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The outer config and those between it and the text model's, outermost first (Omni: the thinker's)."""
    levels = [data]
    for word in path[:-1]:
        inner = levels[-1].get(word)
        levels.append(inner if isinstance(inner, dict) else {})
    return levels


def _ties(config: Config, data: dict[str, Any], family: FamilyData | None, model_type: str) -> bool | None:
    """Whether the published file of a composite ties its head, by the release of the library that wrote it.

    Releases before 5 asked the text model's config, then its class; since then the outer config and its class decide.
    A file that says no release is taken for a newer one. Where both rules differ, both counts are said.
    """
    if (file := APART.get(model_type)) is not None:
        config.note(f"the head is counted apart, as {file} holds it, whatever tie_word_embeddings says")
        return False
    if model_type in UNTIED:
        return False
    around = _around(data, config.path)
    before = _first((config.data, *reversed(around)), bool(config.family.defaults.get("tie_word_embeddings", False)))
    if family is None:
        return _first((*around, config.data), None)
    since = bool(_first((*around, config.data), bool(family.defaults.get("tie_word_embeddings", False))))
    if before != since:
        words = {True: "ties the head to the embedding", False: "holds a head of its own"}
        older = before_five(data)
        release = "before release 5, as this one," if older else "before release 5"
        config.note(f"a file written {release} {words[bool(before)]}, one of release 5 {words[since]}: they ask "
                    "different tie_word_embeddings; a file's tensors say which")
        return bool(before) if older else since
    return since


def _first(configs: tuple[dict[str, Any], ...], otherwise: bool | None) -> bool | None:
    """What the first of some configs says of its head and embedding."""
    words = (config.get("tie_word_embeddings") for config in configs)
    return next((word for word in words if isinstance(word, bool)), otherwise)


def _towers(data: dict[str, Any], family: FamilyData | None, text: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of the nested configs beside the text model's, those its class fills in included."""
    fields = {**(family.defaults if family is not None else {}), **data}
    text = text or ("text_config",)
    return tuple(key for key, value in fields.items() if isinstance(value, dict) and key not in (*NO_TOWERS, *text)
                 and (key.endswith("_config") or "model_type" in value))


def placed(spec: ModelSpec, model_type: str) -> ModelSpec:
    """The specification with names as files of a composite type spell them."""
    front, head = spelling(model_type)
    if model_type in PUBLISHED_TYPES and "." not in spec.names.get("lm_head", "."):
        head = head.replace("lm_head", spec.names["lm_head"])  # InternLM 2 inside InternVL: language_model.output
    if spec.modules is None:
        base = {word: spec.names.get(word, f"model.{word}") for word in MODULES}
        names = spec.names | {word: front + name.split(".", 1)[-1] for word, name in base.items()}
        inputs = {_moved(key, front, head): part for key, part in spec.inputs.items()}
        outputs = {_moved(key, front, head): part for key, part in spec.outputs.items()}
        apart = {word: {_moved(key, front, head) if key.startswith("model.") else key: _tied(part, front, head)
                        for key, part in parts.items()}
                 for word, parts in spec.apart.items()}
        return spec.model_copy(update={"names": names | ({"lm_head": head} if spec.head else {}), "inputs": inputs,
                                       "outputs": outputs, "apart": apart})
    moved = {key: _moved(key, front, head) for key in spec.modules}
    modules = {}
    for key, part in spec.modules.items():
        update: dict[str, str] = {}
        if part.path:
            update["path"] = _moved(part.path, front, head)
        if isinstance(part, Embedding) and part.tied_to:
            update["tied_to"] = moved[part.tied_to]
        modules[moved[key]] = part.model_copy(update=update) if update else part
    return spec.model_copy(update={"modules": modules})


def _tied(part: Component, front: str, head: str) -> Component:
    """A part whose table is another's, named as that is now."""
    if isinstance(part, Embedding) and part.tied_to:
        return part.model_copy(update={"tied_to": _moved(part.tied_to, front, head)})
    return part


def _moved(name: str, front: str, head: str) -> str:
    first, _, rest = name.partition(".")
    if first in ("lm_head", "lm_heads"):
        return f"{head}.{rest}" if rest else head
    return front + rest if rest else name
