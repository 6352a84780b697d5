"""Sizes near those of a family: hidden sizes and widths that kernels like, heads that divide, experts."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import lcm
from typing import TYPE_CHECKING

from paramcalc.components.layout import MAX_LAYERS
from paramcalc.estimates.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from paramcalc.estimates.design.form import Form
    from paramcalc.estimates.design.goals import Bounds
    from paramcalc.estimates.design.handles import Handles, Size

FINE, COARSE = 64, 128
SMALL, LARGE = 1024, 8192
"""Hidden sizes are multiples of `FINE`, from `LARGE` on of `COARSE`; widths of `COARSE`, but of experts and up to the
hidden size `SMALL` of `FINE`."""
LARGEST = 2**17
ASPECT = 3.0
"""Hidden size over layers lies within this factor of a family member's, as for 249 of 251 published models."""
RATIO = 3.0
"""So does the width over the hidden size, for 247 of 248."""
HEADS_RATIO, HEADS_RATIO_SPARSE = 2.0, 1.4
"""So does the width of all heads over the hidden size, for 243 of 246; nearer where there are experts: it varies less
there."""
ALL = -1
"""Stands for as many key heads as heads."""
GROUPED = 8
"""Key heads most models have that share them among query heads."""
HEADS = 4
"""Heads that share keys come in multiples of this, of twice as many from `MANY_HEADS` on."""
MANY_HEADS = 80
HEAD_PARTS = (1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2)
"""Heads that share no keys are so many times as many for the hidden size as a family member's."""
FEWER = 4
"""Experts are at most so many times more or fewer."""
EXPERT_STEPS = (8, 9, 10, 12, 14)
"""Powers of two of experts, and these eighths of them."""


def joined(choices: Iterable[Mapping[Size, int]]) -> dict[Size, int]:
    """Sizes of several choices as one, names to values."""
    return {name: size for each in choices for name, size in each.items()}


