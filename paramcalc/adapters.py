"""Adapters on a tree: LoRA and DoRA beside matrices and tables, whole copies of modules, and everything else frozen.

Sources: LoRA arXiv:2106.09685, DoRA arXiv:2402.09353; which parameters there are and how they are named:
huggingface/peft tuners/lora/layer.py and utils/other.py (ModulesToSaveWrapper).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.tree import Leaf, Node, Tensor, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paramcalc.spec.adapter import Adapters


class Lora(NamedTuple):
    """An adapter plan."""

    rank: int
    targets: tuple[str, ...] = ()
    """Modules, by the end of their name (`q_proj`), a glob over the whole, or `all-linear`."""
    dora: bool = False
    """A magnitude for each output as well."""
    dtype: str | None = "fp32"
    """Adapters are kept in this type whatever the model's, as peft does (`autocast_adapter_dtype`)."""
    dropout: float = 0.0
    """Of what an adapter reads."""
    pair_bias: bool = False
    """The second matrix of a pair has a bias."""


class Adaptation:
    """A change that freezes each tensor and puts adapters beside some; `plan` is the plan of all."""

    plan: Lora

    def __call__(self, path: str, leaf: Leaf, /) -> Iterable[Leaf]:
        """The leaf, frozen where it is a parameter, and what is trained beside it."""
        raise NotImplementedError


def has_adapters(tree: Node) -> bool:
    """Whether some of its weights have adapters, so that the weights themselves are what they were."""
    return any(isinstance(change, Adaptation) for node in tree.nodes() for change in node.changes)


class Described(Adaptation):
    """The change a specification describes, in the layers of one block."""

    def __init__(self, adapters: Adapters, block: str) -> None:
        self.adapters = adapters
        self.plan = Lora(1, dora=adapters.dora, dtype=adapters.dtype, pair_bias=adapters.pair_bias)
        self.ranks = {module: rule.rank for rule in adapters.rules if not rule.blocks or block in rule.blocks
                      for module in rule.modules}
        self.saved = frozenset(adapters.saved)

    def __call__(self, path: str, leaf: Leaf, /) -> Iterable[Leaf]:
        """The frozen leaf, its adapters, and the copy of it that is trained."""
        if not isinstance(leaf, Tensor):
            return (leaf,)
        module = path.removesuffix(".weight")
        if path.endswith(".bias") and not leaf.buffer:
            owner = path.removesuffix(".bias")
            if self.adapters.bias == "all" or (self.adapters.bias == "lora_only" and owner in self.ranks):
                return (leaf,)
        changed: list[Leaf] = [leaf if leaf.buffer else leaf._replace(frozen=True)]
        if (rank := self.ranks.get(module)) is not None and leaf.role in ("matmul", "lookup"):
            changed += pair(leaf, self.plan._replace(rank=rank))
        if self.adapters.tokens and leaf.role == "lookup" and leaf.component == "token_embedding":
            changed.append(leaf._replace(name="token_adapter.trainable_tokens_delta", frozen=False, role="vector",
                                         shape=(self.adapters.tokens, leaf.shape[1])))
        if not leaf.buffer and (module in self.saved or path.rpartition(".")[0] in self.saved):
            changed.append(leaf._replace(name=f"modules_to_save.{leaf.name}", frozen=False, stored=max(leaf.stored, 1)))
        return changed


def pair(tensor: Tensor, plan: Lora) -> Sequence[Tensor]:
    """A `(rank, in)`, B `(out, rank)`, and for DoRA a magnitude `(out,)`; of a table, `(rank, rows)`, `(width, rank)`.
    """
    looked_up = tensor.role == "lookup"
    out, into = (1, 0) if tensor.transposed or looked_up else (0, 1)
    words = ("lora_embedding_A", "lora_embedding_B") if looked_up else ("lora_A.weight", "lora_B.weight")
    base = tensor._replace(frozen=False, format=None, dtype=plan.dtype, transposed=False, stored=max(tensor.stored, 1))
    name = tensor.name.removesuffix(".weight").removesuffix("weight")
    dot = "." if name else ""
    pieces = [base._replace(name=f"{name}{dot}{words[0]}", shape=(plan.rank, tensor.shape[into]),
                            axes=("rank", tensor.axes[into])),
              base._replace(name=f"{name}{dot}{words[1]}", shape=(tensor.shape[out], plan.rank),
                            axes=(tensor.axes[out], "rank"), role="matmul")]
    vector = base._replace(shape=(tensor.shape[out],), axes=(tensor.axes[out],), role="vector")
    if plan.dora:
        pieces.append(vector._replace(name=f"{name}{dot}lora_magnitude_vector.weight"))
    if plan.pair_bias and not looked_up:
        pieces.append(vector._replace(name=f"{name}{dot}lora_B.bias"))
    return pieces


def adapted(tree: Node, adapters: Adapters, path: str = "") -> Node:
    """The tree of a model with the adapters its specification describes."""
    here = join(path, tree.name)
    if not tree.children:
        return tree.map(Described(adapters, ""), path)
    if tree.order:
        return tree.replace(children=tuple(layer.map(Described(adapters, layer.label), here)
                                           for layer in tree.children))
    return tree.replace(children=tuple(adapted(child, adapters, here) for child in tree.children))
