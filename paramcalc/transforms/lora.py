"""Adapters: LoRA, DoRA, and QLoRA, which is LoRA on a quantized model. What is not an adapter is frozen.

Sources: LoRA arXiv:2106.09685, DoRA arXiv:2402.09353, QLoRA arXiv:2305.14314; which parameters there are and how they
are named: huggingface/peft tuners/lora/layer.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING

from paramcalc.adapters import Adaptation, Lora, pair
from paramcalc.errors import Problem, UsageError
from paramcalc.tree import Leaf, Node, Tensor

if TYPE_CHECKING:
    from paramcalc.build import Model

__all__ = ["ALL_LINEAR", "Lora", "adapt", "trainable_parameters", "with_lora"]

ALL_LINEAR = "all-linear"
"""Every linear layer but the head, as peft has it: routers too. Each expert's matrices have adapters of their own."""


def with_lora(tree: Node, plan: Lora) -> Node:
    """The tree with adapters on each matrix a target names, everything else frozen.

    Raises UsageError for a target that names no matrix.
    """
    change = Targeted(plan, [(target, _fits(target)) for target in plan.targets])
    adapted = tree.map(change)
    if idle := [target for target in plan.targets if target not in change.matched]:
        raise UsageError(Problem(f"LoRA targets {', '.join(idle)} match no matrix",
                                 hint="`count --by tensor` shows the names"))
    return adapted


class Targeted(Adaptation):
    """The change that freezes each tensor and puts adapters beside those a target names."""

    def __init__(self, plan: Lora, tests: Sequence[tuple[str, Callable[[str, Tensor], bool]]]) -> None:
        self.plan = plan
        self.tests = tests
        self.matched: set[str] = set()
        """Targets that named a matrix."""

    def __call__(self, path: str, leaf: Leaf, /) -> Iterable[Leaf]:
        """The frozen leaf, and its adapters."""
        if not isinstance(leaf, Tensor):
            return (leaf,)
        frozen = leaf._replace(frozen=True)
        if leaf.role != "matmul" or not path.endswith("weight") or not leaf.stored:
            return (frozen,)
        targets = [target for target, fits in self.tests if fits(path.removesuffix(".weight"), leaf)]
        self.matched.update(targets)
        return (frozen, *pair(leaf, self.plan)) if targets else (frozen,)


def adapt(model: Model, plan: Lora) -> Model:
    """The model with LoRA adapters on the planned targets, everything else frozen."""
    return model._replace(tree=with_lora(model.tree, plan))


def _fits(target: str) -> Callable[[str, Tensor], bool]:
    if target == ALL_LINEAR:
        return lambda _, tensor: tensor.component != "lm_head"
    if any(mark in target for mark in "*?["):
        globbed = re.compile(translate(target))
        return lambda module, _: globbed.match(module) is not None
    return lambda module, _: module == target or module.endswith(f".{target}")


def trainable_parameters(tree: Node) -> int:
    """Parameters that are trained: all that are not frozen."""
    from paramcalc.measures.parameters import placed

    return sum(item.parameters for item in placed(tree) if not item.tensor.frozen)
