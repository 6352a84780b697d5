"""Pictures that are cut into slices whose sizes follow the picture's. Sources: the processor classes named with each
rule."""

from __future__ import annotations

from math import ceil, log, sqrt
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Count, Size
from paramcalc.spec.image_rule import ImageRule, impossible_picture, in_bounds, least_enlarged
from paramcalc.spec.image_tiles import MOST_TILES, grids, nearest_shape
from paramcalc.spec.media import MediaItem

NUMBER = 3
"""Tokens of the number of one of the first ten pictures, and of what stands around it. Source: MiniCPMV4_6Processor."""
COVERED = 0.9
"""Of a picture's area: what tiles have to cover. Source: Ovis2ImageProcessor."""


class Slices(ImageRule):
    """A picture scaled to the area of one slice, and slices of the grid whose shape is nearest to it. Source:
    MiniCPMV4_6ImageProcessor, MiniCPMV4_6Processor."""

    kind: Literal["slices"] = "slices"
    side: Size
    """Pixels of the side of a square with the area of a slice."""
    patch: Size
    merge: Size
    """Patches of the side of a square that become one token."""
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    """Slices."""
    numbered: bool = True
    """A number stands before a picture."""

    def _cut(self, width: int, height: int) -> MediaItem:
        rows, columns = self._grid(width, height)
        sequences = [self._patches(width, height, enlarged=not rows)]
        if rows:
            fit = [max(round(length / count) * count, count) / count
                   for length, count in ((width, columns), (height, rows))]
            sequences += [self._patches(*fit, enlarged=True)] * (rows * columns)
        tokens = sum(patches // self.merge**2 for patches in sequences)
        ends = 2 * (1 + rows * columns) + max(0, rows - 1) + self.numbered * NUMBER
        return MediaItem(tokens + ends, tokens, tuple(sequences))

    def _patches(self, width: float, height: float, *, enlarged: bool) -> int:
        """Of a picture that is scaled to the area of a slice where it is larger, or smaller and to be `enlarged`."""
        if enlarged or width * height > self.side**2:
            ratio = width / height
            height = int(self.side / sqrt(ratio))
            width = int(height * ratio)
        step = self.patch * self.merge
        high, wide = (max(round(length / step) * self.merge, self.merge) for length in (height, width))
        return high * wide

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns; none where one slice is enough."""
        count = min(ceil(width * height / self.side**2), self.most)
        best, least = (0, 0), float("inf")
        if count <= 1:
            return best
        for number in (count - 1, count, count + 1):
            if number == 1 or number > self.most:
                continue
            for rows in (rows for rows in range(1, number + 1) if number % rows == 0):
                gap = abs(log(width / height) - log(number / rows / rows))
                if gap < least or (gap == least and rows > best[0]):
                    best, least = (rows, number // rows), gap
        return best if least < float("inf") else (1, 1)


class Mosaic(ImageRule):
    """Tiles where a picture is large, and the whole of it within bounds; the tower runs over as many patches of each.
    Source: Lfm2VlImageProcessor, Lfm2VlProcessor."""

    kind: Literal["mosaic"] = "mosaic"
    tile: Size
    """Pixels of its side."""
    patch: Size
    merge: Size
    least: Size
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    """Tiles."""
    least_tokens: Size
    """Of the whole picture."""
    most_tokens: Size
    tolerance: Annotated[float, Field(gt=0, le=2**16)]
    """How many times as many pixels as those of its most tokens a picture has that is cut."""
    split: bool = True
    overview: bool = True
    """The picture as a whole beside its tiles."""

    def _cut(self, width: int, height: int) -> MediaItem:
        step = self.patch * self.merge
        area = max(self.patch, round(height / step) * step) * max(self.patch, round(width / step) * step)
        large = area > self.most_tokens * step**2 * self.tolerance
        columns, rows = 1, 1
        if large and self.split and self.most > 1:
            columns, rows = nearest_shape(width, height, grids(self.least, self.most), self.tile)
        overall, side = self._overall(width, height), ceil(self.tile // self.patch / self.merge)
        count = rows * columns
        if count > 1 and self.overview and overall > self.most_tokens:
            raise impossible_picture(width, height, "is too narrow")
        most = max(self.most_tokens * self.merge**2, (self.tile // self.patch) ** 2 if self.split else 0)
        if count == 1:
            return MediaItem(overall + 2, overall, (max(most, overall * self.merge**2),))
        tokens = count * side**2 + self.overview * overall
        return MediaItem(tokens + count + self.overview + 2, tokens, (most,) * (count + self.overview))

    def _overall(self, width: int, height: int) -> int:
        """Tokens of the picture as a whole."""
        step = self.patch * self.merge
        least, most = self.least_tokens * step**2, self.most_tokens * step**2
        rounded = [max(step, round(side / step) * step) for side in (height, width)]
        tall, broad = in_bounds((height, width), rounded, step, least, most)
        return (tall // step) * (broad // step)


class Covering(ImageRule):
    """The fewest tiles that keep most of the picture's area as it is, and the whole picture before them. Source:
    Ovis2ImageProcessor's `get_min_tile_covering_grid`, Ovis2Processor."""

    kind: Literal["covering"] = "covering"
    tile: Size
    """Pixels of its side."""
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    cropped: bool = True
    """False where pictures are only resized to one tile."""
    tokens_a_tile: Size
    patches: Size
    """Of a tile."""

    def _cut(self, width: int, height: int) -> MediaItem:
        columns, rows = self._grid(width, height) if self.cropped and self.most > 1 else (1, 1)
        count = 1 + (columns * rows if columns * rows > 1 else 0)
        tokens, between = count * self.tokens_a_tile, rows * (columns - 1) + rows - 1
        return MediaItem(tokens + between + 3, tokens, (self.patches,) * count)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        shares = [(grid, self._share(width, height, *grid)) for grid in grids(1, self.most)]
        enough = [(grid, share) for grid, share in shares if share > COVERED]
        if enough:
            return min(enough, key=lambda pair: (pair[0][0] * pair[0][1], -pair[1]))[0]
        return min(shares, key=lambda pair: (-pair[1], pair[0][0] * pair[0][1]))[0]

    def _share(self, width: int, height: int, columns: int, rows: int) -> float:
        """Of the picture's area, what so many tiles hold without making it smaller. Its sides are read as the
        processor reads them: rows of its width, columns of its height."""
        area = 0.0
        for down in _lengths(height, columns):
            for across in _lengths(width, rows):
                long, short = max(down, across), min(down, across)
                area += self.tile * (short / long * self.tile) if long > self.tile else long * short
        return area / (width * height)


def _lengths(length: int, count: int) -> list[int]:
    """A side in so many parts, the last of which is what is left."""
    part = length // count
    return [part] * (count - 1) + [length - part * (count - 1)]


class Overlapping(ImageRule):
    """Crops that overlap and the whole picture, patches of both pooled; a token begins and ends each, one ends each
    row. Source: Molmo2ImageProcessor, Molmo2Processor."""

    kind: Literal["overlapping"] = "overlapping"
    crop: Size
    """Pixels of its side."""
    patch: Size
    margin: Count
    """Patches of a crop that overlap others, of both sides together."""
    pool: Annotated[tuple[Size, Size], Field(strict=False)]
    """Patches that become one token, down and across."""
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    """Crops."""
    row_ends: bool = True
    overview_row_ends: bool = True
    """In the picture as a whole."""

    def _cut(self, width: int, height: int) -> MediaItem:
        side, rim = self.crop // self.patch, self.margin * self.patch
        inner = side - self.margin
        rows, columns = self._grid(width - rim, height - rim, inner * self.patch)
        high, wide = (ceil((count * inner + self.margin) / pool)
                      for count, pool in zip((rows, columns), self.pool, strict=True))
        tall, broad = (ceil(side / pool) for pool in self.pool)
        tokens = high * wide + tall * broad
        ends = 4 + self.row_ends * high + self.overview_row_ends * tall
        sequences = (side**2,) * (rows * columns + 1)
        return MediaItem(tokens + ends, tokens, sequences, filled=tokens * self.pool[0] * self.pool[1])

    def _grid(self, width: int, height: int, step: int) -> tuple[int, int]:
        """Rows and columns that enlarge a picture least; where all shrink it, those that do so least."""
        among = sorted(((high, wide) for wide, high in grids(1, self.most)), key=lambda grid: (grid[0] * grid[1], grid))
        scales = [min(high * step / height, wide * step / width) if height and width else float("inf")
                  for high, wide in among]
        return least_enlarged(among, scales)
