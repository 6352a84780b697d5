"""What every rule says of pictures: the tokens that enter the prompt and the patches a tower runs over, and what
several rules do with sides and grids."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Count, Strict
from paramcalc.components.problems import impossible
from paramcalc.spec.media import MediaItem

if TYPE_CHECKING:
    from pydantic_core import PydanticCustomError

Pixels = Annotated[int, Field(ge=1, le=2**31)]
LARGEST_SIDE = 2**16


class ImageRule(Strict):
    """A processor's rule."""

    kind: str
    processor: str = ""
    """The class whose rule it is."""
    defaults: bool = False
    """The settings are the class's own: no file beside the config says them."""
    main: bool = False
    """The model is an encoder by itself: pictures are its sequences, and there is no prompt beside them."""
    extra: Annotated[int, Field(ge=0, le=2**10)] = 0
    """Tokens of the tower's own in each sequence: class token, registers."""
    source: Count = 0
    """Positions a picture adds to what the text model attends to beside its prompt: its encoder's input, or keys and
    values of cross-attention."""

    def cut(self, width: int, height: int) -> MediaItem:
        """Tokens and patches of a picture of this size in pixels. Raises PydanticCustomError for no size at all."""
        if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
            raise impossible_picture(width, height, "", f"sides of 1 to {LARGEST_SIDE:,} pixels")
        item = self._cut(width, height)
        return item._replace(extra=self.extra, source=self.source, projected=self.source or item.projected)

    @abstractmethod
    def _cut(self, width: int, height: int) -> MediaItem:
        """Tokens and patches of a picture whose size is possible."""


class Undescribed(ImageRule):
    """Pictures are read, but nothing here says how they are cut."""

    kind: Literal["undescribed"] = "undescribed"
    what: Annotated[str, Field(min_length=1, max_length=200)]
    """The processor, or the setting of it."""

    def _cut(self, width: int, height: int) -> MediaItem:
        raise impossible(f"how {self.what} cuts a picture of {width} × {height} pixels is not described",
                         "give its tokens as text")


def impossible_picture(width: int, height: int, why: str, hint: str = "crop it") -> PydanticCustomError:
    """The error of a picture that a processor refuses, with the reason."""
    return impossible(f"a picture of {width} × {height} pixels {why}".rstrip(), hint)


def merged_grid(rows: int, columns: int, merge: int, ends: int = 0) -> MediaItem:
    """A token for each square of `merge` times `merge` patches, and so many more tokens at ends."""
    tokens = rows * columns
    return MediaItem(tokens + ends, tokens, (tokens * merge**2,))


def at_longest(width: int, height: int, edge: int) -> tuple[int, int]:
    """Width and height of the same shape whose longer side is `edge`; the other is cut to whole pixels, perhaps to
    none."""
    ratio = width / height
    return (edge, int(edge / ratio)) if width >= height else (int(edge * ratio), edge)


def in_bounds(
    sides: Sequence[float], rounded: Sequence[int], step: int, least: int, most: int, frames: int = 1,
    compared: int = 1,
) -> Sequence[int]:
    """The rounded sides, or where the pixels of `compared` frames of them are beyond the bounds, multiples of `step`
    of the same shape that are within for so many frames. Source: Qwen2VLImageProcessor's `smart_resize`."""
    pixels = compared * rounded[0] * rounded[1]
    if pixels > most:
        shrunk = sqrt(frames * sides[0] * sides[1] / most)
        return [max(step, floor(side / shrunk / step) * step) for side in sides]
    if pixels < least:
        enlarged = sqrt(least / (frames * sides[0] * sides[1]))
        return [ceil(side * enlarged / step) * step for side in sides]
    return rounded


def least_enlarged(grids: Sequence[tuple[int, int]], scales: Sequence[float]) -> tuple[int, int]:
    """The first grid of tiles whose scale enlarges a picture least; where all shrink it, the first that does so
    least."""
    enough = [scale for scale in scales if scale >= 1]
    return grids[scales.index(min(enough) if enough else max(scales))]
