"""Memory to train, for each device of a layout: weights, gradients, optimizer, master weights, activations, loss.

The states are exact for the recipe given: a sum over the tensors of one rank's tree. ZeRO divides what it divides among
the ranks that hold the same parameters: dense ones dp·cp, experts those that are left when ep has divided them
(arXiv:1910.02054; NVIDIA/Megatron-LM docs/user-guide/features/dist_optimizer.md). Activations are those of the policy
named, times the micro-batches in flight on a stage (1F1B and interleaved: arXiv:2104.04473).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.activations.fold import Tokens, saved_bytes
from paramcalc.adapters import has_adapters
from paramcalc.catalog.formats import find_format
from paramcalc.catalog.optimizers import find_optimizer
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.experts_sent import sent_values
from paramcalc.estimates.gathering import gathered
from paramcalc.estimates.narrow_products import FORMATS, copies, storage_dtype
from paramcalc.estimates.remembering import Remembering
from paramcalc.estimates.training_parts import Device, Gathered, States, Undivided, UndividedStage
from paramcalc.measures.parameters import placed
from paramcalc.measures.weights import tensor_bytes
from paramcalc.transforms.shard import Sharding, distinct_stages, shard

if TYPE_CHECKING:
    from paramcalc.activations.fold import SavedBytes
    from paramcalc.activations.policy import Policy
    from paramcalc.build import Model
    from paramcalc.catalog.optimizers import Optimizer
    from paramcalc.estimates.training_layout import Layout
    from paramcalc.estimates.training_settings import Loss, Method
    from paramcalc.tree import Node, Tensor

MASTER = 4
"""Bytes of a master weight: float32."""
FEWEST = 2
"""Bytes of a weight that is updated."""


class Recipe(NamedTuple):
    """In which types a model is trained, and by what."""

    dtype: str = TRAINING.dtype
    """Of the weights as they are kept and updated."""
    grad_dtype: str | None = TRAINING.grad_dtype
    """As the weights when not given; fp32 where gradients are accumulated in it."""
    master: bool = TRAINING.master
    """A float32 copy of weights held in fewer bits, which the optimizer updates."""
    optimizer: str = TRAINING.optimizer
    loss: Loss = TRAINING.loss
    """compiled: one kernel reads logits and writes their gradients in the type of products; fused: the loss is taken
    piece by piece, no logits are ever held (Liger's fused linear cross-entropy)."""
    compute_dtype: str | None = TRAINING.compute_dtype
    """Of the products, where it is not the weights': bf16 beside fp32 weights, as torchtitan trains."""
    method: Method = TRAINING.method


class Trainer(Remembering):
    """A model under a recipe; what many layouts share is worked out once."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        self.plain = find_format(recipe.dtype)
        if self.plain.bits < 8 * FEWEST:
            raise UsageError(Problem(
                f"trained weights need at least {8 * FEWEST} bits, found {recipe.dtype}",
                hint="--compute-dtype fp8 multiplies in FP8; --quant and --lora-rank train adapters of frozen weights"))
        product = find_format(recipe.compute_dtype or recipe.dtype)
        self.products = product.name
        self.compute = find_format(storage_dtype(recipe.compute_dtype or recipe.dtype))
        if self.compute.bits < 8 * FEWEST:
            raise UsageError(Problem(f"matrix products need at least 16 bits, or FP8, found {product.name}",
                                     hint="--compute-dtype fp8"))
        if self.compute.bits > self.plain.bits:
            raise UsageError(Problem(f"compute dtype {recipe.compute_dtype} is wider than the weights' {recipe.dtype}",
                                     hint=f"--dtype {recipe.compute_dtype}"))
        self.grads = find_format(recipe.grad_dtype or recipe.dtype).bits // 8
        self.optimizer: Optimizer = find_optimizer(recipe.optimizer)
        self._remember()

    def _remember(self) -> None:
        self.tree = lru_cache(maxsize=4096)(self._tree)
        self.states = lru_cache(maxsize=4096)(self._states)
        self.undivided = lru_cache(maxsize=4096)(self._undivided_stage)
        self.saved = lru_cache(maxsize=65536)(self._saved)
        self.fold = lru_cache(maxsize=65536)(self._fold)
        self.stages = lru_cache(maxsize=4096)(self._stages)

    def _tree(self, plan: Sharding, stage: int) -> Node:
        return shard(self.model.tree, plan, stage)

    def _stages(self, plan: Sharding) -> tuple[int, ...]:
        """Stages among which the heaviest is: of those with the same layers the first has most in flight."""
        return distinct_stages(self.model.tree, plan)

    def _states(self, plan: Sharding, stage: int) -> tuple[States, States]:
        """Dense and expert states of a rank."""
        sums = [[0, 0, 0, 0], [0, 0, 0, 0]]
        for item in placed(self.tree(plan, stage)):
            if item.stored:
                row = sums[item.tensor.component == "moe_experts"]
                for index, size in enumerate(self.tensor_states(item.tensor)):
                    row[index] += item.stored * size
        return States(*sums[0]), States(*sums[1])

    def tensor_states(self, tensor: Tensor) -> States:
        """Bytes of one copy of a tensor; what is frozen has weights only."""
        weights = tensor_bytes(tensor, self.plain)
        if tensor.frozen or tensor.buffer:
            return States(weights)
        width = find_format(tensor.dtype).bits // 8 if tensor.dtype else self.plain.bits // 8
        master = MASTER if self.recipe.master and self.plain.bits < 32 and width < MASTER else 0
        gradients = tensor.numel * max(self.grads, width if tensor.dtype else 0)
        optimizer = self.optimizer.state_bytes(tensor.shape, tensor.role, max(width, master), tensor.component)
        return States(weights, gradients, optimizer, tensor.numel * master)

    def _undivided_stage(self, plan: Sharding, stage: int) -> UndividedStage:
        """Weights and gradients of a rank as they are gathered and made."""
        tree = self.tree(plan, stage)
        stacks = [child for child in tree.children if child.order]
        layers = [self._undivided(layer.replace(stored=1, used=1)) for stack in stacks for layer in stack.children]
        beside = [self._undivided(child) for child in tree.children if not child.order]
        none = Undivided()
        rest = Undivided(*map(sum, zip(none, *beside, strict=True)))
        return UndividedStage(max(layers, default=none), rest, max(beside, default=none), self._undivided(tree))

    def _undivided(self, node: Node) -> Undivided:
        weights = gradients = reduced = 0
        for item in placed(node):
            weights += item.stored * tensor_bytes(item.tensor, self.compute)
            if not (item.tensor.frozen or item.tensor.buffer):
                numel = item.stored * item.tensor.numel
                gradients += numel * self.compute.bits // 8
                reduced += numel * max(self.grads, self.compute.bits // 8)
        return Undivided(weights, gradients, reduced)

    def _saved(self, plan: Sharding, stage: int, load: Tokens, policy: Policy) -> tuple[int, int]:
        """Activations and loss of one micro-batch on a stage."""
        alike = Sharding(plan.tp, plan.pp, expert_tp=plan.within_expert, sequence=plan.sequence)
        saved = self.fold(alike, stage, policy._replace(batch=min(load.batch, 2))).at(load)
        return saved.model, saved.loss

    def _fold(self, plan: Sharding, stage: int, policy: Policy) -> SavedBytes:
        return saved_bytes(self.model._replace(tree=self.tree(plan, stage)), policy)

    def device(self, layout: Layout, stage: int, load: Tokens, policy: Policy) -> Device:
        """Bytes on each device of a stage when they are most, with what its allocator then holds beyond what is asked
        of it, which `working` has, and NCCL's own, which `communication` has; other models are loaded once, before what
        comes and goes."""
        fullest = max(self.moments(layout, stage, load, policy), key=lambda moment: moment.total + moment.idle)
        beyond = ceil((fullest.total - fullest.other_models) * (layout.reserved - 1))
        return fullest._replace(communication=fullest.communication + layout.communicators(policy.library),
                                working=fullest.working + fullest.idle + beyond, idle=0)

    def moments(self, layout: Layout, stage: int, load: Tokens, policy: Policy) -> list[Device]:
        """The moments of a step among which the fullest is.

        Gradients of earlier micro-batches are held while activations are at their most. A step of one micro-batch has
        none then: torch makes them in backward, as activations go.
        """
        plan, load = layout.plan, load._replace(cp=layout.cp)
        stays, loss = (sum(part) for part in zip(
            *(self.saved(plan, one, load, policy) for one in layout.device_stages(stage)), strict=True))
        logits, beside = self._loss(loss, layout, policy)
        states, undivided = self.divided(layout, stage), self._gathered(layout, stage, load)
        joined = self._joined(layout, load)
        earlier = states.gradients if layout.micro_batches != 1 or policy.library == "megatron" else 0
        flight = ceil(stays * layout.in_flight(stage))
        fixed = {"stage": stage, "weights": states.weights, "optimizer": states.optimizer,
                 "master_weights": states.master, "other_models": self._others(states)}
        idle = undivided.buffers + (states.gradients - earlier if layout.fully_sharded else 0)
        moments = [
            Device(**fixed, gradients=earlier, activations=flight, logits=logits, communication=undivided.at_loss,
                   idle=idle, working=undivided.waiting + beside + 2 * joined, moment="backward starts"),
            Device(**fixed, gradients=states.gradients, activations=0, logits=0, communication=undivided.at_end,
                   idle=undivided.buffers, working=undivided.waiting + undivided.last_gradients,
                   moment="backward ends"),
        ]
        if policy.recompute in ("full", "per-op"):
            layers = sum(len(node.order) for node in self.tree(plan, stage).children) or 1
            layer = self.saved(plan, stage, load, policy._replace(recompute="none"))[0] // layers
            layer += 4 * joined + self._sent(layout, stage, load, policy) + self._cast(layout, stage, load)
            moments.append(Device(
                **fixed, gradients=earlier, activations=flight, logits=0, communication=undivided.in_layer,
                idle=idle - undivided.arriving, working=undivided.waiting + undivided.layer_gradients + layer,
                moment="a layer is recomputed"))
        return moments

    def _others(self, states: States) -> int:
        """Models of this one's size: of adapted weights the reference is they themselves, the adapters switched off.

        The critic is updated after the policy, so that its activations are not held at the same time.
        """
        reference = 0 if has_adapters(self.model.tree) else states.weights
        rest = states.weights + sum(states) if self.recipe.method == "ppo" else 0
        return 0 if self.recipe.method == "sft" else reference + rest

    def _loss(self, loss: int, layout: Layout, policy: Policy) -> tuple[int, int]:
        """Logits kept at the start of backward, and what is there beside them.

        Written out: the logits and two gradients of their size, or three where tensor parallelism divides the
        vocabulary (torch/distributed/tensor/parallel/loss.py, _nll_loss_and_log_softmax_backward). Compiled: their
        gradients. Megatron's works in place and needs the logits alone; compiled it makes a copy of what it changes
        (NVIDIA/Megatron-LM, megatron/core/fusions/fused_cross_entropy.py, on in-place semantics).
        """
        logits = loss * self.compute.bits // 8 // MASTER
        if self.recipe.loss == "fused":
            return 0, 0
        if policy.library == "megatron":
            return loss, logits + (loss if self.recipe.loss == "compiled" else 0)
        if self.recipe.loss == "compiled":
            return logits, logits
        return loss, (3 if layout.tp > 1 else 2) * loss + logits

    def _gathered(self, layout: Layout, stage: int, load: Tokens) -> Gathered:
        first, *others = (self.undivided(layout.plan, one) for one in layout.device_stages(stage))
        stages = Undivided(*(sum(part) for part in zip(*(one.stage for one in (first, *others)), strict=True)))
        return gathered(layout, first._replace(stage=stages), narrower=self.compute.bits < self.plain.bits,
                        received=self._received(layout, stage, load))

    def _joined(self, layout: Layout, load: Tokens) -> int:
        """What sequence parallelism divides of a layer's input and tensor parallelism has whole while it is multiplied:
        the others' tokens. At the head with its gradient; in a layer that is computed again the inputs of attention and
        feed-forward, a sum before it is divided, and a gradient (arXiv:2205.05198, figure 5)."""
        if not layout.plan.sequence:
            return 0
        tokens = load.batch * -(-load.seq // load.cp)
        size = tokens * self.model.spec.hidden_size * self.compute.bits // 8
        return size * (layout.tp - 1) // layout.tp

    def _sent(self, layout: Layout, stage: int, load: Tokens, policy: Policy) -> int:
        """Copies of tokens on their way to experts, of which as many are assumed to come as go."""
        if policy.library != "megatron":
            return 0
        tokens = load.batch * self._here(layout, load)
        return tokens * sent_values(self.tree(layout.plan, stage)) * self.compute.bits // 8

    def _cast(self, layout: Layout, stage: int, load: Tokens) -> int:
        """Copies in FP8 of what the largest product reads."""
        if self.products not in FORMATS:
            return 0
        return copies(self.tree(layout.plan, stage), load.batch * -(-load.seq // load.cp))

    @staticmethod
    def _here(layout: Layout, load: Tokens) -> int:
        """Tokens of a sequence on one device between its layers."""
        return -(-load.seq // (load.cp * (layout.tp if layout.plan.sequence else 1)))

    def _received(self, layout: Layout, stage: int, load: Tokens) -> int:
        """Buffers for what the stages beside this one send, one a micro-batch from the start
        (torch/distributed/pipelining/stage.py, _prepare_forward_infra and _prepare_backward_infra)."""
        sides = (stage > 0) + (stage < layout.pp - 1)
        each = load.batch * self._here(layout, load) * self.model.spec.hidden_size * self.compute.bits // 8
        return sides * (layout.micro_batches or layout.pp) * each

    def divided(self, layout: Layout, stage: int) -> States:
        """Weights, gradients, optimizer and master weights of each device of a stage; of a stage that two hold, ZeRO
        divides among the ranks of both."""
        stages = layout.device_stages(stage)
        copies, parts = len(stages), []
        for one in stages:
            dense, experts = self.states(layout.plan, one)
            parts.append(dense.divided(layout.zero, layout.shards or layout.ways * copies))
            alike = layout.expert_copies * copies
            parts.append(experts.divided(layout.zero, min(alike, layout.shards or alike)))
        return States(*(sum(part) for part in zip(*parts, strict=True)))

    def devices(self, layout: Layout, load: Tokens, policy: Policy) -> list[Device]:
        """Every stage. Raises UsageError for what does not go together or divide."""
        if problems := layout.problems():
            raise UsageError(*problems)
        return [self.device(layout, stage, load, policy) for stage in range(layout.pp)]
