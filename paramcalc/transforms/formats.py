"""What `--quant` and a specification's rules do to a model: one place that decides, for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.catalog.formats import find_format
from paramcalc.errors import Problem, SpecError, UsageError
from paramcalc.transforms.quantize import Rule, by_rules, quantize

if TYPE_CHECKING:
    from paramcalc.build import Model

NONE = ("none", "no")


def in_formats(model: Model, quant: str | None = None, *, imatrix: bool = False) -> Model:
    """The model as its weights are held: by `quant` (a format, a GGUF mix, `none`), else by its own rules.

    Raises UsageError for a name nobody knows, SpecError for a rule of the specification that fits no tensor.
    """
    if quant is None:
        if not model.spec.quantize:
            return model
        return _with(model, [Rule(r.match, None if r.format == "keep" else find_format(r.format), r.optional)
                             for r in model.spec.quantize])
    if quant.lower() in NONE:
        return model
    from paramcalc.transforms.gguf_mix import DEFAULT, mix

    key = quant.lower().replace("-", "_")
    if key in DEFAULT:
        choose = mix(key, model.tree, family=model.spec.family, imatrix=imatrix)
        return model._replace(tree=quantize(model.tree, choose))
    return model._replace(tree=by_rules(model.tree, [Rule("*", find_format(quant))]))


def _with(model: Model, rules: list[Rule]) -> Model:
    try:
        return model._replace(tree=by_rules(model.tree, rules))
    except UsageError as error:
        raise SpecError(*(Problem(p.message, ("quantize",), p.hint) for p in error.problems)) from error
