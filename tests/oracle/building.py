"""Build model classes on the meta device and measure them, without weights."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable
from typing import Any

import buckets
import torch
import transformers
from torch import nn
from transformers.configuration_utils import PreTrainedConfig
from transformers.core_model_loading import revert_weight_conversion
from transformers.modeling_utils import PreTrainedModel, remove_tied_weights_from_state_dict
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES, model_type_to_module_name

Row = list[Any]
SUB_CONFIG_KEYS = ("text_config", "decoder", "generator", "text_encoder", "thinker_config", "language_config")
TOP_K_KEYS = ("num_experts_per_tok", "moe_topk", "moe_top_k", "moe_k", "top_k_experts", "num_selected_experts", "top_k")
# Mixtures whose attention is routed too: the share of active parameters is not defined by one k of E.
NO_ACTIVE_CLASSES = frozenset({"JetMoeForCausalLM"})
TOP_ONE_TYPES = frozenset({"switch_transformers"})
# The smallest change with which a class builds whose own defaults contradict each other.
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
QWEN4 = {"num_hidden_layers": 8, "indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 256,
         "indexer_budget": 64, "indexer_compress_ratio": 4, "ple_layer_ids": [1, 3], "eos_token_id": 1,
         "num_experts": 16, "num_experts_per_tok": 8, "ngram_vocab_size_base": 2000}
MAPPED = {"vocabulary_map": {"<image>": 5, "IMGIMGAZ": 6}}
REPAIRS: dict[str, dict[str, Any]] = {
    "bridgetower": {"contrastive_hidden_size": 512, "logit_scale_init_value": 2.6592},
    "chameleon": MAPPED,
    "cohere_compass": {"text_config": {"rope_parameters": {"full_attention": ROPE}}},
    "cohere_compass_text": {"rope_parameters": {"full_attention": ROPE}},
    "deepseek_ocr2": {"text_config": {"num_experts_per_tok": 6, "mlp_layer_types": ["dense"] + ["sparse"] * 31}},
    "diffusion_gemma": {"text_config": {"num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 704}},
    "emu3": MAPPED,
    "esm": {"vocab_size": 33},
    "granite4_vision": {"downsample_rate": "4/8", "deepstack_layer_map": [[-19, 9], [-13, 6], [-7, 3], [-1, 0]]},
    "hiera": {"decoder_hidden_size": 64, "decoder_depth": 2, "decoder_num_heads": 4},
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128},
    "hunyuan_vl": {"text_config": {"rope_parameters": ROPE | {"mrope_section": [16, 16, 16, 16]}}},
    "lfm2_moe": {"layer_types": ["conv", "conv", "full_attention", "conv"] * 8},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8, "head_dim": 128},
    "qwen4_exp": {"text_config": QWEN4},
    "qwen4_exp_text": QWEN4,
    "vilt": {"num_images": 2},
    "wav2vec2-bert": {"vocab_size": 32},
}


def model_class(model_type: str, name: str) -> type[PreTrainedModel]:
    """Find a model class by its name, at the top level of transformers or in the module of its type."""
    owner: type[PreTrainedModel] | None = getattr(transformers, name, None)
    if owner is None:
        module_name = model_type_to_module_name(model_type)
        module = importlib.import_module(f"transformers.models.{module_name}.modeling_{module_name}")
        owner = getattr(module, name)
    if owner is None:
        raise LookupError(f"transformers has no class {name}")
    return owner


def config_class_for(model_type: str, owner: type[PreTrainedModel]) -> type[PreTrainedConfig]:
    """Return the config class that `owner` is built from: that of the type, or of its nested text config."""
    outer: type[PreTrainedConfig] = CONFIG_MAPPING[model_type]
    expected_class = owner.config_class
    if expected_class is None or outer is expected_class or issubclass(outer, expected_class):
        return outer
    for key in SUB_CONFIG_KEYS:
        spec = outer.sub_configs_defaults.get(key)
        if spec is not None and spec.config_class is expected_class:
            return expected_class
    return outer


def strict_json(value: Any) -> Any:
    """Drop the keys whose values strict JSON cannot say: infinities and NaN, also within a list."""
    if isinstance(value, dict):
        return {key: strict_json(item) for key, item in value.items() if not _is_special(item)}
    if isinstance(value, list):
        return [strict_json(item) for item in value]
    return value


def _is_special(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"__float__"}
    if isinstance(value, list):
        return any(_is_special(item) for item in value)
    return isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))


def saved_config(config: PreTrainedConfig, owner: str) -> dict[str, Any]:
    """Return what `save_pretrained` would write as config.json."""
    written: dict[str, Any] = strict_json(json.loads(config.to_json_string(use_diff=True)))
    written["architectures"] = [owner]
    return written


def build(owner: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    """Instantiate a class without memory for its weights."""
    with torch.device("meta"):
        return owner(config)


def collapse(name: str) -> str:
    """Replace each purely numeric segment of a dotted name by `*`."""
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def rows(items: Iterable[tuple[str, tuple[int, ...], str]]) -> list[Row]:
    """Merge tensors that share a collapsed name, a shape and a component, in order of appearance."""
    counted: dict[tuple[str, tuple[int, ...], str], int] = {}
    for name, shape, bucket in items:
        key = (collapse(name), shape, bucket)
        counted[key] = counted.get(key, 0) + 1
    return [[name, list(shape), copies, bucket] for (name, shape, bucket), copies in counted.items()]


def aliases(model: nn.Module) -> dict[int, list[str]]:
    """Map the identity of each parameter to all of its names, the first being the one it is counted under."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return names


