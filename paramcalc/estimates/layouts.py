"""Which layouts of so many devices fit, and which of them talk least: every combination, not a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, get_args

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Recompute
from paramcalc.errors import UsageError
from paramcalc.estimates.training import Device, Layout, Trainer

if TYPE_CHECKING:
    from paramcalc.activations.policy import Policy
    from paramcalc.tree import Node

ZERO = (0, 1, 2, 3)
MICRO_BATCHES = (1, 2, 4, 8)
MAX_TP = 8
"""Tensor parallelism stays within a node: its collectives are on the critical path of each layer."""


class Facts(NamedTuple):
    """What communication depends on."""

    layers: int
    moe_layers: int
    top_k: int
    hidden_size: int
    kv_width: int
    """Values of keys and values of one token in one layer."""


class Candidate(NamedTuple):
    """A layout with what it needs and what it sends."""

    layout: Layout
    recompute: Recompute
    micro_batch: int
    heaviest: Device
    headroom: int
    communication: int
    """Bytes a device sends for one token it trains on, see `sent`."""


def facts(tree: Node) -> Facts:
    """Read off a tree."""
    moe = kv = top_k = hidden = 0
    for _, node, _, used in tree.walk():
        if not node.stream:
            hidden = hidden or (node.context.hidden_size if node.context else 0)
        experts = [tensor for tensor in node.tensors if tensor.component == "moe_experts"]
        if experts:
            moe, top_k = moe + used, max(top_k, experts[0].used)
        kv = max(kv, sum(size for state in node.states() if state.per == "token" for size in [_size(state.shape)]))
    return Facts(tree.depth, moe, top_k, hidden, kv)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for dimension in shape:
        size *= dimension
    return size


def layouts(devices: int, known: Facts, experts: int, seq: int) -> Iterator[Layout]:
    """Every way to use all devices: powers of two for tp and cp, divisors for the rest."""
    for tp in (size for size in (1, 2, 4, 8) if devices % size == 0 and size <= MAX_TP):
        for pp in _divisors(devices // tp, known.layers):
            for cp in (size for size in (1, 2, 4, 8) if (devices // tp // pp) % size == 0 and seq % (2 * size) == 0):
                dp = devices // tp // pp // cp
                for ep in _divisors(dp * cp * tp, experts) if experts else (1,):
                    for zero in ZERO:
                        if zero == 0 or dp * cp > 1:
                            yield Layout(tp, pp, dp, ep, cp, zero)


def _divisors(number: int, most: int) -> Iterator[int]:
    return (size for size in range(1, min(number, most) + 1) if number % size == 0)


def sent(layout: Layout, known: Facts, states: int, tokens: int, micro_batches: int, width: int = 2) -> int:
    """Bytes a device sends for one step, of `tokens` on its pipeline: the collectives' volumes, no overlap.

    Data: an all-reduce of gradients, or with ZeRO-3 two gathers of weights and a scatter of gradients for each
    micro-batch. Tensors: four all-reduces a layer. Experts: four all-to-alls a layer. Sequence: keys and values around
    the ring, forward and backward. Stages: the hidden state over each boundary, forward and backward.
    """
    here = tokens // layout.cp
    layers = known.layers // layout.pp or 1
    ways = layout.dp * layout.cp
    gathers = 3 * micro_batches if layout.zero == 3 else 2
    volume = gathers * states * (ways - 1) // ways
    volume += 4 * layers * 2 * here * known.hidden_size * width * (layout.tp - 1) // layout.tp
    moe = known.moe_layers // layout.pp if known.moe_layers else 0
    volume += 4 * moe * here * known.top_k * known.hidden_size * width * (layout.ep - 1) // (layout.ep * layout.tp)
    volume += 3 * layers * here * known.kv_width * width * (layout.cp - 1) // layout.tp
    return volume + (2 * here * known.hidden_size * width // layout.tp if layout.pp > 1 else 0)


def search(  # the arguments are as independent as the rows of the table this makes
    trainer: Trainer, devices: int, capacity: int, seq: int, policy: Policy, global_batch: int,
    tick: Callable[[int, int, int], None] = lambda done, total, tried: None,
) -> tuple[list[Candidate], int]:
    """Layouts that fit, those that send least first, then those with most headroom; and how many were tried."""
    tree = trainer.model.tree
    known = facts(tree)
    experts = max((t.stored for _, node, _, _ in tree.walk() for t in node.tensors if t.component == "moe_experts"),
                  default=0)
    found: list[Candidate] = []
    tried = 0
    plans = list(layouts(devices, known, experts, seq))
    for done, layout in enumerate(plans, 1):
        sizes = [micro for micro in MICRO_BATCHES if global_batch % (micro * layout.dp) == 0]
        tried += len(sizes) * len(get_args(Recompute))
        tick(done, len(plans), tried)
        if not sizes or not _states_fit(trainer, layout, capacity):
            continue
        for recompute in get_args(Recompute):
            for micro in sizes:
                candidate = _tried(trainer, layout, recompute, micro, capacity, Tokens(micro, seq, seq),
                                   policy._replace(recompute=recompute, batch=micro), known, global_batch)
                if candidate is None:
                    break  # a larger micro-batch keeps more
                found.append(candidate)
    found.sort(key=lambda c: (c.communication, -c.headroom))
    return found, tried


def _states_fit(trainer: Trainer, layout: Layout, capacity: int) -> bool:
    """Whether every stage holds at least its weights and optimizer; False too for what does not divide."""
    try:
        return all(sum(trainer.divided(layout, stage)) <= capacity for stage in trainer.stages(layout.plan))
    except UsageError:
        return False


def _tried(trainer: Trainer, layout: Layout, recompute: Recompute, micro: int, capacity: int, load: Tokens,
           policy: Policy, known: Facts, global_batch: int) -> Candidate | None:
    """The layout if it fits: of stages with the same layers the first decides."""
    steps = global_batch // (micro * layout.dp)
    layout = layout._replace(micro_batches=steps)
    heaviest = None
    try:
        for stage in trainer.stages(layout.plan):
            device = trainer.device(layout, stage, load, policy)
            if device.total > capacity:
                return None
            heaviest = device if heaviest is None or device.total > heaviest.total else heaviest
    except UsageError:
        return None
    assert heaviest is not None  # noqa: S101 - there is a first stage
    tokens = micro * load.seq * steps
    states = heaviest.gradients * (layout.dp * layout.cp if layout.zero >= 2 else 1)
    volume = sent(layout, known, states, tokens, steps)
    return Candidate(layout, recompute, micro, heaviest, capacity - heaviest.total, volume // tokens)
