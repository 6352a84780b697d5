"""Memory to train, for each device of a layout: weights, gradients, optimizer, master weights, activations, loss.

The states are exact for the recipe given: a sum over the tensors of one rank's tree. ZeRO divides what it divides among
the ranks that hold the same parameters: dense ones dp·cp, experts those that are left when ep has divided them
(arXiv:1910.02054; NVIDIA/Megatron-LM docs/user-guide/features/dist_optimizer.md). Activations are those of the policy
named, times the micro-batches in flight on a stage (1F1B and interleaved: arXiv:2104.04473).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.activations.fold import Tokens, saved_bytes
from paramcalc.catalog.formats import find_format
from paramcalc.catalog.optimizers import find_optimizer
from paramcalc.errors import Problem, UsageError
from paramcalc.measures.parameters import placed
from paramcalc.measures.weights import tensor_bytes
from paramcalc.transforms.shard import Sharding, distinct_stages, shard

if TYPE_CHECKING:
    from paramcalc.activations.fold import SavedBytes
    from paramcalc.activations.policy import Policy
    from paramcalc.build import Model
    from paramcalc.catalog.optimizers import Optimizer
    from paramcalc.tree import Node

MASTER = 4
"""Bytes of a master weight: float32."""


class Recipe(NamedTuple):
    """In which types a model is trained, and by what."""

    dtype: str = "bf16"
    grad_dtype: str | None = None
    """As the weights when not given; fp32 where gradients are accumulated in it."""
    master: bool = True
    """A float32 copy of weights held in fewer bits, which the optimizer updates."""
    optimizer: str = "adamw"
    fused_loss: bool = False
    """The loss is taken piece by piece: no logits are ever held (Liger's fused linear cross-entropy)."""


class Layout(NamedTuple):
    """How the devices share the work."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1
    cp: int = 1
    zero: int = 0
    """0 to 3: what is divided among ranks that hold the same."""
    shards: int | None = None
    """Ranks among which ZeRO divides, where they are fewer than all that could (hybrid FSDP)."""
    interleave: int = 1
    """Chunks of layers on each stage."""
    sequence: bool = True
    """Sequence parallelism beside tensor parallelism."""
    micro_batches: int | None = None
    """Of one step on one pipeline; as many as fill it when not given."""

    @property
    def plan(self) -> Sharding:
        """How one copy of the model is divided."""
        return Sharding(self.tp, self.pp, self.ep, sequence=self.sequence and self.tp > 1)

    @property
    def devices(self) -> int:
        """All devices."""
        return self.tp * self.pp * self.dp * self.cp

    @property
    def ways(self) -> int:
        """Ranks among which ZeRO divides dense parameters."""
        return self.shards or self.dp * self.cp

    @property
    def expert_copies(self) -> int:
        """Devices of a stage that hold the same experts."""
        return max(1, self.dp * self.cp * self.tp // self.ep)

    def problems(self) -> list[Problem]:
        """What does not go together."""
        found = []
        if self.dp * self.cp * self.tp % self.ep:
            found.append(Problem(f"ep {self.ep} does not divide dp × cp × tp = {self.dp * self.cp * self.tp}",
                                 hint="experts are shared among the devices of one stage"))
        if self.shards and (self.dp * self.cp) % self.shards:
            found.append(Problem(f"{self.shards} shards do not divide dp × cp = {self.dp * self.cp}"))
        if self.interleave > 1 and self.pp == 1:
            found.append(Problem("interleaving needs --pp", hint="leave --interleave out"))
        return found


class Device(NamedTuple):
    """Bytes on each device of one stage."""

    stage: int
    weights: int
    gradients: int
    optimizer: int
    master_weights: int
    activations: int
    logits: int
    communication: int
    """Buffers of collectives, beside the total: an estimate."""
    working: int = 0
    """What the fullest moment needs beyond the total, an estimate: gradients of the loss, or a layer computed again."""
    accumulated: bool = True
    """Gradients of earlier micro-batches are held while activations are at their most. A step of one micro-batch has
    none then: torch makes them in backward, as activations go."""

    @property
    def total(self) -> int:
        """All but buffers of communication."""
        return (self.weights + self.gradients + self.optimizer + self.master_weights + self.activations + self.logits)

    @property
    def peak(self) -> int:
        """Everything that is held at once: at the start of backward, or at its end."""
        everything = self.total + self.communication + self.working
        if self.accumulated:
            return everything
        return everything - min(self.gradients, self.activations + self.logits + self.working)


class States(NamedTuple):
    """Bytes of one rank's tensors before ZeRO divides them, dense ones or experts."""

    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    master: int = 0

    def divided(self, zero: int, ways: int) -> States:
        """What is left on one rank."""
        cut = (zero >= 3, zero >= 2, zero >= 1, zero >= 1)
        return States(*(-(-size // ways) if divide else size for size, divide in zip(self, cut, strict=True)))


class Trainer:
    """A model under a recipe; what many layouts share is worked out once."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        self.plain = find_format(recipe.dtype)
        self.grads = find_format(recipe.grad_dtype or recipe.dtype).bits // 8
        self.optimizer: Optimizer = find_optimizer(recipe.optimizer)
        self.tree = lru_cache(maxsize=4096)(self._tree)
        self.states = lru_cache(maxsize=4096)(self._states)
        self.kept = lru_cache(maxsize=65536)(self._kept)
        self.fold = lru_cache(maxsize=65536)(self._fold)
        self.stages = lru_cache(maxsize=4096)(self._stages)

    def _tree(self, plan: Sharding, stage: int) -> Node:
        return shard(self.model.tree, plan, stage)

    def _stages(self, plan: Sharding) -> tuple[int, ...]:
        """Stages among which the heaviest is: of those with the same layers the first has most in flight."""
        return distinct_stages(self.model.tree, plan)

    def _states(self, plan: Sharding, stage: int) -> tuple[States, States, int]:
        """Dense and expert states of a rank, and its largest layer's weights."""
        sums = [[0, 0, 0, 0], [0, 0, 0, 0]]
        master = MASTER if self.recipe.master and self.plain.bits < 32 else 0
        for item in placed(self.tree(plan, stage)):
            if not item.stored:
                continue
            tensor = item.tensor
            row = sums[tensor.component == "moe_experts"]
            row[0] += item.stored * tensor_bytes(tensor, self.plain)
            if not (tensor.frozen or tensor.buffer):
                width = find_format(tensor.dtype).bits // 8 if tensor.dtype else self.plain.bits // 8
                copy = master if width < MASTER else 0
                numel = item.stored * tensor.numel
                row[1] += numel * max(self.grads, width if tensor.dtype else 0)
                updated = max(width, copy)
                row[2] += item.stored * self.optimizer.state_bytes(tensor.shape, tensor.role, updated, tensor.component)
                row[3] += numel * copy
        return States(*sums[0]), States(*sums[1]), self._largest_layer(plan, stage)

    def _largest_layer(self, plan: Sharding, stage: int) -> int:
        sizes = [0]
        for _, node, _, _ in self.tree(plan, stage).walk():
            if node.order:
                for child in node.children:
                    one = child.replace(stored=1, used=1)
                    sizes.append(sum(p.stored * tensor_bytes(p.tensor, self.plain) for p in placed(one)))
        return max(sizes)

    def _kept(self, plan: Sharding, stage: int, load: Tokens, policy: Policy) -> tuple[int, int]:
        """Activations and loss of one micro-batch on a stage."""
        alike = Sharding(plan.tp, plan.pp, expert_tp=plan.within_expert, sequence=plan.sequence)
        found = self.fold(alike, stage, policy._replace(batch=min(load.batch, 2))).at(load)
        return found.model, found.loss

    def _fold(self, plan: Sharding, stage: int, policy: Policy) -> SavedBytes:
        return saved_bytes(self.model._replace(tree=self.tree(plan, stage)), policy)

    def device(self, layout: Layout, stage: int, load: Tokens, policy: Policy) -> Device:
        """Bytes on each device of a stage."""
        plan = layout.plan
        stays, loss = self.kept(plan, stage, load._replace(cp=layout.cp), policy)
        loss = 0 if self.recipe.fused_loss else loss
        gathered = 2 * self.states(plan, stage)[2] if layout.zero == 3 and layout.ways > 1 else 0
        return Device(stage, *self.held(layout, stage), ceil(stays * in_flight(layout, stage)), loss, gathered,
                      self._working(plan, stage, load._replace(cp=layout.cp), policy, loss),
                      accumulated=layout.micro_batches != 1 or policy.library == "megatron")

    def _working(self, plan: Sharding, stage: int, load: Tokens, policy: Policy, loss: int) -> int:
        """At the start of backward the logits and two gradients of their size, or later one layer's activations.

        Megatron's loss works in place: it needs the logits alone.
        """
        logits = loss * self.plain.bits // 8 // MASTER
        start = logits if policy.library == "megatron" else 2 * loss + logits
        if policy.recompute != "full":
            return start
        layers = sum(len(node.order) for node in self.tree(plan, stage).children) or 1
        layer = self.kept(plan, stage, load, policy._replace(recompute="none"))[0] // layers
        return max(start, layer - loss)

    def held(self, layout: Layout, stage: int) -> States:
        """Weights, gradients, optimizer and master weights of each device of a stage."""
        dense, experts, _ = self.states(layout.plan, stage)
        dense = dense.divided(layout.zero, layout.ways)
        experts = experts.divided(layout.zero, min(layout.expert_copies, layout.shards or layout.expert_copies))
        return States(*(one + other for one, other in zip(dense, experts, strict=True)))

    def devices(self, layout: Layout, load: Tokens, policy: Policy) -> list[Device]:
        """Every stage. Raises UsageError for what does not go together or divide."""
        if problems := layout.problems():
            raise UsageError(*problems)
        return [self.device(layout, stage, load, policy) for stage in range(layout.pp)]


def in_flight(layout: Layout, stage: int) -> Fraction:
    """Micro-batches whose activations a stage holds at once, in whole stages' worth of layers.

    1F1B: one for each stage from here to the last. Interleaved: the warm-up of Megatron's schedule,
    `2·(pp - stage - 1) + (interleave - 1)·pp` chunks, and one; never more than a step has.
    """
    if layout.interleave > 1:
        chunks = 2 * (layout.pp - stage - 1) + (layout.interleave - 1) * layout.pp + 1
    else:
        chunks = layout.pp - stage
    if layout.micro_batches is not None:
        chunks = min(chunks, layout.micro_batches * layout.interleave)
    return Fraction(chunks, layout.interleave)
