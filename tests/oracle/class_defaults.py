"""Write the defaults that configuration classes fill in when a config.json is silent.

A saved config.json leaves out every field that still has its class default, so a reader that does not import the
classes needs a table of those defaults. This script makes the table: one family (``model_type``) per line, raw
defaults as declared (``None`` stays ``null``, nothing derived), the attribute aliases and the model classes.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import re
import sys
from collections import defaultdict
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import transformers
from torch.nn import Module
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES, model_type_to_module_name

DEFAULT_OUTPUT = Path(__file__).resolve().parents[2] / "paramcalc/readers/config/defaults.json"
TOWERS = "tower_defaults.json"
TEXT_KEYS = ("text_config", "decoder", "generator", "text_encoder", "thinker_config", "language_config", "llm_config")
LONGEST_VALUE = 2000
# Class attributes which steer training, sharding or serving; none of them shapes a parameter.
UNRELATED_ATTRIBUTES = frozenset({"keys_to_ignore_at_inference", "model_type", "sub_configs", "is_composition"})
# Keys that the attention of many classes takes from a config which has no field for them.
ATTENTION_KEYS = ("head_dim",)
# Labels of a class that says nothing of them, which the table leaves out.
USUAL_LABELS = 2
# Fields of no consequence for the architecture; left out to keep the table small.
UNRELATED_FIELDS = frozenset({"initializer_range", "use_cache", "transformers_version"})


def as_json(value: Any) -> Any:
    """Return `value` as JSON data, or raise TypeError/ValueError when it has no such form."""
    if isinstance(value, PreTrainedConfig):
        value = json.loads(value.to_json_string(use_diff=True))
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    text = json.dumps(value, allow_nan=False, sort_keys=True)
    if len(text) > LONGEST_VALUE:
        raise ValueError("too long")
    return json.loads(text)


def declared_fields(config_class: type[PreTrainedConfig]) -> dict[str, Any]:
    """Collect the dataclass fields that differ from those of the base class."""
    generic = {field.name: field for field in fields(PreTrainedConfig)}
    values: dict[str, Any] = {}
    for field in fields(config_class):
        if field.name.startswith("_") or field.name in UNRELATED_FIELDS:
            continue
        if field.name in generic and generic[field.name].default == field.default:
            continue
        if field.default is not MISSING:
            values[field.name] = field.default
        elif field.default_factory is not MISSING:
            values[field.name] = field.default_factory()
    return values


def plain_attributes(config_class: type[PreTrainedConfig]) -> dict[str, Any]:
    """Collect public class attributes that are data but not dataclass fields."""
    values: dict[str, Any] = {}
    names = {field.name for field in fields(config_class)}
    for parent in reversed(config_class.__mro__):
        if not issubclass(parent, PreTrainedConfig) or parent is PreTrainedConfig:
            continue
        for name, value in vars(parent).items():
            unrelated = name.startswith("_") or name in UNRELATED_ATTRIBUTES or hasattr(PreTrainedConfig, name)
            if not unrelated and name not in names and isinstance(value, (bool, int, float, str, list, type(None))):
                values[name] = value
    return values


def silent_tie(config_class: type[PreTrainedConfig], declared: dict[str, Any]) -> bool:
    """Return the `tie_word_embeddings` a model sees when the file does not say; the base class has none."""
    try:
        return bool(getattr(config_class(), "tie_word_embeddings", False))
    except Exception:  # some composite classes refuse to be built from nothing
        return bool(declared.get("tie_word_embeddings", False))


def silent_labels(config_class: type[PreTrainedConfig]) -> int:
    """Return how many labels a model has when the file does not say."""
    try:
        return config_class().num_labels or USUAL_LABELS
    except Exception:  # as above
        return USUAL_LABELS


def sub_config_default(spec: SubConfigSpec) -> dict[str, Any]:
    """Describe the nested config that stands in for an absent one: its type and the overridden values.

    A class without a type of its own has no entry of its own: all it says stands here.
    """
    if not spec.model_type:
        return {**raw_defaults(spec.config_class), "model_type": "", **spec.init_kwargs}
    return {"model_type": spec.model_type, **spec.init_kwargs}


def raw_defaults(config_class: type[PreTrainedConfig]) -> dict[str, Any]:
    """Merge every declared default of a class into one JSON-serialisable dict."""
    declared = plain_attributes(config_class) | declared_fields(config_class)
    declared["tie_word_embeddings"] = silent_tie(config_class, declared)
    if (labels := silent_labels(config_class)) != USUAL_LABELS:
        declared["num_labels"] = labels
    for key, spec in config_class.sub_configs_defaults.items():
        if not spec.optional:
            declared[key] = sub_config_default(spec)
    result: dict[str, Any] = {}
    for key, value in declared.items():
        try:
            result[key] = as_json(value)
        except (TypeError, ValueError):
            continue
    return result


def text_sub_config(config_class: type[PreTrainedConfig], depth: int = 0) -> tuple[str, str] | None:
    """Find the dotted key and the model type of the nested text config, or None when the class is flat."""
    for key in TEXT_KEYS:
        spec = config_class.sub_configs_defaults.get(key)
        if spec is None:
            continue
        try:
            inner = spec.config_class
            if not issubclass(inner, PreTrainedConfig):
                inner = spec.get_config_class(spec.model_type)
        except (ValueError, KeyError, TypeError):
            return None
        nested = text_sub_config(inner, depth + 1) if depth < 2 else None
        return (f"{key}.{nested[0]}", nested[1]) if nested else (key, inner.model_type)
    return None


def is_text(config_class: type[PreTrainedConfig], classes: list[str]) -> bool:
    """Tell whether a family has tokens of its own: a vocabulary and some model class."""
    names = {field.name for field in fields(config_class)}
    return bool(classes) and ("vocab_size" in names or "vocab_size" in config_class.attribute_map)


def auto_classes() -> dict[str, set[str]]:
    """Collect the model classes that the auto mappings list for each model type."""
    classes: dict[str, set[str]] = defaultdict(set)
    for name, mapping in vars(modeling_auto).items():
        if name.endswith("_NAMES") and name.startswith("MODEL_") and isinstance(mapping, dict):
            for model_type, value in mapping.items():
                classes[model_type].update([value] if isinstance(value, str) else value)
    return classes


def exported_classes(module_name: str) -> dict[str, set[str]]:
    """Collect the public model classes of a modeling module by the model type of their config."""
    classes: dict[str, set[str]] = defaultdict(set)
    package = importlib.import_module(f"transformers.models.{module_name}")
    for source in Path(inspect.getfile(package)).parent.glob("modeling_*.py"):
        try:
            module = importlib.import_module(f"transformers.models.{module_name}.{source.stem}")
        except Exception as error:  # optional dependencies
            sys.stderr.write(f"{module_name}: {error}\n")
            continue
        for name in getattr(module, "__all__", []):
            model = getattr(module, name, None)
            config_class = getattr(model, "config_class", None)
            if not inspect.isclass(config_class):
                continue
            if "retrained" in name.lower() and getattr(model, "forward", Module.forward) is Module.forward:
                continue  # a base class, which computes nothing
            if issubclass(config_class, PreTrainedConfig):
                classes[config_class.model_type].add(name)
    return classes


def keys_of_attention(config_class: type[PreTrainedConfig]) -> list[str]:
    """Return the keys that attention asks for though the class of the config has no such field: with a default, or
    since that class works them out, before it takes what else the file says."""
    folder = Path(inspect.getfile(config_class)).parent
    sources = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("modeling_*.py"))]
    missing = [key for key in ATTENTION_KEYS if key not in {field.name for field in fields(config_class)}]
    source_of_config = inspect.getsource(config_class)
    return [key for key in missing if any(
        f'self.{key} = getattr(config, "{key}"' in source
        or (f"self.{key} = config.{key}\n" in source and f"self.{key} = " in source_of_config) for source in sources)]


def merged_keys(config_class: type[PreTrainedConfig]) -> list[str]:
    """Return the nested configs into which the class fills values of its own where a file gives a part of them."""
    merged = re.findall(r'\*\*self\.sub_configs_defaults\["(\w+)"\]\.init_kwargs', inspect.getsource(config_class))
    return sorted(set(merged))


def describe(config_class: type[PreTrainedConfig], classes: list[str]) -> dict[str, Any]:
    """Assemble the entry of one family."""
    entry: dict[str, Any] = {
        "defaults": raw_defaults(config_class),
        "aliases": dict(sorted(config_class.attribute_map.items())),
        "classes": classes,
    }
    if names := keys_of_attention(config_class):
        entry["asked"] = names
    if keys := merged_keys(config_class):
        entry["merged"] = keys
    text = text_sub_config(config_class)
    if text is not None:
        entry["text_config_key"], entry["text_config"] = text
    return entry


def collect() -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Describe every family that is a text model or holds one; then all others: towers, and encoders of no text."""
    listed = auto_classes()
    modules = {model_type: model_type_to_module_name(model_type) for model_type in CONFIG_MAPPING_NAMES}
    for module_name in sorted(set(modules.values())):
        for model_type, names in exported_classes(module_name).items():
            listed[model_type] |= names
    families: dict[str, dict[str, Any]] = {}
    parts = set()
    for model_type in sorted(CONFIG_MAPPING_NAMES):
        config_class = CONFIG_MAPPING[model_type]
        classes = sorted(listed[model_type])
        text = text_sub_config(config_class)
        if text is not None or is_text(config_class, classes):
            families[model_type] = describe(config_class, classes)
            parts.add(text[1] if text else model_type)
    for model_type in sorted(parts - set(families)):
        if model_type in CONFIG_MAPPING_NAMES:
            families[model_type] = describe(CONFIG_MAPPING[model_type], sorted(listed[model_type]))
    rest = {model_type: describe(CONFIG_MAPPING[model_type], sorted(listed[model_type]))
            for model_type in sorted(set(CONFIG_MAPPING_NAMES) - set(families))}
    return families, rest


def render(families: dict[str, dict[str, Any]]) -> str:
    """Write the table with one family per line, keys sorted."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(entry, sort_keys=True, separators=(',', ':'))}"
        for name, entry in sorted(families.items())
    ]
    version = json.dumps(transformers.__version__)
    return '{"transformers": ' + version + ', "families": {\n' + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    """Write the table to the path given, by default the one the package reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    output: Path = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, families in zip((output, output.with_name(TOWERS)), collect(), strict=True):
        text = render(families)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}: {len(text)} bytes\n")


if __name__ == "__main__":
    main()
