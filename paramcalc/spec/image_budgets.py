"""Pictures whose grid of patches is kept between a least and a most number. Sources: the processor classes named with
each rule."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Literal

from paramcalc.components.base import Count, Size
from paramcalc.spec.image_rule import ImageRule, impossible_picture, merged_grid
from paramcalc.spec.media import MediaItem


class Ranged(ImageRule):
    """The grid nearest to the picture's own whose patches are between two bounds, each side then a multiple of merged
    ones. Source: `get_patch_grid_size` of NemotronH_Omni_Reasoning_V3ImageProcessor."""

    kind: Literal["ranged"] = "ranged"
    patch: Size
    merge: Size
    least: Size
    """Patches."""
    most: Size
    around: Count = 0
    """Tokens around all others."""

    def _cut(self, width: int, height: int) -> MediaItem:
        high, wide = (round(side / self.patch + 0.5) for side in (height, width))
        scale = min(sqrt(self.most / (high * wide)), 1.0)
        high, wide = floor(scale * high), floor(scale * wide)
        if high * wide == 0:
            raise impossible_picture(width, height, "is too narrow")
        if self.most > self.least and high * wide < self.least:
            scale = sqrt(self.least / (high * wide))
            high, wide = ceil(scale * high), ceil(scale * wide)
        high = self._rounded(high, wide)
        wide = self._rounded(wide, high)
        tokens = high * wide // self.merge**2
        return MediaItem(tokens + self.around, tokens, (high * wide,))

    def _rounded(self, side: int, other: int) -> int:
        """A side as a multiple of merged patches: the next one, or the last where that makes too many."""
        rest = side % self.merge
        if not rest:
            return side
        enlarged = side + self.merge - rest
        return enlarged if enlarged * other <= self.most else max(self.merge, side - rest)


class Aligned(ImageRule):
    """Sides are filled up to merged patches, the picture made as large, or small, as a number of tokens allows. Source:
    Glm5NextImageProcessor's `smart_resize`."""

    kind: Literal["aligned"] = "aligned"
    patch: Size
    merge: Size
    least: Size
    """Tokens."""
    most: Size

    def _cut(self, width: int, height: int) -> MediaItem:
        step = self.patch * self.merge
        rows, columns = ceil(height / step), ceil(width / step)
        if rows * columns < self.least:
            scale = sqrt(self.least * step**2 / (height * width))
            rows, columns = (ceil(max(1, ceil(side * scale)) / step) for side in (height, width))
        if rows * columns > self.most:
            rows, columns = self._fitting(width, height, step)
        return merged_grid(rows, columns, self.merge)

    def _fitting(self, width: int, height: int, step: int) -> tuple[int, int]:
        """Rows and columns of the tallest picture of the same shape that makes at most so many tokens."""
        low, high, best = 1, height, (1, 1)
        while low <= high:
            middle = (low + high) // 2
            grid = ceil(middle / step), ceil(max(1, floor(width * middle / height)) / step)
            if grid[0] * grid[1] <= self.most:
                low, best = middle + 1, grid
            else:
                high = middle - 1
        return best
