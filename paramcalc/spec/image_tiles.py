"""Pictures that are cut into tiles, each of which a tower runs over by itself. Sources: the processor classes named
with each rule."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Listed, Size
from paramcalc.spec.image_rule import ImageRule, at_longest, impossible_picture, least_enlarged
from paramcalc.spec.media import MediaItem

MOST_TILES = 256
MOST_PINPOINTS = 1024
LARGEST_RESIZED = 4096
"""Of Idefics 3's processor."""
LONGEST_RATIO = 2**16
LEAST_SIDE = 10
"""Pixels of a resized side below which Phi-4-multimodal's processor refuses a picture."""


class Tiles(ImageRule):
    """The grid of tiles whose shape is nearest, and the whole picture once more. Source: GotOcr2ImageProcessor,
    InternVLProcessor, AyaVisionProcessor; Cohere2VisionImageProcessor and Llama4ImageProcessor choose by scale."""

    kind: Literal["tiles"] = "tiles"
    tile: Size
    """Pixels of its side."""
    least: Size = 1
    most: Annotated[int, Field(ge=1, le=MOST_TILES)] = 12
    cropped: bool = True
    """False where pictures are only resized to one tile."""
    choice: Literal["shape", "scale", "largest"] = "shape"
    tokens_a_tile: Size
    ends: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens that end a tile."""
    around: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens around all tiles."""
    patches: Size
    """Of a tile."""

    def _cut(self, width: int, height: int) -> MediaItem:
        count = 1
        if self.cropped and self.most > 1:
            columns, rows = self._grid(width, height)
            count += columns * rows if columns * rows > 1 else 0
        tile_tokens = count * self.tokens_a_tile
        return MediaItem(tile_tokens + count * self.ends + self.around, tile_tokens, (self.patches,) * count)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        among = grids(self.least, self.most)
        return nearest_shape(width, height, among, self.tile) if self.choice == "shape" else self._by_scale(
            width, height, among)

    def _by_scale(self, width: int, height: int, among: list[tuple[int, int]]) -> tuple[int, int]:
        """The grid that enlarges least; where all of them shrink, or the largest is wanted, the one of the largest
        scale; the smallest of several."""
        scales = [min(wide * self.tile / width, high * self.tile / height) for wide, high in among]
        if self.choice == "largest":
            return among[scales.index(max(scales))]
        return least_enlarged(among, scales)


class Views(ImageRule):
    """A picture as a whole, and tiles of the grid whose shape is nearest where it is longer than one. Source:
    DeepseekOcr2ImageProcessor, UnlimitedOcrImageProcessor, and their processors."""

    kind: Literal["views"] = "views"
    tile: Size
    """Pixels of its side."""
    least: Size
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    """Tiles."""
    cropped: bool = True
    side: Size
    """Pixels of the side of the picture as a whole."""
    overview_side: Size
    """Tokens of the side of the picture as a whole."""
    tile_side: Size
    """Tokens of a tile's side."""
    overview_patches: Size
    tile_patches: Size
    row_ends: bool = False
    """A token ends each row, of all tiles together."""

    def _cut(self, width: int, height: int) -> MediaItem:
        if round(min(width, height) * self.side / max(width, height)) == 0:
            raise impossible_picture(width, height, "is too narrow")
        columns, rows = 0, 0
        if self.cropped and max(width, height) > self.tile:
            columns, rows = nearest_shape(width, height, grids(self.least, self.most), self.tile)
        tokens = self.overview_side**2 + rows * columns * self.tile_side**2
        ends = self.row_ends * (self.overview_side + rows * self.tile_side)
        return MediaItem(tokens + ends + 1, tokens, (self.overview_patches,) + (self.tile_patches,) * (rows * columns))


