"""How a picture becomes tokens: what a processor resizes and cuts it to, by its size in pixels.

Each rule gives the tokens that enter the prompt and the patches a tower runs over. Sources: the processor classes of
transformers named with each rule.
"""

from __future__ import annotations

from abc import abstractmethod
from math import ceil, floor, sqrt
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Listed, Size, Strict
from paramcalc.components.problems import impossible
from paramcalc.spec.media import Cut

Pixels = Annotated[int, Field(ge=1, le=2**31)]
LARGEST_SIDE = 2**16
MOST_TILES = 256
MOST_PINPOINTS = 1024
LARGEST_RESIZED = 4096
"""Of Idefics 3's processor."""


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

    def cut(self, width: int, height: int) -> Cut:
        """Tokens and patches of a picture of this size in pixels. Raises PydanticCustomError for no size at all."""
        if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
            raise impossible(f"a picture of {width} × {height} pixels", f"sides of 1 to {LARGEST_SIDE:,} pixels")
        return self._cut(width, height)._replace(extra=self.extra)

    @abstractmethod
    def _cut(self, width: int, height: int) -> Cut:
        """Tokens and patches of a picture whose size is possible."""


class Square(ImageRule):
    """Any picture is resized to the tower's square. Source: LlavaProcessor, Gemma3Processor, PaliGemmaProcessor."""

    kind: Literal["square"] = "square"
    tokens: Size
    patches: Size

    def _cut(self, width: int, height: int) -> Cut:
        return Cut(self.tokens, self.tokens, (self.patches,))


