"""What stands on top of a model, by the name of its class."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from paramcalc.errors import Problem, SpecError
from paramcalc.sanitize import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

Task = Literal["causal", "masked", "bare", "seq2seq", "encoder", "classification", "answers", "other"]

SUFFIXES: tuple[tuple[str, Task], ...] = (
    ("ForCausalLM", "causal"), ("LMHeadModel", "causal"), ("GenerationDecoder", "causal"),
    ("ForMaskedLM", "masked"), ("WithLMHeadModel", "causal"), ("MarianMTModel", "seq2seq"),
    ("ForConditionalGeneration", "seq2seq"), ("ForSequenceClassification", "classification"),
    ("ForTokenClassification", "classification"), ("ForQuestionAnswering", "answers"), ("EncoderModel", "encoder"),
    ("Model", "bare"),
)
"""How class names say what stands on top; the first that fits."""
GENERATES: tuple[tuple[str, Task], ...] = (("ForCausalLM", "causal"), ("LMHeadModel", "causal"))
FILLS: tuple[tuple[str, Task], ...] = (("ForMaskedLM", "masked"),)
CONDITIONAL: tuple[str, Task] = ("ForConditionalGeneration", "seq2seq")


def task_of(architecture: str) -> Task:
    """What stands on top of a class: `causal` of `LlamaForCausalLM`."""
    for suffix, task in SUFFIXES:
        if architecture.endswith(suffix):
            headed = task == "bare" and ("For" in architecture or architecture.endswith("HeadsModel"))
            return "other" if headed else task
    return "other"


@cache
def usual_task(endings: frozenset[str], *, encodes_first: bool, decodes: bool) -> Task:
    """What a model type is for where no class is named: `endings` are those of its classes' names."""
    if encodes_first:
        return "seq2seq"
    kinds = GENERATES + FILLS if decodes else FILLS + GENERATES
    return next((task for suffix, task in (*kinds, CONDITIONAL) if suffix in endings), "bare")


def unknown_class(architecture: str, model_type: str, classes: Sequence[str]) -> SpecError:
    """The error for a class that is not one of a model type's."""
    others = ", ".join(name for name in classes if name != architecture)
    return SpecError(Problem(f"class {architecture[:100]!r} of {model_type[:100]} is not known", ("architectures", 0),
                             f"the library's classes of this type: {others}"))


def other_classes(data: dict[str, Any], architecture: str, classes: Collection[str]) -> Iterator[str]:
    """What a config names beside the class that is counted and would count otherwise, each as a sentence. `classes`
    are those of the library for its type."""
    first, *more = data["architectures"]
    for name in dict.fromkeys(more):
        if name != first and (name not in classes or task_of(name) != task_of(architecture)):
            yield f"architectures names {quote(name)} too: the first, {quote(first)}, is counted"
    places = data.get("auto_map")
    values = [value for key, value in places.items() if key.startswith("AutoModel")] if type(places) is dict else []
    own = {value.rpartition(".")[2]: None for value in values if type(value) is str}
    if own and own.keys().isdisjoint({first, architecture, *classes}):
        yield f"auto_map names {quote(', '.join(own))}, code of its own: the library's {quote(architecture)} is counted"
