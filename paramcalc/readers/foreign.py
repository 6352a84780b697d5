"""JSON files that lie beside models and are no model config: each named for what it is, with what to give instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UnknownArchitectureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Foreign(NamedTuple):
    """A kind of file: the keys that tell it, of which all must be there, and what to say."""

    keys: tuple[str, ...]
    what: str
    hint: str = "give the folder or the config.json of the model"


SPEC = "give the config.json transformers has of the same model, or write a spec: `paramcalc convert MODEL` shows one"
MODULE = ("the configuration of a module of sentence-transformers", "give the folder that holds modules.json")
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
    Foreign(("medusa_num_heads",), "the configuration of Medusa heads as their first release wrote it",
            "add \"model_type\": \"medusa\", and hidden_size and vocab_size of the base model"),
    Foreign(("vision_cfg", "text_cfg"), "the configuration of an open_clip model",
            "give the config.json transformers has of the same model"),
    Foreign(("n_audio_state", "n_text_state"), "the dimensions of Whisper as OpenAI publishes it",
            "give the config.json transformers has of the same model"),
    Foreign(("n_layer", "n_embd", "block_size"), "a configuration of nanoGPT or LitGPT", SPEC),
    Foreign(("d_vocab", "d_mlp"), "a configuration of TransformerLens", SPEC),
    Foreign(("ffn_hidden_size", "seq_length"), "a configuration of Megatron-LM or NeMo", SPEC),
    Foreign(("tensor_model_parallel_size",), "a configuration of Megatron-LM or NeMo", SPEC),
    Foreign(("megatron_amp_O2",), "a configuration of Megatron-LM or NeMo", SPEC),
    Foreign(("pretrained_config", "build_config"), "the configuration of an engine of TensorRT-LLM", SPEC),
    Foreign(("architecture", "mapping"), "the configuration of a checkpoint of TensorRT-LLM", SPEC),
    Foreign(("general.architecture",), "the metadata of a GGUF file", "give the .gguf file itself"),
    Foreign(("schemaVersion", "layers"), "the manifest of a registry of containers, as Ollama keeps models",
            "give the .gguf file its largest layer is"),
    Foreign(("lora_alpha",), "settings of adapters that name no peft_type", "give an adapter_config.json"),
    Foreign(("word_embedding_dimension",), *MODULE), Foreign(("in_features", "out_features"), *MODULE),
    Foreign(("w_bit",), "the quantization settings beside a config.json", "give the folder that holds both"),
    Foreign(("processor_class",), "the configuration of a processor"),
    Foreign(("video_processor_type",), "the configuration of a preprocessor"),
    Foreign(("image_mean", "image_std"), "the configuration of a preprocessor"),
    Foreign(("learning_rate", "num_train_epochs"), "the arguments of a training run"),
    Foreign(("train_micro_batch_size_per_gpu",), "a configuration of DeepSpeed"),
    Foreign(("max_new_tokens",), "the settings of generation beside a config.json"),
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
    Foreign(("cls_token", "mask_token"), "the special tokens of a tokenizer"),
    Foreign(("added_tokens", "post_processor"), "a tokenizer"),
    Foreign(("dependencies", "version"), "the manifest of a package of JavaScript"),
)
"""In the order they are asked; the keys are those the tool itself writes."""
TYPED = (
    Foreign(("model_class", "model_name", "config"), "the configuration of adapters of the library `adapters`",
            "adapters of PEFT can be given; else give the base model"),
    Foreign(("model_config", "context_window_size"), "the chat configuration of MLC LLM", SPEC),
    Foreign(("model_format", "model_family"), "the configuration of a model of Ollama",
            "give the .gguf file, or the config.json transformers has of the same model"),
)
"""The same of files that name a model type, as a config.json does."""


def refuse_kinds(data: Mapping[str, object], kinds: Iterable[Foreign] = TYPED) -> None:
    """Raise UnknownArchitectureError for a mapping that another tool wrote."""
    for kind in kinds:
        if all(key in data for key in kind.keys):
            raise UnknownArchitectureError(
                Problem(f"this is {kind.what}, not a model's config", (kind.keys[0],), kind.hint))


def refuse_foreign(data: Mapping[str, object]) -> None:
    """Raise UnknownArchitectureError for a mapping that another tool wrote, or that has no key of a model at all."""
    from paramcalc.readers.text.size_words import could_change_a_size
    from paramcalc.spec.model import ModelSpec

    if "paramcalc" not in data:
        refuse_kinds(data, KINDS)
    if data and not any(key in ModelSpec.model_fields or could_change_a_size(str(key), True) for key in data):
        raise UnknownArchitectureError(Problem("this describes no model: none of its keys is one of a model's",
                                               hint="a config.json says `model_type`, a spec begins `paramcalc: 1`"))
