"""One rank's tree: what tensor, expert and pipeline parallelism leave on one device.

Tensor parallelism divides the dimensions named `heads`, `ffn`, `inner`, `vocab` (see `paramcalc.axes`), by whole heads;
`kv_heads` and `groups` are held again where there are fewer of them than devices; every other dimension is whole
everywhere, so that latents, norms, routers and the biases of row-parallel projections are replicated. Which projection
is column- and which row-parallel follows: the divided dimension is an output of the one and an input of the other. Of
towers a runtime may divide some parts and hold others on every device (`TowerShare`).

Sources: tensor parallelism arXiv:1909.08053; kv heads, vocabulary and layer split
vllm-project/vllm@8ac43f5aba86:vllm/model_executor/layers/linear.py, vocab_parallel_embedding.py,
vllm/distributed/utils.py (get_pp_indices).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.axes import Axis, Run, runs
from paramcalc.component_names import TOWERS
from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many
from paramcalc.spec.media import STREAMS
from paramcalc.tree import Leaf, Node, Tensor, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DIVIDED = frozenset({"heads", "o_groups", "ffn", "inner", "vocab"})
"""Dimensions of which each device holds an equal part."""
REPEATED = frozenset({"kv_heads", "groups"})
"""Dimensions divided while there are enough, else held by several devices."""
WORDS = {"kv_heads": "key/value heads", "o_groups": "groups of heads", "ffn": "feed-forward channels",
         "inner": "state channels", "vocab": "vocabulary rows"}
"""What people call a dimension, where that is not its name."""


TABLE_MULTIPLE = 64
"""Rows of a table that is divided by rows are padded to a multiple of this (VocabParallelEmbedding of vLLM and
SGLang)."""


class TowerShare(NamedTuple):
    """What of a model's towers devices divide, as parts of paths (`vision_tower`, `blocks.*.mlp`); `*` for all."""

    divided: tuple[str, ...] = ("*",)
    tables: tuple[str, ...] = ()
    """Of what is divided by rows."""

    def divides(self, path: str) -> bool:
        """Whether what stands at a path is divided."""
        return _within(path, self.divided)


def _within(path: str, parts: tuple[str, ...]) -> bool:
    return "*" in parts or any(f".{part}." in f".{path}." for part in parts)


