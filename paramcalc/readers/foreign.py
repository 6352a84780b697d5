"""JSON files that lie beside models and are no model config: each named for what it is, with what to give instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UnknownArchitectureError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Foreign(NamedTuple):
    """A kind of file: the keys that tell it, of which all must be there, and what to say."""

    keys: tuple[str, ...]
    what: str
    hint: str = "give the folder or the config.json of the model"


KINDS = (
    Foreign(("_class_name",), "the configuration of a diffusers pipeline or component",
            "diffusion models are not described; the folder of a text encoder can be given"),
    Foreign(("model_cfg", "preprocess_cfg"), "the configuration of an open_clip model",
            "give the config.json transformers has of the same model"),
    Foreign(("speculators_model_type",), "the configuration of a speculators draft model",
            "give the config.json of the model it drafts for"),
    Foreign(("producer", "quantization"), "the quantization settings ModelOpt writes beside a config.json",
            "give the folder that holds both"),
    Foreign(("weight_map",), "the index of a sharded checkpoint", "name it NAME.safetensors.index.json"),
    Foreign(("added_tokens_decoder",), "the configuration of a tokenizer"),
    Foreign(("tokenizer_class",), "the configuration of a tokenizer"),
    Foreign(("feature_extractor_type",), "the configuration of a preprocessor"),
    Foreign(("image_processor_type",), "the configuration of a preprocessor"),
    Foreign(("zero_optimization",), "a configuration of DeepSpeed"),
    Foreign(("_from_model_config",), "the settings of generation beside a config.json"),
    Foreign(("eos_token_id", "transformers_version"), "the settings of generation beside a config.json"),
    Foreign(("temperature", "transformers_version"), "the settings of generation beside a config.json"),
    Foreign(("bits", "group_size"), "the quantization settings beside a config.json",
            "give the folder that holds both"),
    Foreign(("log_history",), "the state of a training run"),
    Foreign(("chat_template",), "the template of a chat"),
    Foreign(("bos_token", "eos_token"), "the special tokens of a tokenizer"),
    Foreign(("added_tokens", "post_processor"), "a tokenizer"),
    Foreign(("dependencies", "version"), "the manifest of a package of JavaScript"),
)
"""In the order they are asked; the keys are those the tool itself writes."""


def refuse_foreign(data: Mapping[str, object]) -> None:
    """Raise UnknownArchitectureError for a mapping that another tool wrote, or that has no key of a model at all."""
    from paramcalc.readers.text.size_words import could_change_a_size
    from paramcalc.spec.model import ModelSpec

    for kind in KINDS:
        if "paramcalc" not in data and all(key in data for key in kind.keys):
            raise UnknownArchitectureError(
                Problem(f"this is {kind.what}, not a model's config", (kind.keys[0],), kind.hint))
    if data and not any(key in ModelSpec.model_fields or could_change_a_size(str(key), True) for key in data):
        raise UnknownArchitectureError(Problem("this describes no model: none of its keys is one of a model's",
                                               hint="a config.json says `model_type`, a spec begins `paramcalc: 1`"))
