"""Models made of others: encoders with decoders that attend to them (TrOCR, Donut), and retrievers around a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.embedding import Embedding
from paramcalc.components.layout import roll, unroll
from paramcalc.components.linear import Head, Linear
from paramcalc.components.stack import Stack
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.composite import placed, text_model
from paramcalc.readers.config.config import Config
from paramcalc.readers.families import family_of
from paramcalc.readers.families.nearest import unknown_type
from paramcalc.readers.families.towers.composite import with_towers
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import dense, vector
from paramcalc.readers.families.towers.pictures import with_media
from paramcalc.readers.text.values import expected
from paramcalc.spec.layer import Block
from paramcalc.spec.lower import lower
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component

PAIRS = {"encoder-decoder": ("bert", "bert"), "vision-encoder-decoder": ("vit", "gpt2"),
         "speech-encoder-decoder": ("wav2vec2", "bert")}


def part_of(outer: Config, key: str, head: str, written: dict[str, Any] | None = None) -> tuple[Config, ModelSpec]:
    """A nested config and its model, of the class its type calls by that head; `written`: values the outer class writes
    into it. Raises SpecError, UnknownArchitectureError where its type is not said or not known."""
    data = outer.get(key)
    if not isinstance(data, dict) or not isinstance(data.get("model_type"), str):
        raise SpecError(Problem(expected("a mapping with model_type", data), (key,)))
    data = {**data, **(written or {})}
    kind = str(data["model_type"])
    family, make = family_of(kind).data, family_of(kind).builder
    if family is None or make is None:
        raise unknown_type(kind, (key, "model_type"))
    headed = head != "Model"
    names = [name for name in family.classes if name.endswith(head) and name.endswith("LMHeadModel") == headed]
    names = names or [name for name in family.classes if headed and name.endswith("ForCausalLM")]
    name = min(names, key=len, default="")
    part = outer.part(key, data, family, kind, name)
    return part, make(part)


def moved(spec: ModelSpec, front: str, tag: str) -> tuple[dict[str, Component], dict[str, Block]]:
    """A model's modules behind `front`, its blocks by names of their own."""
    long = lower(spec)
    modules: dict[str, Component] = {}
    for key, part in long.modules.items():
        update: dict[str, Any] = {} if part.path in (None, "") else {"path": f"{front}.{part.path}"}
        if isinstance(part, Stack):
            update["of"] = Stack(of=tuple(roll([f"{tag} {name}" for name in unroll(part.of)]))).of
        if isinstance(part, Embedding | Head) and part.rows is None:
            update["rows"] = spec.vocab_size
        if part.hidden_size is None:
            update["hidden_size"] = spec.hidden_size
        modules[f"{front}.{key}"] = part.model_copy(update=update)
    return modules, {f"{tag} {name}": Block(parts=parts) for name, parts in long.blocks.items()}


def encoder_decoder(config: Config) -> ModelSpec:
    """An encoder, and a decoder of another type whose layers attend to it."""
    inner, source = part_of(config, "encoder", "Model")
    _, target = part_of(config, "decoder", "LMHeadModel")
    first, blocks = moved(source, "encoder", "encoder")
    second, more = moved(target, "decoder", "decoder")
    modules = first | second
    if (inner.optional("output_hidden_size") or source.hidden_size) != target.hidden_size:
        modules["enc_to_dec_proj"] = Linear(out_features=target.hidden_size, in_features=source.hidden_size, bias=True)
    return ModelSpec(hidden_size=target.hidden_size, vocab_size=target.vocab_size, modules=modules,
                     blocks=blocks | more)


def dual_encoder(config: Config) -> ModelSpec:
    """An encoder of pictures and one of text, and a projection of each to the width where they are compared."""
    first, eyes = part_of(config, "vision_config", "Model")
    _, words = part_of(config, "text_config", "Model")
    seeing, blocks = moved(eyes, "vision_model", "vision")
    modules, more = moved(words, "text_model", "text")
    out, width = config.integer("projection_dim"), eyes.hidden_size
    seeing["visual_projection"] = dense(out, width, bias=False, per="sequence")
    modules |= {"text_projection": dense(out, words.hidden_size, bias=False, per="sequence"), "logit_scale": vector()}
    towers = {"vision": tower("vision", width, seeing, {name: block.parts or {} for name, block in blocks.items()})}
    towers["vision"] = towers["vision"].model_copy(update={"family": first.model_type})
    return ModelSpec(hidden_size=words.hidden_size, vocab_size=words.vocab_size, modules=modules, blocks=more,
                     towers=towers)


RETRIEVERS = {"colpali": "PaliGemmaModel", "colqwen2": "Qwen2VLModel", "colmodernvbert": "ModernVBertModel"}
"""The class each retriever holds."""


def composite_of(config: Config, key: str, name: str) -> ModelSpec:
    """The model of a nested config, of the class `name`, with its towers. Raises SpecError, UnknownArchitectureError
    where its type is not said or not known."""
    data = config.get(key)
    if not isinstance(data, dict) or not isinstance(data.get("model_type"), str):
        raise SpecError(Problem(expected("a mapping with model_type", data), (key,)))
    kind = str(data["model_type"])
    family, own = family_of(kind).data, family_of(kind).builder
    if family is not None and own is not None:
        return own(config.part(key, data, family, kind, name))
    inner = text_model(data, family, kind, name)
    make = family_of(inner.config.model_type).builder if inner is not None else None
    if inner is None or family is None or make is None:
        raise unknown_type(kind, (key, "model_type"))
    around = config.part(key, data, family, kind, name)
    inner.config.path = (*around.path, *inner.config.path)
    around.parts.append(inner.config)
    return with_media(with_towers(placed(make(inner.config), kind), around, inner.towers)[0], around)


def within(spec: ModelSpec, front: str, tag: str) -> ModelSpec:
    """A model with all its tensors behind `front`; what its towers hold counts as what each part is."""
    modules, blocks = moved(spec.model_copy(update={"towers": {}}), front, tag)
    towers = {key: tower.model_copy(update={"component": None, "modules": {
        f"{front}.{path.removeprefix('model.')}": part for path, part in tower.modules.items()}})
        for key, tower in spec.towers.items()}
    return ModelSpec(hidden_size=spec.hidden_size, vocab_size=spec.vocab_size, modules=modules, blocks=blocks,
                     towers=towers)


def retriever(config: Config) -> ModelSpec:
    """A model that reads pages, and a projection of each of its tokens. arXiv:2407.01449."""
    spec = within(composite_of(config, "vlm_config", RETRIEVERS[config.model_type]), "vlm", "text")
    modules = {**(spec.modules or {}),
               "embedding_proj_layer": Linear(out_features=config.integer("embedding_dim"),
                                              in_features=spec.hidden_size, bias=True, component="other_embedding")}
    return spec.model_copy(update={"modules": modules})