class Sharding(NamedTuple):
    """How a model is divided; data parallelism and its sharding of optimizer states are not said here."""

    tp: int = 1
    """Devices that share each matrix."""
    pp: int = 1
    """Stages that share the layers."""
    ep: int = 1
    """Devices that share the experts of a layer."""
    expert_tp: int | None = None
    """Devices that share one expert's matrices; tp / ep (at least 1) when not given."""
    vocab_multiple: int = 1
    """The vocabulary is padded to a multiple of this: 64 in vLLM, 128·tp in Megatron; tp pads no more than needed."""
    sequence: bool = False
    """What tensor parallelism leaves whole of an activation is divided by tokens (arXiv:2205.05198)."""
    stages: tuple[int, ...] = ()
    """Layers of each stage, where they are not as equal as can be."""
    towers: TowerShare = TowerShare()
    """What tensor parallelism divides of towers."""

    @property
    def devices(self) -> int:
        """Devices of one copy of the model."""
        return max(self.tp, self.ep * (self.expert_tp or 1)) * self.pp

    @property
    def within_expert(self) -> int:
        """Devices that share one expert's matrices."""
        return max(1, self.tp // self.ep) if self.expert_tp is None else self.expert_tp


def shard(tree: Node, plan: Sharding, stage: int = 0) -> Node:
    """The tree of one rank of pipeline stage `stage` (from 0). Raises UsageError, with what would divide, where a
    dimension, the experts or the layers do not."""
    if plan.ep > 1 and not any(tensor.stored > 1 for _, node, _, _ in tree.walk() for tensor in node.tensors):
        raise UsageError(Problem("--ep needs a mixture of experts; this model has none", hint="leave --ep out"))
    if plan.pp > 1:
        tree = _stage(tree, plan, stage)
    if plan.tp == plan.ep == plan.vocab_multiple == plan.within_expert == 1:
        return tree
    if plan.tp > 1 and not any(run.name in DIVIDED for run in _runs(tree)):
        raise UsageError(Problem(f"--tp {plan.tp} is not possible: which dimensions can be split is not known",
                                 hint="a checkpoint header does not say; give the config.json"))
    _refuse(tree, plan)
    text, towers = Division(plan), TowerDivision(plan)
    children = tuple(child.map(towers if of_tower(child) else text, tree.name) for child in tree.children)
    return tree.replace(children=()).map(text).replace(children=children)


def of_tower(node: Node) -> bool:
    """Whether a child of a model's tree is a tower, or leads from one into the text model."""
    return node.stream in STREAMS


def without_towers(tree: Node) -> Node:
    """The tree of the text model, without its vision and audio towers."""
    return tree.replace(children=tuple(child for child in tree.children if not of_tower(child)))


def _runs(tree: Node) -> Iterator[Run]:
    """What the dimensions of a tree's tensors are made of."""
    for _, node, _, _ in tree.walk():
        for tensor in node.tensors:
            for size, name in zip(tensor.shape, tensor.axes, strict=True):
                yield from runs(name, size)


@dataclass(frozen=True, slots=True)
class Division:
    """The change that leaves of each leaf what one rank holds."""

    plan: Sharding

    def __call__(self, _: str, leaf: Leaf, /) -> tuple[Leaf, ...]:
        """This rank's part of a leaf."""
        expert = leaf.stored > 1 if isinstance(leaf, Tensor) else "chosen" in leaf.axes
        shape, axes = self.share(leaf.shape, leaf.axes, expert=expert)
        mine = leaf._replace(shape=shape, axes=axes)
        if expert and isinstance(mine, Tensor):
            stored = mine.stored // self.plan.ep
            return (mine._replace(stored=stored, used=min(mine.used, stored)),)
        return (mine,)

    def share(self, shape: tuple[int, ...], axes: tuple[str, ...], *, expert: bool,
              ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """This rank's part of a shape, and its axes; of what belongs to experts, by the devices of one expert."""
        ways = self.plan.within_expert if expert else self.plan.tp
        parts = [_dimension(size, name, ways, self.plan) for size, name in zip(shape, axes, strict=True)]
        return tuple(size for size, _ in parts), tuple(name for _, name in parts)


@dataclass(frozen=True, slots=True)
class TowerDivision(Division):
    """The change that leaves of each leaf of a tower what one rank holds."""

    def __call__(self, path: str, leaf: Leaf, /) -> tuple[Leaf, ...]:
        """This rank's part of a leaf, or all of it."""
        towers = self.plan.towers
        if isinstance(leaf, Tensor) and _within(path, towers.tables):
            padded = -(-leaf.shape[0] // TABLE_MULTIPLE) * TABLE_MULTIPLE
            return (leaf._replace(shape=(padded // self.plan.tp, *leaf.shape[1:])),)
        return Division.__call__(self, path, leaf) if towers.divides(path) else (leaf,)


def _dimension(size: int, name: str, ways: int, plan: Sharding) -> tuple[int, str]:
    """A rank's part of one dimension, and its axis."""
    if name == "vocab":
        return _padded(size, plan) // ways, name
    if not isinstance(name, Axis):
        return _share(Run(name, size), ways), name
    mine = tuple(run._replace(units=_share(run, ways)) for run in name.runs)
    return sum(run.units * run.size for run in mine), Axis(*mine)


def _share(run: Run, ways: int) -> int:
    if run.name in DIVIDED:
        return run.units // ways
    return max(1, run.units // ways) if run.name in REPEATED else run.units


def _padded(rows: int, plan: Sharding) -> int:
    return -(-rows // plan.vocab_multiple) * plan.vocab_multiple


class Need(NamedTuple):
    """Something that has to divide by what an option asks for."""

    option: str
    ways: int
    name: str
    units: int

    def holds(self, ways: int) -> bool:
        """Whether that many devices can share it; what may be repeated can also be fewer than they."""
        return self.units % ways == 0 or (self.name in REPEATED and ways % self.units == 0)


def _refuse(tree: Node, plan: Sharding) -> None:
    """Everything that does not divide, at once, with the numbers that would do for all of it."""
    needs = {need for leaf in _divided_leaves(tree, plan) for need in _needs(leaf, plan)}
    problems = [Problem(f"{need.option} {need.ways} does not divide {need.units:,} {WORDS.get(need.name, need.name)}",
                        hint=_remedy(need, needs)) for need in sorted(needs) if not need.holds(need.ways)]
    if problems:
        raise UsageError(*problems)


def _divided_leaves(tree: Node, plan: Sharding) -> Iterator[Leaf]:
    """Tensors and states of which a rank may hold a part."""
    for child in tree.children or (tree,):
        tower = of_tower(child)
        for path, node, _, _ in child.walk(tree.name):
            for leaf in chain[Leaf](node.tensors, node.states(path)):
                if not tower or plan.towers.divides(join(path, leaf.name)):
                    yield leaf


def refuse_towers(tree: Node, plan: Sharding) -> None:
    """Raise UsageError for what is divided of towers and does not divide, with what would."""
    _refuse(_towers_alone(tree), plan)


def _towers_alone(tree: Node) -> Node:
    return tree.replace(children=tuple(child for child in tree.children if of_tower(child)))


def uneven_towers(tree: Node, plan: Sharding) -> bool:
    """Whether heads of what is divided of towers do not divide."""
    leaves = _divided_leaves(_towers_alone(tree), plan)
    return any(need.name in ("heads", "kv_heads") and not need.holds(need.ways)
               for leaf in leaves for need in _needs(leaf, plan))


def _needs(leaf: Leaf, plan: Sharding) -> Iterator[Need]:
    expert = isinstance(leaf, Tensor) and leaf.stored > 1
    if isinstance(leaf, Tensor) and expert:
        yield Need("ep", plan.ep, "experts", leaf.stored)
    option = "expert-tp" if expert and plan.expert_tp else "tp"
    for size, name in zip(leaf.shape, leaf.axes, strict=True):
        for run in runs(name, _padded(size, plan) if name == "vocab" else size):
            if run.name in DIVIDED or run.name in REPEATED:
                yield Need(option, plan.within_expert if expert else plan.tp, run.name, run.units)


def _remedy(need: Need, needs: Iterable[Need]) -> str:
    same = [other for other in needs if other.option == need.option]
    good = [ways for ways in range(1, 1025) if all(other.holds(ways) for other in same)]
    first = "".join(f"{ways}, " for ways in good[:-1])[:-2]
    return f"{need.option} {first} or {good[-1]} does" if first else f"only {need.option} {good[-1]} does"


def _stage(tree: Node, plan: Sharding, stage: int) -> Node:
    """What one pipeline stage holds: its layers; what comes before them on the first, after them on the last."""
    if not 0 <= stage < plan.pp:
        raise UsageError(Problem(f"there is no stage {stage} of {plan.pp}"))
    stacked = [place for place, child in enumerate(tree.children) if child.order and not _is_tower(child)]
    split = layer_split(sum(len(tree.children[place].order) for place in stacked), plan)
    first = sum(split[:stage])
    last = first + split[stage]
    children: list[Node] = []
    above = 0
    for place, child in enumerate(tree.children):
        if place in stacked:
            children += _layers(child, first - above, last - above)
            above += len(child.order)
        elif first < above <= last or (stage == 0 and (above == 0 or _is_tower(child))):
            children.append(child)
    return _untied(tree.replace(children=tuple(children)))


def distinct_stages(tree: Node, plan: Sharding) -> tuple[int, ...]:
    """The first of the stages that hold the same layers; the first and the last stage always."""
    orders = [child.order for child in tree.children if child.order and not _is_tower(child)]
    layers = [(place, kind) for place, order in enumerate(orders) for kind in order]
    stages: dict[tuple[object, ...], int] = {}
    first = 0
    for stage, count in enumerate(layer_split(len(layers), plan)):
        here = sorted(layers[first:first + count])
        first += count
        stages.setdefault((stage == 0, stage == plan.pp - 1, *here), stage)
    return tuple(stages.values())


def layer_split(layers: int, plan: Sharding) -> tuple[int, ...]:
    """Layers of each stage: as said, or equal, with what is left over on the last stages but the very last. Raises
    UsageError for more stages than layers, or for stages that do not add up to them."""
    if plan.stages:
        if len(plan.stages) != plan.pp or sum(plan.stages) != layers:
            raise UsageError(Problem(f"stages of {plan.stages} layers are not {plan.pp} stages of {layers} layers"))
        return plan.stages
    if plan.pp > max(1, layers):
        raise UsageError(Problem(f"pp {plan.pp} is more than {many(layers, 'layer')}",
                                 hint=f"pp of at most {max(1, layers)}"))
    each, more = divmod(layers, plan.pp)
    split = [each] * plan.pp
    for place in range(2, more + 2):
        split[-place] += 1
    return tuple(split)


def _is_tower(node: Node) -> bool:
    return any(t.component in TOWERS for _, below, _, _ in node.walk() for t in below.tensors)


def _layers(stack: Node, first: int, last: int) -> list[Node]:
    """The layers `first` to `last` of a stack; nothing where none of them is in it."""
    order = stack.order[max(0, first):max(0, last)]
    if not order:
        return []
    counts = {child: order.count(child) for child in dict.fromkeys(order)}
    place = {child: i for i, child in enumerate(counts)}
    children = tuple(_copies(stack.children[child], count, stack.order.count(child)) for child, count in counts.items())
    return [stack.replace(children=children, order=tuple(place[child] for child in order))]


def _copies(layer: Node, here: int, everywhere: int) -> Node:
    """A layer with the copies of this stage; what is shared by all its places is held once on each stage."""
    stored = here if layer.stored == everywhere else layer.stored
    return layer.replace(stored=stored, used=layer.used * here // everywhere)


def _untied(tree: Node) -> Node:
    """A tied matrix is held where the other one is not: an output head on a stage without the embedding."""
    stored = {(leaf.shape, leaf.axes) for _, node, _, _ in tree.walk() for leaf in node.tensors if leaf.stored}

    def hold(_: str, leaf: Leaf) -> tuple[Leaf, ...]:
        alone = isinstance(leaf, Tensor) and not leaf.stored and (leaf.shape, leaf.axes) not in stored
        return (leaf._replace(stored=1),) if alone and isinstance(leaf, Tensor) else (leaf,)

    return tree.map(hold)
