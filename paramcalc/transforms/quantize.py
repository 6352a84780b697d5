"""Give each tensor a number format: by ordered rules, or by any function of its name and layer.

Layers that are equal until they are quantized may differ after it (llama.cpp's mixes keep more bits in the first and
last ones), so a stack's layers are grouped anew by the formats they get.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError
from paramcalc.tree import Node, Tensor, join

if TYPE_CHECKING:
    from paramcalc.catalog.formats import Format

Choose = Callable[[str, Tensor, int], "Format | None"]
"""From a tensor's full name (with its layer's index), the tensor and the layer (-1 outside a stack) to its format;
None leaves it in the model's dtype."""
OUTSIDE = -1
_SLOW = re.compile(r"\)[*+{]")
REPEATS = 6
"""How often `*`, `+` and `{` may stand in a regular expression: each multiplies the time a name can take."""


class Rule(NamedTuple):
    """Tensors whose name fits get a format; `*` by itself means every linear layer of the body."""

    match: str
    """A glob over full names, `re:` and a regular expression, or a module's name."""
    format: Format | None
    """None keeps the model's dtype."""
    optional: bool = False
    """May match nothing: what a config excludes need not exist."""


def quantize(tree: Node, choose: Choose) -> Node:
    """The tree with a format on each tensor `choose` gives one."""
    return _node(tree, "", choose)


def by_rules(tree: Node, rules: Sequence[Rule]) -> Node:
    """The tree with formats by the first rule that fits each tensor. Raises UsageError for a rule that fits none."""
    patterns = [(rule, pattern(rule.match)) for rule in rules]
    matched: set[int] = set()

    def choose(name: str, tensor: Tensor, _: int) -> Format | None:
        for number, (rule, fits) in enumerate(patterns):
            if eligible(tensor, rule) and fits(name):
                matched.add(number)
                return rule.format
        return None

    found = quantize(tree, choose)
    idle = [number for number, rule in enumerate(rules) if number not in matched and not rule.optional]
    if idle:
        raise UsageError(*(Problem(f"rule {rules[number].match[:100]!r} matches no tensor",
                                   ("quantize", number, "match"), "`count --by tensor` shows the names")
                           for number in idle))
    return found


def eligible(tensor: Tensor, rule: Rule) -> bool:
    """Matrices only; `*` leaves tables, head and router alone, which a rule has to name."""
    if tensor.role not in ("matmul", "lookup"):
        return False
    return rule.match != "*" or (tensor.role == "matmul" and tensor.component not in ("lm_head", "moe_router"))


def pattern(match: str) -> Callable[[str], bool]:
    """A test of full names: a regular expression after `re:`, a glob, or a module and what is below it.

    Raises re.error for what is no regular expression, and for one that could take for ever.
    """
    if match.startswith("re:"):
        text = match.removeprefix("re:")
        if _SLOW.search(text) or sum(map(text.count, "*+{")) > REPEATS:
            raise re.error(f"more repetition than rules need: no repeated groups, at most {REPEATS} repetitions")
        compiled = re.compile(text)
        return lambda name: compiled.match(name) is not None
    if any(mark in match for mark in "*?["):
        globbed = re.compile(translate(match) + "|" + translate(match + ".*"))
        return lambda name: globbed.match(name) is not None
    return lambda name: f".{match}." in f".{name}."


def _node(node: Node, path: str, choose: Choose) -> Node:
    here = join(path, node.name)
    if node.order:
        return _stack(node, here, choose)
    tensors = tuple(t._replace(format=choose(join(here, t.name), t, OUTSIDE)) for t in node.tensors)
    return node.replace(tensors=tensors, children=tuple(_node(child, here, choose) for child in node.children))


def _stack(node: Node, here: str, choose: Choose) -> Node:
    """Group the layers of each block by the formats they get; each group is a child of its own."""
    groups: dict[tuple[int, tuple[Format | None, ...]], int] = {}
    order = []
    for layer, child in enumerate(node.order):
        block = node.children[child]
        formats = tuple(choose(name, tensor, layer) for name, tensor in _names(block, f"{here}.{layer}"))
        order.append(groups.setdefault((child, formats), len(groups)))
    children = []
    for number, (child, formats) in enumerate(groups):
        copies = order.count(number)
        block = _given(node.children[child], iter(formats))
        children.append(block.replace(stored=copies, used=copies))
    return node.replace(children=tuple(children), order=tuple(order))


def _names(node: Node, path: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one layer with their names, its own node named by its index."""
    for tensor in node.tensors:
        yield join(path, tensor.name), tensor
    for child in node.children:
        yield from _names(child, join(path, child.name))


def _given(node: Node, formats: Iterator[Format | None]) -> Node:
    """The node with the formats in the order of `_names`."""
    tensors = tuple(t._replace(format=next(formats)) for t in node.tensors)
    return node.replace(tensors=tensors, children=tuple(_given(child, formats) for child in node.children))
