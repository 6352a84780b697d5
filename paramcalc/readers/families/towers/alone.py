"""Towers as models of their own: what a class puts on top, and what each part is rather than all of it `vision`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Linear
from paramcalc.components.stack import Stack
from paramcalc.readers.families.encoders.heads import top_of
from paramcalc.readers.families.towers.composite import builder
from paramcalc.readers.families.towers.parts import norm
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.tower import Tower

    Piece = Callable[[Config], Parts]


UNMEASURED = Caveat(figure="flops", known="estimate", reason="no model of this class was held to torch's counter")
"""Said of models whose parts run over unlike numbers of positions, until one is."""


def unmeasured(spec: ModelSpec) -> ModelSpec:
    """The same model, whose FLOPs are called an estimate."""
    return spec.model_copy(update={"caveats": (*spec.caveats, UNMEASURED)})


def model(width: int, modules: Mapping[str, Component], blocks: Mapping[str, Parts], base: str = "",
          words: int | None = None) -> ModelSpec:
    """A specification of modules that stand at `base`, of a vocabulary of so many `words`."""
    front = f"{base}." if base else ""
    return ModelSpec(hidden_size=width, vocab_size=words,
                     modules={(front + key).rstrip("."): part for key, part in modules.items()},
                     blocks={name: Block(parts=parts) for name, parts in blocks.items()})


def crowned(config: Config, base: str, body: ModelSpec, tops: Tops, silent: str = "Model", *,
            around: bool = False) -> ModelSpec:
    """A body and what the class puts on it; the body's parts are named after it in every class but its own, and in its
    backbone where that is `around` it.

    A top named `pooler` stands within the body.
    """
    word = top_of(config, tops, silent)
    own = ("Model",) if around else ("Model", "Backbone")
    front = "" if word in own or not base else f"{base}."
    modules: Parts = {(front + key).rstrip("."): part for key, part in (body.modules or {}).items()}
    for piece in tops[word]:
        if callable(piece):
            parts = piece(config)
            inside = {key: part for key, part in parts.items() if key.startswith("pooler")}
            modules |= {front + key: part for key, part in inside.items()}
            modules |= {key: part for key, part in parts.items() if key not in inside}
    return body.model_copy(update={"modules": modules})


def alone(config: Config) -> ModelSpec:
    """A tower's own class, without a head. Raises SpecError for another class."""
    make = builder(config.model_type)
    if make is None or not _is_itself(config.architecture, config.family.classes):
        raise config.unknown_class()
    return opened(make(config, ""))


def _is_itself(name: str, classes: tuple[str, ...]) -> bool:
    """Whether a class is the tower and no more: a model, an encoder, or what else the library calls it."""
    if not name or name.endswith(("Model", "Encoder")):
        return True
    return (not classes or name in classes) and "For" not in name and not name.endswith("WithProjection")


def opened(tower: Tower, more: Parts | None = None) -> ModelSpec:
    """A tower as the model itself, and what else its class holds."""
    return ModelSpec(hidden_size=tower.hidden_size, modules={**tower.modules, **(more or {})}, blocks=tower.blocks)


def beside(tower: Tower, rest: Parts) -> ModelSpec:
    """A model whose class names its tower as such, and what it holds beside it; both run over its tokens."""
    beside_text = tower.model_copy(update={"stream": "token"})
    return ModelSpec(hidden_size=tower.hidden_size, modules=rest, towers={str(tower.component): beside_text})


def tapped(config: Config, widths: Sequence[int]) -> Parts:
    """A backbone's norms on the stages it gives, `widths` wide from the stem on: those of `out_features` or
    `out_indices`, else the last. Raises SpecError for a stage there is not."""
    names = ["stem", *(f"stage{index}" for index in range(1, len(widths)))]
    features = config.listed("out_features", str)
    if features is None:
        indices = config.listed("out_indices", int)
        indices = [len(names) - 1] if indices is None else indices
        for place, index in enumerate(indices):
            if not -len(names) <= index < len(names):
                raise config.error("out_indices", f"there is no stage {index} of {len(names)}",
                                   f"the last is {len(names) - 1}", place)
        features = [names[index] for index in indices]
    if unknown := [name for name in features if name not in names]:
        raise config.error("out_features", f"unknown stage {unknown[0][:60]!r}", f"known: {', '.join(names)}")
    return {f"hidden_states_norms.{name}": norm(widths[names.index(name)]) for name in features}


def sourced(encoder: Tower) -> Parts:
    """A tower's modules as the encoder of a model that may have another width: they run over its source."""
    parts: Parts = {}
    for key, part in encoder.modules.items():
        update: dict[str, object] = {"hidden_size": part.hidden_size or encoder.hidden_size}
        parts[key] = part.model_copy(update=update | ({"stream": "source"} if isinstance(part, Stack) else {}))
    return parts


def labels(name: str = "classifier", times: int = 1, component: str = "lm_head") -> Piece:
    """A projection to the labels, of one vector or several beside each other."""

    def classify(config: Config) -> Parts:
        width = times * config.integer("hidden_size")
        return {name: Linear.model_validate({"kind": "linear", "out_features": config.labels, "in_features": width,
                                             "bias": True, "component": component, "per": "sequence"})}

    return classify


def pooled(config: Config) -> Parts:
    """A dense layer on the first token."""
    out = config.integer("pooler_output_size", config.integer("hidden_size"))
    return {"pooler.dense": Linear(out_features=out, bias=True, component="pooler", per="sequence")}


def pooled_norm(config: Config) -> Parts:
    """A norm on the mean of all patches."""
    return {"pooler.layernorm": norm(config.integer("hidden_size"))}