class NearSizes(Remembering):
    """What is tried of each size of a shape."""

    def __init__(self, handles: Handles, family: Sequence[Form], bounds: Bounds) -> None:
        self.handles, self.family, self.bounds = handles, family, bounds
        self._remember()

    def _remember(self) -> None:
        self.choices = lru_cache(maxsize=1)(self._choices)

    def hidden_sizes(self) -> Iterator[int]:
        """Hidden sizes, from the least, that are whole at every place and have room for a head."""
        step = self.bounds.multiple_of or FINE
        hidden = step
        while hidden <= LARGEST:
            integral = all((hidden * place.factor).denominator == 1 for place in self.handles.places["hidden_size"])
            if integral and next(self.others(hidden), None) is not None:
                yield hidden
            hidden += step if self.bounds.multiple_of or hidden < LARGE else COARSE

    def layers(self, hidden: int) -> range:
        """Layers of the deepest stack for a hidden size."""
        if self.bounds.layers:
            return range(self.bounds.layers, self.bounds.layers + 1)
        aspects = [member.aspect for member in self.family]
        step = self.handles.depth_step
        most = min(max(step, int(hidden / min(aspects) * ASPECT)), self.bounds.max_layers or MAX_LAYERS, MAX_LAYERS)
        least = max(1, int(hidden / max(aspects) / ASPECT))
        return range(-(-least // step) * step, most + 1, step)

    def _choices(self, hidden: int) -> tuple[list[dict[Size, int]], ...]:
        """Heads with key heads, experts, and dense widths for a hidden size: each goes with all of the other lists."""
        return [*self._heads(hidden)], [*self._experts()], [*self._dense(hidden)]

    def others(self, hidden: int) -> Iterator[dict[Size, int]]:
        """Heads, key heads, experts and dense widths for a hidden size."""
        return map(joined, product(*self.choices(hidden)))

    def _heads(self, hidden: int) -> Iterator[dict[Size, int]]:
        sizes, fixed = self.handles.sizes, self.bounds.fixed
        if "num_heads" not in sizes:
            yield {}
            return
        grouped = "num_kv_heads" in sizes
        counts = [(heads, heads if kv == ALL else kv) for kv in (self._kv_heads() if grouped else (0,))
                  for heads in self._sharing(hidden, kv, fixed.get("num_heads"))]
        if grouped and fixed.keys().isdisjoint(("num_heads", "num_kv_heads")):
            counts += self._as_shared(hidden)
        for heads, kv in dict.fromkeys(counts):
            yield {"num_heads": heads, **({"num_kv_heads": kv} if grouped else {})}

    def _sharing(self, hidden: int, kv: int, fixed: int | None) -> list[int]:
        """Numbers of heads for so many key heads, 0 for a model that has none of their own."""
        if fixed is not None:
            return [fixed]
        head_dim = self.handles.head_dim
        ratios = {member.heads / head_dim for member in self.family if member.heads}
        if kv == ALL:
            return sorted({round(hidden * ratio) for ratio in ratios} - {0})
        if not kv:
            return sorted({max(1, round(hidden * ratio * part)) for ratio in ratios for part in HEAD_PARTS})
        near = HEADS_RATIO_SPARSE if "experts" in self.handles.sizes else HEADS_RATIO
        most, least = hidden * max(ratios) * near, hidden * min(ratios) / near
        step = lcm(kv, HEADS if most <= MANY_HEADS else 2 * HEADS)
        first = -(-int(max(least, kv)) // step) * step
        heads, rest = divmod(hidden, head_dim)  # heads that fill the hidden size
        return sorted({*range(first, int(most) + 1, step), *(() if rest or heads % kv else (heads,))})

    def _as_shared(self, hidden: int) -> Iterator[tuple[int, int]]:
        """Heads that fill the hidden size, of which as many share a key head as in a family's member."""
        heads, rest = divmod(hidden, self.handles.head_dim)
        groups = {round(member.heads * member.hidden / self.handles.head_dim / member.kv_heads)
                  for member in self.family if member.heads and member.kv_heads}
        for group in sorted(groups - {0} if not rest else ()):
            if heads % group == 0:
                yield heads, heads // group

    def _kv_heads(self) -> list[int]:
        """Numbers of key heads."""
        if "num_kv_heads" in self.bounds.fixed:
            return [self.bounds.fixed["num_kv_heads"]]
        own, heads = self.handles.sizes["num_kv_heads"], self.handles.sizes["num_heads"]
        of_family = {int(member.kv_heads) for member in self.family if member.kv_heads}
        near = {own // 2, own, 2 * own, GROUPED} if own < heads else {1, GROUPED}
        return sorted({ALL, *near, *(of_family - {own} if own == heads else of_family)} - {0})

    def _dense(self, hidden: int) -> Iterator[dict[Size, int]]:
        if "dense_width" not in self.handles.sizes:
            yield {}
        elif "dense_width" in self.bounds.fixed:
            yield {"dense_width": self.bounds.fixed["dense_width"]}
        else:
            sizes = self.handles.sizes
            step = self.bounds.multiple_of or FINE
            widths = {round(hidden * sizes["dense_width"] / sizes["hidden_size"] / step) * step, sizes["dense_width"]}
            for width in sorted(widths - {0}):
                yield {"dense_width": width}

    def _experts(self) -> Iterator[dict[Size, int]]:
        """As many as the family's members, or about a power of two."""
        if "experts" not in self.handles.sizes:
            yield {}
        elif "experts" in self.bounds.fixed:
            yield {"experts": self.bounds.fixed["experts"]}
        else:
            own = self.handles.sizes["experts"]
            of_family = {int(member.experts) for member in self.family if member.experts}
            plain = {2**power * step // 8 for power in range(3, 12) for step in EXPERT_STEPS}
            near = {count for count in plain if own <= count * FEWER and count <= own * FEWER}
            for count in sorted({own, own // 2, 2 * own, *near, *of_family} - {0}):
                yield {"experts": count}

    def widths(self, hidden: int) -> tuple[int, int]:
        """The least and the largest width for a hidden size."""
        if "width" not in self.handles.sizes:
            return 0, 0
        if "width" in self.bounds.fixed:
            return self.bounds.fixed["width"], self.bounds.fixed["width"]
        ratios = [member.width for member in self.family if member.width]
        step = self.width_step(hidden)
        return (max(step, int(hidden * min(ratios) / RATIO) // step * step),
                max(step, -int(-hidden * max(ratios) * RATIO) // step * step))

    def width_step(self, hidden: int) -> int:
        """The number of values that the widths for a hidden size are multiples of."""
        fine = hidden <= SMALL or "experts" in self.handles.sizes
        return self.bounds.multiple_of or (FINE if fine else COARSE)
