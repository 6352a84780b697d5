"""One file under check: what it says, what it describes, and where its keys stand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from paramcalc.checks.metrics import Figures
from paramcalc.checks.results import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.build import Model
    from paramcalc.readers.models import Reading
    from paramcalc.tree import Part

Path = tuple[str | int, ...]
SPELLINGS: dict[str, tuple[str, ...]] = {
    "vocab_size": ("vocab_size",), "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "intermediate_size": ("intermediate_size", "moe_intermediate_size", "n_inner", "ffn_dim", "d_ff", "ffn_hidden_size",
                          "ffn_ratio"),
    "num_heads": ("num_heads", "num_attention_heads", "n_head", "n_heads"),
    "num_kv_heads": ("num_kv_heads", "num_key_value_heads", "num_heads", "num_attention_heads", "n_head"),
    "head_dim": ("head_dim", "num_heads", "num_attention_heads", "n_head"),
    "window": ("window", "sliding_window", "attention_window"),
    "num_layers": ("num_layers", "num_hidden_layers", "n_layer"),
    "tie_embeddings": ("tie_embeddings", "tie_word_embeddings"), "training_tokens": ("training_tokens",),
}
"""Our word for a fact to the keys that say it, in specs and configs."""


class Subject:
    """What rules look at."""

    def __init__(self, name: str, reading: Reading, model: Model) -> None:
        self.name = name
        self.reading = reading
        self.model = model
        self.spec = model.spec
        self.figures = Figures(model)

    @cached_property
    def parts(self) -> list[Part]:
        """Every component of the body, once for each distinct layer."""
        return [node.part for _, node, _, _ in self.model.tree.walk() if node.part is not None]

    def of_kind(self, kind: str) -> list[Any]:
        """The components of a kind; each answers for its own fields."""
        return [part for part in self.parts if part.kind == kind]

    def of_text(self, kind: str) -> list[Any]:
        """The components of a kind in layers of the model's own width: towers have others."""
        width = self.spec.hidden_size
        return [node.part for node in self.model.tree.nodes() if node.part is not None and node.part.kind == kind
                and (node.context is None or node.context.hidden_size == width)]

    @property
    def layers(self) -> int:
        """How many layers all stacks have."""
        return self.model.tree.depth

    @property
    def is_config(self) -> bool:
        """Whether it is a Hugging Face config, which has no place for our keys."""
        return "model_type" in self.reading.document.data

    def finding(self, rule: str, fact: str, message: str, **more: Any) -> Finding:  # noqa: ANN401 - fields of a finding
        """A finding at the key that says a fact."""
        line, column = self.reading.document.place(self.where(fact, more.get("actual")))
        return Finding(self.name, rule, message, line=line, column=column, **more)

    def where(self, fact: str, value: object = None) -> Path:
        """The path of the key that says a fact, the one with that value before others; the root if none does."""
        keys = SPELLINGS.get(fact, (fact,))
        entries = list(_search(self.reading.document.data, keys, ()))
        same = [path for path, entry in entries if entry == value]
        return same[0] if same else entries[0][0] if entries else ()


def _search(data: object, keys: tuple[str, ...], path: Path) -> Iterator[tuple[Path, object]]:
    """Every place of the keys, outermost first."""
    if isinstance(data, dict):
        for key in keys:
            if key in data:
                yield (*path, key), data[key]
        for key, value in data.items():
            yield from _search(value, keys, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _search(value, keys, (*path, index))