class AnyResolution(ImageRule):
    """The resolution that wastes least of a list; padding is cut off again, and a token ends each row. Source:
    LlavaNextProcessor, LlavaOnevisionProcessor."""

    kind: Literal["any_resolution"] = "any_resolution"
    pinpoints: Annotated[Listed[Annotated[tuple[Size, Size], Field(strict=False)]],
                         Field(max_length=MOST_PINPOINTS)]
    """Height and width of each."""
    tile: Size
    """Pixels of the tower's side."""
    side: Size
    """Patches of the tower's side that become tokens."""
    first: int = 0
    """Tokens of the tower besides its patches that the whole picture keeps."""
    patches: Size
    """Of a tile, those besides pixels included."""
    most: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Tokens beyond so many tiles' are averaged away."""

    def _cut(self, width: int, height: int) -> MediaItem:
        high, wide = self._best(width, height)
        rows, columns = self.side * (high // self.tile), self.side * (wide // self.tile)
        tiles = 1 + (high // self.tile) * (wide // self.tile)
        tokens = self.side**2 + self.first + self._unpadded(width, height, rows, columns)
        return MediaItem(tokens, tiles * self.side**2, (self.patches,) * tiles)

    def _best(self, width: int, height: int) -> tuple[int, int]:
        def use(point: tuple[int, int]) -> tuple[int, int]:
            scale = min(point[1] / width, point[0] / height)
            useful = min(int(width * scale) * int(height * scale), width * height)
            return useful, useful - point[0] * point[1]

        return max(self.pinpoints, key=use)

    def _unpadded(self, width: int, height: int, rows: int, columns: int) -> int:
        if width / height > columns / rows:
            rows -= 2 * ((rows - int(round(height * (columns / width), 7))) // 2)
        else:
            columns -= 2 * ((columns - int(round(width * (rows / height), 7))) // 2)
        if self.most is not None:
            ratio = sqrt(rows * columns / (self.most * self.side**2))
            if ratio > 1.1:
                rows, columns = int(rows // ratio), int(columns // ratio)
        return rows * columns + rows


class Split(ImageRule):
    """The longer side is resized, the picture split in squares, each with its own place in words. Source:
    Idefics3Processor, SmolVLMProcessor."""

    kind: Literal["split"] = "split"
    edge: Size
    tile: Size
    split: bool = True
    resized: bool = True
    """False where the longer side stays as it is."""
    tokens_a_tile: Size
    patches: Size
    """Of a tile."""

    def _cut(self, width: int, height: int) -> MediaItem:
        rows, columns = self._grid(width, height) if self.split else (0, 0)
        tokens = self.tokens_a_tile + 3 + rows * ((self.tokens_a_tile + 2) * columns + 1)
        count = rows * columns + 1
        return MediaItem(tokens, count * self.tokens_a_tile, (self.patches,) * count)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        width, height = self._resized(width, height) if self.resized else (width, height)
        ratio, long = width / height, ceil(max(width, height) / self.tile)
        other = int(long * self.tile / ratio) if width >= height else int(long * self.tile * ratio)
        short = ceil(other / self.tile)
        rows, columns = (short, long) if width >= height else (long, short)
        return (rows, columns) if rows > 1 or columns > 1 else (0, 0)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """The longer side as long as an edge, and within the processor's bound."""
        wide = width >= height
        width, height = at_longest(width, height, self.edge)
        width, height = (width, height + height % 2) if wide else (width + width % 2, height)
        width, height = max(1, width), max(1, height)
        if max(width, height) > LARGEST_RESIZED:
            width, height = at_longest(width, height, LARGEST_RESIZED)
        return max(1, width), max(1, height)


class Scanned(ImageRule):
    """A long picture once whole and once cut across into crops. The words between them are not counted. Source:
    Gemma3ImageProcessor's `pan_and_scan_batched`, Gemma3Processor."""

    kind: Literal["scanned"] = "scanned"
    tokens_a_crop: Size
    patches: Size
    """Of a crop."""
    least: Size
    """Pixels of a side of a crop."""
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]
    """Crops."""
    ratio: Annotated[float, Field(gt=0, le=LONGEST_RATIO)]
    """How many times as long as wide a picture is that is cut."""

    def _cut(self, width: int, height: int) -> MediaItem:
        long, short = max(width, height), min(width, height)
        crops = min(self.most, max(2, min(long // self.least, floor(long / short + 0.5))))
        if long / short < self.ratio or min(ceil(long / crops), short) < self.least:
            crops = 0
        tokens = (1 + crops) * self.tokens_a_crop
        return MediaItem(tokens, tokens, (self.patches,) * (1 + crops))


class Crops(ImageRule):
    """Squares as many as the picture covers, or the grid of the nearest shape where those are too many; rows of padding
    become no tokens, and a token ends each row. Source: Phi4MultimodalImageProcessor."""

    kind: Literal["crops"] = "crops"
    tile: Size
    """Pixels of its side."""
    patch: Size
    most: Annotated[int, Field(ge=1, le=MOST_TILES)]

    def _cut(self, width: int, height: int) -> MediaItem:
        columns, rows = ceil(width / self.tile), ceil(height / self.tile)
        if columns * rows > self.most:
            columns, rows = nearest_shape(width, height, grids(1, self.most), self.tile)
        wide, high = columns * self.tile, rows * self.tile
        padding = (0, high - int(height * wide / width)) if wide / width < high / height else (
            wide - int(width * high / height), 0)
        if min(wide - padding[0], high - padding[1]) < LEAST_SIDE:
            raise impossible_picture(width, height, "is too narrow")
        side, tiles = self.tile // self.patch, columns * rows + 1
        across, down = (self._every_other(count * side - blank // self.patch, side)
                        for count, blank in zip((columns, rows), padding, strict=True))
        half = ceil(side / 2)
        tokens = half * (half + 1) + 1 + down * (across + 1)
        return MediaItem(tokens, tokens, (side**2,) * tiles)

    def _every_other(self, length: int, side: int) -> int:
        """Of so many patches in a row, those at even places of their square."""
        full, rest = divmod(length, side)
        return full * ceil(side / 2) + ceil(rest / 2)


def grids(least: int, most: int) -> list[tuple[int, int]]:
    """Columns and rows of between so many tiles, the fewest first."""
    sides = range(1, most + 1)
    return sorted(((wide, high) for wide in sides for high in range(1, most // wide + 1) if least <= wide * high),
                  key=lambda grid: grid[0] * grid[1])


def nearest_shape(width: int, height: int, among: list[tuple[int, int]], tile: int) -> tuple[int, int]:
    """Columns and rows: of equally near grids the larger, while the picture fills more than half of it."""
    best, gap = (1, 1), float("inf")
    for grid in among:
        here = abs(width / height - grid[0] / grid[1])
        full = width * height > 0.5 * tile**2 * grid[0] * grid[1]
        if here < gap or (here == gap and full):
            best, gap = grid, here
    return best
