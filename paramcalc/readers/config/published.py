"""What files published outside the library say of their model: types told by other keys, classes of
drafts. What such types say when they are silent is in `published_types.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnnamedType(NamedTuple):
    """A type that its files do not name, known by its keys, under another type's name or none."""

    keys: dict[str, Any]
    """Keys that identify it, with the value they must have; with any value where that is None."""
    type: str


UNNAMED_TYPES: dict[str | None, tuple[UnnamedType, ...]] = {
    "minicpmv": (
        UnnamedType({"version": 2.6}, "minicpmv_qwen2"),
        UnnamedType({"version": "2.6"}, "minicpmv_qwen2"),
        UnnamedType({"version": 4.5}, "minicpmv_qwen3"),
        UnnamedType({"version": "4.5"}, "minicpmv_qwen3"),
        UnnamedType({"hidden_size": 2304}, "minicpmv_minicpm"),
    ),
    "deepseek_vl_v2": (
        UnnamedType({"architectures": ["DeepseekOCRForCausalLM"]}, "deepseek_ocr"),
        UnnamedType({"architectures": ["DeepseekOCR2ForCausalLM"]}, "deepseek_ocr_2"),
    ),
    "molmo": (
        UnnamedType({"moe_num_experts": None}, "molmoe"),
    ),
    "bert": (
        UnnamedType({"position_embedding_type": "alibi"}, "jina_bert"),
    ),
    "xlm-roberta": (
        UnnamedType({"position_embedding_type": "rotary"}, "jina_xlm_roberta"),
    ),
    None: (
        UnnamedType({"d_model": None, "n_layer": None, "ssm_cfg": None}, "mamba_ssm"),
        UnnamedType({"d_model": None, "n_layer": None, "rms_norm": None, "fused_add_norm": None}, "mamba_ssm"),
        UnnamedType({"dim": None, "n_layers": None, "n_heads": None}, "params"),
    ),
}
"""By the model_type their files say."""


def model_type_of(data: Mapping[str, Any]) -> object:
    """The model_type of a config: as it says, or the type its keys tell it is; None where nothing says."""
    model_type = data.get("model_type")
    for disguise in UNNAMED_TYPES.get(model_type, ()) if model_type is None or type(model_type) is str else ():
        if all(key in data and value in (None, data[key]) for key, value in disguise.keys.items()):
            return disguise.type
    return model_type


def release(data: Mapping[str, Any]) -> tuple[int, int] | None:
    """Major and minor number of the release of transformers that wrote a config; None where it does not say."""
    version = data.get("transformers_version")
    match = re.match(r"(\d{1,4})\.(\d{1,4})", version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2])) if match else None


def written_before(data: Mapping[str, Any], first: tuple[int, int], *, unsaid: bool = False) -> bool:
    """Whether a config says that a release of transformers before `first` wrote it; `unsaid` where it says none."""
    version = release(data)
    return unsaid if version is None else version < first


def is_original(data: Mapping[str, Any]) -> bool:
    """Whether it is the config of a model's own code, which says no model_type."""
    return "model_type" not in data and model_type_of(data) is not None


DRAFT_CLASSES = {
    "DFlashDraftModel": "dflash", "DSparkDraftModel": "dspark", "DominoDraftModel": "domino",
    "LlamaForCausalLMEagle3": "eagle3", "Eagle3LlamaForCausalLM": "eagle3", "Qwen3ForCausalLMEagle3": "eagle3",
    "Eagle3Speculator": "eagle3", "PEagleDraftModel": "peagle",
    "Eagle3Qwen2_5vlForCausalLM": "eagle3", "Eagle3Qwen3vlForCausalLM": "eagle3",
    "EagleLlamaForCausalLM": "eagle", "LlamaForCausalLMEagle": "eagle", "EAGLEModel": "eagle",
    "MedusaModel": "medusa", "MedusaForCausalLM": "medusa", "MLPSpeculatorPreTrainedModel": "mlp_speculator",
    "medusa": "medusa", "mlp_speculator": "mlp_speculator",
}
"""Class names of drafts, or their model types where no class is named, and the kind of each."""
SPECULATORS = {"eagle3": "eagle3", "peagle": "peagle", "dflash": "dflash", "dflash2": "dflash2", "dspark": "dspark",
               "mtp": "speculator_mtp", "xpress": "xpress"}
"""Kinds of the speculators format, and what each is here."""


def names_draft(data: dict[str, Any]) -> bool:
    """Whether a config says that it is of a draft: by its class, or in the speculators format."""
    names = data.get("architectures")
    name = names[0] if isinstance(names, list) and names else data.get("model_type")
    return "speculators_model_type" in data or str(name) in DRAFT_CLASSES