def module_classes(model: nn.Module, name: str) -> list[str]:
    """List the class names of the modules on the path to a parameter, outermost first, the model left out."""
    names: list[str] = []
    module: nn.Module = model
    for part in name.split(".")[:-1]:
        module = getattr(module, part)
        names.append(type(module).__name__)
    return names


def bucket_of(model: PreTrainedModel) -> dict[str, str]:
    """Classify every unique parameter of a model by the name it is counted under."""
    owner = type(model).__name__
    alone = model.config.base_config_key in ("vision_config", "audio_config") and not owner.endswith("WithProjection")
    names_of = aliases(model)
    result: dict[str, str] = {}
    for name, parameter in model.named_parameters():
        every = [name, *(other for other in names_of[id(parameter)] if other != name)]
        result[name] = buckets.classify(owner, [collapse(item) for item in every], module_classes(model, name),
                                        alone=alone)
    return result


def active(model: PreTrainedModel, parameters: list[Row], total: int) -> int | None:
    """Count the parameters one token passes through, or None when one k of E does not say it."""
    config = model.config
    experts = [row for row in parameters if row[3] == "moe_experts"]
    top_k = next((value for key in TOP_K_KEYS if (value := getattr(config, key, None)) is not None), None)
    if config.model_type in TOP_ONE_TYPES:
        top_k = 1
    if not experts or not isinstance(top_k, int) or type(model).__name__ in NO_ACTIVE_CLASSES:
        return None
    idle = 0
    for name, shape, copies, _ in experts:
        elements = copies * torch.Size(shape).numel()
        choices = shape[0] if re.search(r"experts\.\w+$", name) else config.num_experts
        if elements * top_k % choices:
            return None
        idle += elements - elements * top_k // choices
    return total - idle


