"""What `--quant` and a specification's rules do to a model: one place that decides, for every command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramcalc.catalog.formats import find_format
from paramcalc.errors import Gathered, PCError, Problem, SpecError, UsageError
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.quantize import KEEP
from paramcalc.transforms.quantize import Rule, apply_rules, by_rules, pattern, quantize

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.spec.quantize import QuantRule
    from paramcalc.tree import Node

NONE = ("none", "no")
APART = re.compile(r"(^|\.)(mtp|nextn|visual|vision\w*|audio\w*|multi_modal\w*)(\.|$)")
"""Parts that are counted apart or not at all, and said so elsewhere."""


def in_formats(model: Model, quant: str | None = None, *, imatrix: bool | None = None, gguf: bool = False) -> Model:
    """The model as its weights are held: by `quant` (a format, a GGUF mix, `none`), else by its own rules.

    `imatrix`: whether a GGUF mix is made with an importance matrix; None takes what published files of it are.
    `gguf`: the weights are those of a GGUF file, whatever `quant` means elsewhere.

    Raises UsageError for a name nobody knows, SpecError for a rule of the specification that matches no tensor.
    """
    if quant is None:
        if not model.spec.quantize:
            return model
        return _as_specified(model)
    if quant.lower() in NONE:
        return model
    from paramcalc.transforms.gguf_mix import is_file_type, mix

    if is_file_type(quant, gguf=gguf):  # its converter leaves out what stands apart
        choose = mix(quant, model.tree, family=model.spec.family, imatrix=imatrix)
        return model._replace(tree=quantize(model.tree, choose))
    rules = [Rule("*", find_format(quant))]
    return model._replace(tree=by_rules(model.tree, rules), apart=_apart(model, rules))


def _as_specified(model: Model) -> Model:
    """The model in the formats its own specification gives."""
    gathered = Gathered()
    read = [gathered.of(None, _rule, rule, number) for number, rule in enumerate(model.spec.quantize)]
    gathered.refuse()
    rules = [rule for rule in read if rule is not None]
    try:
        applied = apply_rules(model.tree, rules)
    except UsageError as error:
        raise SpecError(*error.problems) from error
    missed = [name for name in applied.missed if not APART.search(name)]
    model = model._replace(tree=applied.tree, apart=_apart(model, rules))
    if not missed:
        return model
    reason = (f"quantization: {missed[0][:200]!r} and {len(missed) - 1:,} more names have a format, but match no "
              "matrix: the weights they stand for are counted in the model's dtype")
    caveats = (*model.spec.caveats, Caveat(figure="weights", known="unknown", reason=reason))
    return model._replace(spec=model.spec.model_copy(update={"caveats": caveats}))


def _apart(model: Model, rules: list[Rule]) -> dict[str, Node]:
    """What stands apart in the same formats; the rules may have nothing to say of it."""
    optional = [rule._replace(optional=True) for rule in rules]
    return {name: by_rules(tree, optional) for name, tree in model.apart.items()}


def _rule(rule: QuantRule, number: int) -> Rule:
    """A rule with its format. Raises SpecError, located."""
    key = "match"
    try:
        pattern(rule.match)
        key = "format"
        format_ = None if rule.format == KEEP else find_format(rule.format)
        return Rule(rule.match, format_, rule.optional, rule.among, rule.untied)
    except re.error as error:
        raise SpecError(Problem(f"cannot be a pattern: {error}", ("quantize", number, key))) from error
    except PCError as error:
        raise SpecError(*(p._replace(path=("quantize", number, key)) for p in error.problems)) from error
