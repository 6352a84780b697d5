"""What devices that share the matrices of a model hold of its towers: by the rules of a runtime, and as asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.runtimes import server
from paramcalc.catalog.towers import TowerRule, tower_rules
from paramcalc.defaults import TowerParallel
from paramcalc.errors import Problem, UsageError
from paramcalc.transforms.shard import DIVIDED, Sharding, TowerShare, of_tower, refuse_towers, uneven_towers
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.catalog.towers import TowerRules
    from paramcalc.spec.model import ModelSpec
    from paramcalc.tree import Node, Tensor

UNDIVIDED = TowerShare(())
UNKNOWN = TowerRule()
"""Of types nobody looked up: all of a tower on each device is the most it can hold."""


class Towers(NamedTuple):
    """How devices hold the towers of a model."""

    share: TowerShare = TowerShare()
    parallel: TowerParallel = "weights"
    first: bool = False
    """The first device alone holds them."""
    certain: bool = True
    """False where nobody looked up what the runtime does with towers of this type."""
    words: dict[str, str] = {}  # noqa: RUF012 - a tuple's field
    """What is assumed, and its source; nothing for a model without towers or on one device."""

    @property
    def notes(self) -> list[str]:
        """Where towers are placed, as lines of an answer; empty where nothing is assumed."""
        return [f"towers: {self.words['placement']}"] if self.words else []


def towers_of(runtime: str, spec: ModelSpec, tree: Node, tp: int, parallel: TowerParallel | None = None) -> Towers:
    """How `tp` devices hold the towers of a model. Raises UsageError where `parallel` would have no effect."""
    labels = [child.label for child in tree.children if of_tower(child)]
    if tp == 1 or not labels:
        if parallel is not None:
            lacking = "towers, and this model has none" if not labels else "--tp above 1"
            raise _no_effect(parallel, lacking, "leave it out" if not labels else "--tp 2")
        return Towers()
    rules, kind = tower_rules(runtime), spec.composite or spec.family
    if rules.others == "divided":
        if parallel is not None:
            raise _no_effect(parallel, "a runtime", "--runtime vllm")
        return Towers(words={"placement": "divided like the text model, which is the least that a device can hold; "
                             "--runtime shows how a runtime divides them"})
    if rules.others == "first":
        if parallel is not None:
            raise UsageError(Problem(f"{runtime} keeps towers on the first device, however the model is divided",
                                     hint="leave --tower-parallel out"))
        return Towers(UNDIVIDED, first=True, words={"placement": "on the first device", "source": rules.source})
    rule = rules.by_type.get(kind, UNKNOWN)
    if parallel == "data" and rule.data is None:
        raise _cannot(runtime, kind)
    towers = _by_rule(rule, tree, tp, parallel or "weights")
    certain = kind in rules.by_type or rules.others == "whole"
    return towers._replace(certain=certain, words=_words(towers, runtime, kind, tree, rules, certain=certain))


def _by_rule(rule: TowerRule, tree: Node, tp: int, parallel: TowerParallel) -> Towers:
    if parallel == "data":
        return Towers(TowerShare(rule.data or ()), "data")
    share = TowerShare(rule.weights, rule.tables)
    if rule.uneven is not None and uneven_towers(tree, Sharding(tp, towers=share)):
        return Towers(TowerShare(rule.uneven))
    if rule.data is not None:
        _suggest_data(tree, Sharding(tp, towers=share))
    return Towers(share)


def _suggest_data(tree: Node, plan: Sharding) -> None:
    """Raise UsageError where towers do not divide, with the mode that divides nothing of them."""
    try:
        refuse_towers(tree, plan)
    except UsageError as error:
        also = "; or --tower-parallel data, which replicates the towers on each device"
        raise UsageError(*(problem._replace(hint=problem.hint + also) for problem in error.problems)) from error


def _no_effect(parallel: str, lacking: str, hint: str) -> UsageError:
    return UsageError(Problem(f"--tower-parallel {parallel} has no effect without {lacking}", hint=hint))


def _cannot(runtime: str, kind: str) -> UsageError:
    facts, rules = server(runtime), tower_rules(runtime)
    if facts is None or not {"tower_parallel", "tower_parallel data"} & set(facts.options):
        others = [name for name in ("vllm", "sglang") if name != runtime]
        return UsageError(Problem(f"{runtime} has no option to divide images among replicated towers",
                                  hint=f"--runtime {' or '.join(others)}"))
    able = sorted(name for name, rule in rules.by_type.items() if rule.data is not None)
    return UsageError(Problem(f"{runtime} does not divide images among replicated towers of {kind or 'this model'}",
                              hint=f"it does so for {', '.join(able)}"))


def _words(towers: Towers, runtime: str, kind: str, tree: Node, rules: TowerRules, *, certain: bool) -> dict[str, str]:
    if not certain:
        return {"placement": f"assumed to be replicated on each device: how {runtime} divides {kind or 'such a model'} "
                "is not known", "source": rules.source}
    divided = dict(_divided(tree, towers.share))
    words = {True: "divided", False: "replicated on each device"}
    parts = [f"{', '.join(name for name, is_divided in divided.items() if is_divided is divides)} {what}"
             for divides, what in words.items() if divides in divided.values()]
    how = ", which divide the images" if towers.parallel == "data" else ""
    return {"placement": f"{'; '.join(parts)}{how}", "source": rules.source}


def _divided(tree: Node, share: TowerShare) -> Iterator[tuple[str, bool]]:
    """Each tower with matrices, and whether anything of it is divided."""
    for child in filter(of_tower, tree.children):
        paths = [join(path, leaf.name) for path, node, _, _ in child.walk(tree.name) for leaf in node.tensors
                 if _can_divide(leaf)]
        if any(leaf.role == "matmul" for _, node, _, _ in child.walk() for leaf in node.tensors):
            yield child.label or child.name, any(map(share.divides, paths))


def _can_divide(tensor: Tensor) -> bool:
    return any(name in DIVIDED for name in tensor.axes)