def checkpoint(model: PreTrainedModel, component: dict[str, str]) -> tuple[list[Row], list[Row]]:
    """Return the parameters and buffers under the names and shapes `save_pretrained` writes."""
    state = dict(model.state_dict())
    for name in model._keys_to_ignore_on_save or ():
        state.pop(name, None)
    state = remove_tied_weights_from_state_dict(state, model)
    by_identity = {id(parameter): component[names[0]] for parameter, names in _named(model)}
    parameter_bucket = {name: by_identity[id(p)] for name, p in model.named_parameters(remove_duplicate=False)}
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in state.items():
        groups.setdefault(parameter_bucket.get(name, ""), {})[name] = tensor
    written = {bucket: revert_weight_conversion(model, group) for bucket, group in groups.items()}
    all_tensors = revert_weight_conversion(model, state)
    parts = {name: tuple(tensor.shape) for group in written.values() for name, tensor in group.items()}
    if parts != {name: tuple(tensor.shape) for name, tensor in all_tensors.items()}:
        raise ValueError("a weight conversion mixes components")
    owner = {name: bucket for bucket, group in written.items() for name in group}
    items = [(name, _shape(name, all_tensors), owner[name]) for name in all_tensors]
    return rows(item for item in items if item[2]), [row[:3] for row in rows(item for item in items if not item[2])]


def _shape(name: str, written: dict[str, torch.Tensor]) -> tuple[int, ...]:
    """Return a tensor's shape; a convolution is as wide as the projection it follows.

    The library divides a joined convolution in equal parts when it saves, even where the projections are not equal.
    """
    shape = tuple(written[name].shape)
    projection = written.get(re.sub(r"\b([qkv])_conv1d\.", r"\1_proj.", name))
    return shape if projection is None or not shape else (projection.shape[0], *shape[1:])


def _named(model: PreTrainedModel) -> list[tuple[nn.Parameter, list[str]]]:
    names = aliases(model)
    return [(parameter, names[id(parameter)]) for _, parameter in model.named_parameters()]


def measure(model: PreTrainedModel, model_type: str, identity: str) -> dict[str, Any]:
    """Describe a built model as one record of the golden data."""
    owner = type(model).__name__
    component = bucket_of(model)
    named = list(model.named_parameters())
    tensors = rows((name, tuple(parameter.shape), component[name]) for name, parameter in named)
    total = sum(parameter.numel() for _, parameter in named)
    components: dict[str, int] = {}
    for _, shape, copies, bucket in tensors:
        components[bucket] = components.get(bucket, 0) + copies * torch.Size(shape).numel()
    in_state = set(model.state_dict())
    buffers = {id(item): item.numel() for name, item in model.named_buffers() if name in in_state}
    record: dict[str, Any] = {
        "id": identity,
        "model_type": model_type,
        "class": owner,
        "config": saved_config(model.config, owner),
        "total": total,
        "trainable": sum(parameter.numel() for _, parameter in named if parameter.requires_grad),
        "buffers": sum(buffers.values()),
        "active": active(model, tensors, total),
        "components": components,
        "tensors": tensors,
    }
    written, written_buffers = checkpoint(model, component)
    if sorted(map(str, written)) != sorted(map(str, tensors)):
        record["checkpoint_tensors"] = written
    if written_buffers:
        record["checkpoint_buffers"] = written_buffers
    return record


def default_config(model_type: str, owner: type[PreTrainedModel]) -> PreTrainedConfig:
    """Return the default config of a class, repaired where the defaults contradict each other."""
    config_class = config_class_for(model_type, owner)
    return config_class(**REPAIRS.get(model_type, {}))


def from_file(written: dict[str, Any]) -> PreTrainedModel:
    """Build the class that the `architectures` of a config.json names."""
    model_type, name = written["model_type"], written["architectures"][0]
    if model_type not in CONFIG_MAPPING_NAMES:
        return _from_unlisted(written, name)
    owner = model_class(model_type, name)
    config_class = config_class_for(model_type, owner)
    if config_class is not CONFIG_MAPPING[model_type]:
        key = next(key for key, spec in CONFIG_MAPPING[model_type].sub_configs_defaults.items()
                   if spec.config_class is config_class)  # fmt: skip
        written = written.get(key) or {}
    return build(owner, config_class.from_dict(dict(written)))


def _from_unlisted(written: dict[str, Any], name: str) -> PreTrainedModel:
    owner = getattr(transformers, name)
    return build(owner, owner.config_class.from_dict(dict(written)))
