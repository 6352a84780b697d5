"""Memory to serve a model, device by device: weights and cache exactly, activations and overhead as estimates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.component_names import TOWERS
from paramcalc.defaults import SERVING, TowerParallel
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.allocator import allocated_bytes
from paramcalc.estimates.prefill import TowerWidths, Widths, peak, tower_peak, tower_widths, widths
from paramcalc.estimates.towers import Towers, towers_of
from paramcalc.measures.cache import Cache, Line, Mixer, Serving, Types, cache_type, mixers, types
from paramcalc.measures.certainty import least, of_model, why_bound
from paramcalc.measures.weights import arrays, most_unpacked, weight_bytes
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.lora import ALL_LINEAR, Lora, with_lora
from paramcalc.transforms.shard import Sharding, shard, without_towers
from paramcalc.tree import Leaf, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.build import Model
    from paramcalc.estimates.runtimes import Runtime
    from paramcalc.spec.caveats import Certainty, Figure
    from paramcalc.spec.model import ModelSpec
    from paramcalc.tree import Node


class Setup(NamedTuple):
    """How a model is served, apart from how much at once."""

    dtype: str = SERVING.dtype
    quant: str | None = SERVING.quant
    kv_dtype: str | None = SERVING.kv_dtype
    tp: int | None = SERVING.tp
    pp: int | None = SERVING.pp
    ep: int | None = SERVING.ep
    gpus: int | None = SERVING.gpus
    imatrix: bool | None = SERVING.imatrix
    """Whether a GGUF mix is made with an importance matrix; None takes what published files of it are."""
    dp: int | None = SERVING.dp
    loras: int = SERVING.loras
    lora_rank: int = SERVING.lora_rank
    tower_parallel: TowerParallel | None = SERVING.tower_parallel


class Parts(NamedTuple):
    """Bytes on one device."""

    weights: int
    cache: int
    activations: int
    overhead: int

    @property
    def total(self) -> int:
        """Bytes of all of it."""
        return sum(self)


class Stage(NamedTuple):
    """What devices of one pipeline stage that are alike hold, apart from what depends on the load."""

    weights: int
    rotary: int
    slack: int
    """What the allocator gives weights and tables beyond their size."""
    kinds: tuple[Mixer, ...]
    widths: Widths
    towers: tuple[TowerWidths, ...]
    unpacked: int = 0
    """Weights of the largest matrix of which a prompt takes a copy in the type of products."""
    devices: int = 1
    number: int = 0
    """Of the pipeline stage."""
    again: bool = False
    """Other devices hold the same layers, and towers beside them."""


class Prepared:
    """A model made ready to be asked for its memory at any load: trees are walked once, here."""

    def __init__(self, model: Model, runtime: Runtime, setup: Setup, draft: Model | None = None) -> None:
        """Raises UsageError for formats nobody knows and for devices that cannot share the model. `draft` is a model
        beside it that drafts tokens."""
        self.model, self.runtime, self.setup, self.draft = model, runtime, setup, draft
        self.dtype = find_format(setup.dtype).name
        self.formats: dict[str, int] = {}
        """What weights are held in: format to bytes, of one device of each stage."""
        kv_dtype = setup.kv_dtype or runtime.profile.kv_dtype
        recurrent = cache_type(model.spec.state_dtype) if model.spec.state_dtype else None
        self.cache_types: Types = types(self.dtype, kv_dtype)._replace(recurrent=recurrent)
        quantized = in_formats(model, setup.quant, imatrix=setup.imatrix, gguf=runtime.profile.gguf)
        self.caveats = tuple(caveat for caveat in quantized.spec.caveats
                             if setup.quant is None or caveat.figure != "weights")
        """Why figures are less than exact: a format that is asked for is known, whatever a config says of its own."""
        stacked: Certainty = "estimate" if setup.loras else "exact"  # no log was held to how engines stack adapters
        self.tree = tree = quantized.tree
        """The whole model, its tensors in their formats."""
        plan = sharding(setup, runtime)
        self.towers: Towers = towers_of(runtime.name, model.spec, tree, plan.tp, setup.tower_parallel)
        self.plan = plan._replace(towers=self.towers.share)
        self.weight_certainty: Certainty = self.level("weights", at_best=stacked if self.towers.certain else "estimate")
        self.apart = quantized.apart
        """What its files hold beside it, in its formats: multi-token prediction."""
        self.stages = tuple(self._parted(self._served(tree)))
        """Of devices that are alike, stage by stage."""

    @property
    def _specs(self) -> tuple[ModelSpec, ...]:
        """What is served: the model with its own caveats, and one that drafts."""
        drafts = () if self.draft is None else (self.draft.spec,)
        return (self.model.spec.model_copy(update={"caveats": self.caveats}), *drafts)

    def level(self, *figures: Figure, at_best: Certainty = "exact") -> Certainty:
        """How a figure is known that would be `at_best` if the models were read whole; `figures` as in `of_model`."""
        return least(*(of_model(spec, *figures, at_best=at_best) for spec in self._specs))

    @property
    def lower_bound(self) -> str:
        """Why its bytes are a lower bound; empty where they are not."""
        return next(filter(None, (why_bound(spec, "weights", "cache", "flops") for spec in self._specs)), "")

    def _served(self, tree: Node) -> Node:
        """What devices hold: the model, and one that drafts in formats of its own."""
        if self.draft is None:
            return tree
        if self.plan.pp > 1:
            raise UsageError(Problem("how pipeline stages divide a draft model is not modelled",
                                     hint="--tp in place of --pp"))
        beside = in_formats(self.draft, self.setup.quant, imatrix=self.setup.imatrix,
                            gguf=self.runtime.profile.gguf).tree
        return tree.replace(children=(*tree.children, beside.replace(name="draft")))

    def _with_slots(self, tree: Node) -> Node:
        """A rank's tree with room for adapters."""
        if not self.setup.loras:
            return tree
        adapted = with_lora(tree, Lora(self.setup.lora_rank, (ALL_LINEAR,), dtype=self.cache_types.compute.name))
        return adapted.map(Slots(self.setup.loras))

    def _parted(self, tree: Node) -> Iterator[Stage]:
        each = self.devices // self.plan.pp
        for number, part in enumerate(self._sharded(tree)):
            alone = self.towers.first and number == 0
            yield self._stage(part)._replace(devices=1 if alone else each, number=number)
            if alone:
                yield self._stage(without_towers(part), again=True)._replace(devices=each - 1)

    def _sharded(self, tree: Node) -> list[Node]:
        try:
            return [shard(tree, self.plan, stage) for stage in range(self.plan.pp)]
        except UsageError as error:
            if self.setup.tp or self.setup.ep:
                raise
            also = f"; or --pp {self.devices}, which divides the layers"
            raise UsageError(*(p._replace(hint=p.hint + also) for p in error.problems)) from error

    def _stage(self, tree: Node, *, again: bool = False) -> Stage:
        profile, model = self.runtime.profile, self.model
        table = 0
        if profile.rotary_table:
            table = rotary_table(tree, model, self.cache_types)
            table += rotary_table(self.draft.tree, self.draft, self.cache_types) if self.draft else 0
        width, towers = widths(tree), tower_widths(tree)
        tree = self._with_slots(self.runtime.weight_layout(tree))
        weights = weight_bytes(tree, self.dtype)
        for name, size in () if again else weights.formats.items():
            self.formats[name] = self.formats.get(name, 0) + size
        slack = self._slack(tree, table, model.spec.rotary_tables) if profile.caching_allocator else 0
        width = width._replace(logits=width.logits * self.plan.tp)
        return Stage(weights.total, table, slack, mixers(tree), width, towers, most_unpacked(tree),
                     again=again)

    def _slack(self, tree: Node, table: int, tables: int) -> int:
        """What the allocator gives weights and rotary tables beyond their size."""
        sizes, attending = arrays(tree, self.dtype)
        blocks = [table // tables] * tables if table else []
        return allocated_bytes(sizes, blocks, attending) - sum(sizes) - sum(blocks)

    @cached_property
    def on_disk(self) -> int:
        """Bytes of all tensors in the model's files: each matrix once, in no engine's layout, and what stands apart."""
        return sum(weight_bytes(tree, self.dtype).total for tree in (self.tree, *self.apart.values()))

    @cached_property
    def file_head(self) -> int:
        """Bytes of a GGUF file that are no tensor, an estimate; none of others, whose vocabulary stands apart."""
        from paramcalc.catalog.gguf_vocabularies import head_bytes
        from paramcalc.transforms.gguf_mix import is_file_type

        if not (self.runtime.profile.gguf or is_file_type(self.setup.quant or "")):
            return 0
        return head_bytes(self.model.spec.vocab_size or 0)

    @property
    def devices(self) -> int:
        """Devices of the whole model."""
        return self.plan.devices

    def share(self, serving: Serving) -> Serving:
        """What one data-parallel part serves: the fullest one's share of the batch."""
        dp = self.setup.dp or 1
        return serving if dp == 1 else serving._replace(batch=-(-serving.batch // dp))

    def cache(self, stage: Stage, serving: Serving) -> Cache:
        """The cache of one device of a stage."""
        serving = self.share(serving)
        serving = serving._replace(source=self.model.spec.source_tokens(serving.source))
        return self.runtime.cache(stage.kinds, serving, self.cache_types)

    def parts(self, serving: Serving) -> tuple[Parts, ...]:
        """One device of each stage."""
        return tuple(self._parts(stage, serving) for stage in self.stages)

    def _parts(self, stage: Stage, serving: Serving) -> Parts:
        profile, runtime = self.runtime.profile, self.runtime
        system, serving = serving, self.share(serving)
        chunk = runtime.chunk(serving)
        if serving.media.main:  # an encoder alone runs over all of its positions at once
            chunk = max(chunk, serving.batch * serving.context)
        alive = peak(stage.widths, chunk, runtime.logit_rows(serving), profile.compute_bytes,
                     runtime.score_keys(serving), runtime.mask(stage.kinds, serving), runtime.copied(serving))
        if chunk > serving.batch:  # more than each sequence's next token
            alive += stage.unpacked * profile.compute_bytes
        together = min(serving.batch, max(1, chunk // serving.context))
        ways = self.plan.tp if self.towers.parallel == "data" else 1
        alive = max(alive, tower_peak(stage.towers, serving.media, together, profile.compute_bytes, ways))
        return Parts(stage.weights + stage.rotary + stage.slack, self.cache(stage, system).bytes, alive,
                     profile.context_bytes + profile.graph_bytes)

    def most(self, serving: Serving) -> int:
        """Bytes of the fullest device."""
        return max(part.total for part in self.parts(serving))


class Memory(NamedTuple):
    """The answer at one load."""

    prepared: Prepared
    serving: Serving
    stages: tuple[Parts, ...]
    caches: tuple[Cache, ...]
    """Of one device of each stage."""

    @property
    def per_device(self) -> tuple[Parts, ...]:
        """Every device, stage by stage."""
        alike = zip(self.stages, self.prepared.stages, strict=True)
        return tuple(part for part, stage in alike for _ in range(stage.devices))

    @property
    def total(self) -> Parts:
        """Bytes of all devices together, by part."""
        return Parts(*(sum(column) for column in zip(*self.per_device, strict=True)))

    @property
    def rotary(self) -> int:
        """Rotary tables of all devices, part of the weights."""
        return sum(stage.rotary * stage.devices for stage in self.prepared.stages)

    @property
    def slack(self) -> int:
        """What the allocators of all devices give beyond what is asked for, part of the weights."""
        return sum(stage.slack * stage.devices for stage in self.prepared.stages)

    @property
    def cache(self) -> Cache:
        """The caches of all devices together; growth as one more token costs all of them."""
        lines: dict[tuple[str, str], Line] = {}
        for stage, cache in zip(self.prepared.stages, self.caches, strict=True):
            for line in cache.lines:
                more = stage.devices // (self.prepared.setup.dp or 1) * line.per_token  # one part serves the sequence
                old = lines.get((line.name, line.kind), line._replace(layers=0, bytes=0, per_token=0))
                lines[line.name, line.kind] = old._replace(
                    layers=old.layers + (0 if stage.again else line.layers),
                    bytes=old.bytes + stage.devices * line.bytes, per_token=old.per_token + more)
        return Cache(tuple(lines.values()))


def memory(prepared: Prepared, serving: Serving) -> Memory:
    """Bytes on the devices of each stage at one load: weights, cache, activations and what the runtime takes."""
    return Memory(prepared, serving, prepared.parts(serving),
                  tuple(prepared.cache(stage, serving) for stage in prepared.stages))


def sharding(setup: Setup, runtime: Runtime) -> Sharding:
    """How the devices share the model: as asked for, else as the runtime does by itself. Data-parallel parts hold all
    but the experts each, and share those: whole ones with `ep`, else a part of every one.

    Raises UsageError where the sizes do not multiply to the number of devices. Source: vllm-project/vllm
    vllm/model_executor/layers/fused_moe/config.py (FusedMoEParallelConfig.make).
    """
    tp, pp, ep, dp = setup.tp or 1, setup.pp or 1, setup.ep or 1, setup.dp or 1
    if setup.gpus is not None and setup.tp is setup.pp is setup.ep is setup.dp is None:
        tp, pp = (setup.gpus, 1) if runtime.profile.split == "tp" else (1, setup.gpus)
    if dp > 1 and setup.ep is not None and ep != dp * tp:
        raise UsageError(Problem(f"ep {ep} is not dp {dp} × tp {tp}: experts are divided among all these devices",
                                 hint=f"--ep {dp * tp}, or leave it out to divide each expert"))
    plan = Sharding(tp, pp, ep, dp * tp if dp > 1 and setup.ep is None else None,
                    vocab_multiple=runtime.profile.vocab_multiple or tp)
    if setup.gpus is not None and plan.devices != setup.gpus:
        ways, product = f"tp {tp}, pp {pp} and ep {ep}", "--tp × --pp"
        if dp > 1:
            ways, product = f"dp {dp}, {ways}", f"--dp × {product}"
        raise UsageError(Problem(f"{ways} make {plan.devices} devices, not {setup.gpus}",
                                 hint=f"leave --gpus out, or make {product} equal to it"))
    return plan


@dataclass(frozen=True)
class Slots:
    """The change that leaves room for so many adapters on each matrix of the text model: engines hold stacks of them
    (vllm-project/vllm vllm/lora/layers/base_linear.py, create_lora_weights)."""

    count: int

    def __call__(self, _: str, leaf: Leaf, /) -> tuple[Leaf, ...]:
        """The leaf; several of an adapter, none of a tower's."""
        if not isinstance(leaf, Tensor) or "lora_" not in leaf.name:
            return (leaf,)
        return () if leaf.component in TOWERS else (leaf._replace(stored=self.count * leaf.stored, stacked=True),)


def rotary_table(tree: Node, model: Model, cache_types: Types) -> int:
    """Bytes of the cosines and sines of every position, once for all layers of one base in a part of a model:
    `(positions, rotary_dim)` each, in the compute type.

    Where the specification does not say how much of a head is rotated, it is a key's rotary part, else all of it.
    """
    spec, positions = model.spec, model.spec.max_position_embeddings
    turns = spec.rotary_dim or any(node.part is not None and node.part.kind == "rotary" for node in model.tree.nodes())
    if spec.position != "rotary" or not turns or not positions:
        return 0
    keys = [state for path, node, _, _ in tree.walk() for state in node.states(path) if state.kind == "kv"]
    turned = [s for s in keys if s.axes[-1] == "rope"] or [s for s in keys if s.name == "k"]
    if not turned:
        return 0
    width = spec.rotary_dim or max(state.shape[-1] for state in turned)
    return spec.rotary_tables * positions * cache_types.compute.row((1, width))