class Area(ImageRule):
    """Sides become multiples of a merged patch, the area kept within bounds. Source: Qwen2VLImageProcessor's and
    Glm4vImageProcessor's `smart_resize`."""

    kind: Literal["area"] = "area"
    patch: Size
    merge: Size
    min_pixels: Pixels
    max_pixels: Pixels
    frames: Size = 1
    """The bounds are of so many frames."""
    enlarged: bool = False
    """A side below one merged patch is enlarged before anything else."""
    window: Size | None = None
    """Patches of the side of a window some layers attend within."""

    def _cut(self, width: int, height: int) -> Cut:
        factor, high, wide = self.patch * self.merge, height, width
        if self.enlarged and min(high, wide) < factor:
            scale = max(factor / high, factor / wide)
            high, wide = int(high * scale), int(wide * scale)
        if max(high, wide) / min(high, wide) > 200:
            raise impossible(f"a picture of {width} × {height} pixels is more than 200 times as long as wide",
                             "crop it")
        tall, broad = round(high / factor) * factor, round(wide / factor) * factor
        if self.frames * tall * broad > self.max_pixels:
            beta = sqrt(self.frames * high * wide / self.max_pixels)
            tall, broad = (max(factor, floor(side / beta / factor) * factor) for side in (high, wide))
        elif self.frames * tall * broad < self.min_pixels:
            beta = sqrt(self.min_pixels / (self.frames * high * wide))
            tall, broad = (ceil(side * beta / factor) * factor for side in (high, wide))
        rows, columns = tall // self.patch, broad // self.patch
        patches, side = rows * columns, self.window
        windows = tuple((high * wide, down * along) for high, down in _parts(rows, side)
                        for wide, along in _parts(columns, side)) if side else ()
        return Cut(patches // self.merge**2, patches // self.merge**2, (patches,), windows=windows)


def _parts(length: int, size: int) -> list[tuple[int, int]]:
    """Lengths of the parts a side is cut into, each with how many there are; what is left at its end is one more."""
    whole, rest = divmod(length, size)
    return [(part, count) for part, count in ((size, whole), (rest, 1)) if part and count]


class LongestEdge(ImageRule):
    """The longer side is kept below a bound; a token ends each row. Source: PixtralProcessor, LightOnOcrProcessor."""

    kind: Literal["longest_edge"] = "longest_edge"
    patch: Size
    merge: Size = 1
    edge: Size
    row_ends: bool = True
    whole: bool = False
    """Sides become multiples of a patch, what is left of a merged one dropped; else multiples of a merged one."""

    def _cut(self, width: int, height: int) -> Cut:
        ratio, factor = max(width / self.edge, height / self.edge), self.patch * self.merge
        if ratio > 1:
            width, height = floor(width / ratio), floor(height / ratio)
        step = self.patch if self.whole else factor
        rows, columns = (((side - 1) // step + 1) * step // factor for side in (height, width))
        return Cut(rows * (columns + self.row_ends), rows * columns, (rows * columns * self.merge**2,))


class Tiles(ImageRule):
    """The grid of tiles whose shape is nearest, and the whole picture once more. Source: GotOcr2ImageProcessor,
    InternVLProcessor, AyaVisionProcessor; Cohere2VisionImageProcessor chooses by scale."""

    kind: Literal["tiles"] = "tiles"
    tile: Size
    """Pixels of its side."""
    least: Size = 1
    most: Annotated[int, Field(ge=1, le=MOST_TILES)] = 12
    cropped: bool = True
    """False where pictures are only resized to one tile."""
    choice: Literal["shape", "scale"] = "shape"
    tokens_a_tile: Size
    ends: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens that end a tile."""
    around: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens around all tiles."""
    patches: Size
    """Of a tile."""

    def _cut(self, width: int, height: int) -> Cut:
        count = 1
        if self.cropped and self.most > 1:
            columns, rows = self._by_shape(width, height) if self.choice == "shape" else self._by_scale(width, height)
            count += columns * rows if columns * rows > 1 else 0
        tile_tokens = count * self.tokens_a_tile
        return Cut(tile_tokens + count * self.ends + self.around, tile_tokens, (self.patches,) * count)

    def _grids(self) -> list[tuple[int, int]]:
        sides = range(1, self.most + 1)
        grids = [(wide, high) for wide in sides for high in sides if self.least <= wide * high <= self.most]
        return sorted(grids, key=lambda grid: grid[0] * grid[1])

    def _by_shape(self, width: int, height: int) -> tuple[int, int]:
        """Of equally near grids the larger, while the picture fills more than half of it."""
        best, gap = (1, 1), float("inf")
        for grid in self._grids():
            here = abs(width / height - grid[0] / grid[1])
            full = width * height > 0.5 * self.tile**2 * grid[0] * grid[1]
            if here < gap or (here == gap and full):
                best, gap = grid, here
        return best

    def _by_scale(self, width: int, height: int) -> tuple[int, int]:
        """The grid that enlarges least; where all of them shrink, the one that shrinks least."""
        grids = self._grids()
        scales = [min(wide * self.tile / width, high * self.tile / height) for wide, high in grids]
        if max(scales) < 1:
            return grids[scales.index(max(scales))]
        return grids[scales.index(min(scale for scale in scales if scale >= 1))]


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

    def _cut(self, width: int, height: int) -> Cut:
        high, wide = self._best(width, height)
        rows, columns = self.side * (high // self.tile), self.side * (wide // self.tile)
        tiles = 1 + (high // self.tile) * (wide // self.tile)
        tokens = self.side**2 + self.first + self._unpadded(width, height, rows, columns)
        return Cut(tokens, tiles * self.side**2, (self.patches,) * tiles)

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
    tokens_a_tile: Size
    patches: Size
    """Of a tile."""

    def _cut(self, width: int, height: int) -> Cut:
        rows, columns = self._grid(width, height) if self.split else (0, 0)
        tokens = self.tokens_a_tile + 3 + rows * ((self.tokens_a_tile + 2) * columns + 1)
        count = rows * columns + 1
        return Cut(tokens, count * self.tokens_a_tile, (self.patches,) * count)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        ratio = width / height
        if width >= height:
            width, height = self.edge, int(self.edge / ratio)
            height += height % 2
        else:
            width, height = int(self.edge * ratio), self.edge
            width += width % 2
        ratio, width, height = max(width, 1) / max(height, 1), max(width, 1), max(height, 1)
        if max(width, height) > LARGEST_RESIZED:
            width, height = ((LARGEST_RESIZED, max(1, int(LARGEST_RESIZED / ratio))) if width >= height
                             else (max(1, int(LARGEST_RESIZED * ratio)), LARGEST_RESIZED))
        rows, columns = ceil(height / self.tile), ceil(width / self.tile)
        return (rows, columns) if rows > 1 or columns > 1 else (0, 0)


KINDS: dict[str, type[ImageRule]] = {cls.model_fields["kind"].default: cls for cls in (
    Square, Area, LongestEdge, Tiles, AnyResolution, Split)}


def parse_rule(value: object) -> ImageRule:
    """A rule from a mapping with `kind`."""
    if isinstance(value, ImageRule):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise impossible("unknown kind of image rule", f"known: {', '.join(KINDS)}", "kind")
    return KINDS[kind].model_validate(value)
