"""Pictures that stay whole: what a processor resizes them to. Sources: the processor classes named with each rule."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Count, Size
from paramcalc.spec.image_rule import ImageRule, Pixels, at_longest, impossible_picture, in_bounds, merged_grid
from paramcalc.spec.media import MediaItem


class Square(ImageRule):
    """Any picture is resized to the tower's square. Source: LlavaProcessor, Gemma3Processor, PaliGemmaProcessor."""

    kind: Literal["square"] = "square"
    tokens: Count
    """None where pictures are compared with the text, or attended to, rather than put into it."""
    around: Count = 0
    """Tokens around them."""
    patches: Size

    def _cut(self, width: int, height: int) -> MediaItem:
        return MediaItem(self.tokens + self.around, self.tokens or self.source, (self.patches,))


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
    compared: Size | None = None
    """Frames whose pixels are compared with the bounds, where those that are scaled are others."""
    enlarged: bool = False
    """A side below one merged patch is enlarged before anything else."""
    rounded: bool = False
    """It is enlarged to a rounded length, a short height before a short width. Source: PaddleOCRVLImageProcessor."""
    window: Size | None = None
    """Patches of the side of a window some layers attend within."""
    row_ends: bool = False
    """A token ends each row."""
    around: Count = 0
    """Tokens around all others."""

    def _cut(self, width: int, height: int) -> MediaItem:
        factor = self.patch * self.merge
        high, wide = self._enlarged(width, height, factor) if self.enlarged else (height, width)
        if max(high, wide) / min(high, wide) > 200:
            raise impossible_picture(width, height, "is more than 200 times as long as wide")
        rounded = [round(side / factor) * factor for side in (high, wide)]
        tall, broad = in_bounds((high, wide), rounded, factor, self.min_pixels, self.max_pixels, self.frames,
                                self.compared or self.frames)
        rows, columns = tall // self.patch, broad // self.patch
        patches, side = rows * columns, self.window
        windows = tuple((high * wide, down * along) for high, down in _parts(rows, side)
                        for wide, along in _parts(columns, side)) if side else ()
        merged = patches // self.merge**2
        ends = self.around + self.row_ends * (rows // self.merge)
        return MediaItem(merged + ends, merged, (patches,), windows=windows)

    def _enlarged(self, width: int, height: int, factor: int) -> tuple[int, int]:
        """Height and width, neither below one merged patch."""
        if self.rounded:
            if height < factor:
                height, width = factor, round(width * factor / height)
            return (round(height * factor / width), factor) if width < factor else (height, width)
        scale = max(factor / height, factor / width, 1)
        return (height, width) if scale == 1 else (int(height * scale), int(width * scale))


def _parts(length: int, size: int) -> list[tuple[int, int]]:
    """Lengths of the parts a side is cut into, each with how many there are; what is left at its end is one more."""
    full, rest = divmod(length, size)
    return [(part, count) for part, count in ((size, full), (rest, 1)) if part and count]


class LongestEdge(ImageRule):
    """The longer side is kept below a bound; a token ends each row. Source: PixtralProcessor, LightOnOcrProcessor."""

    kind: Literal["longest_edge"] = "longest_edge"
    patch: Size
    merge: Size = 1
    edge: Size
    row_ends: bool = True
    patch_multiples: bool = False
    """Sides become multiples of a patch, what is left of a merged one dropped after the tower; else multiples of a
    merged one."""

    def _cut(self, width: int, height: int) -> MediaItem:
        ratio, factor = max(1, width / self.edge, height / self.edge), self.patch * self.merge
        step = self.patch if self.patch_multiples else factor
        tall, broad = (((floor(side / ratio) - 1) // step + 1) * step for side in (height, width))
        rows, columns = tall // factor, broad // factor
        if rows * columns == 0:
            raise impossible_picture(width, height, "makes no token")
        patches = (tall // self.patch) * (broad // self.patch)
        return MediaItem(rows * (columns + self.row_ends), rows * columns, (patches,))


class Budget(ImageRule):
    """The largest picture of its shape that makes at most so many tokens; the tower runs over as many patches at any
    rate. Source: Gemma4ImageProcessor's `get_aspect_ratio_preserving_size` and `pad_along_first_dim`."""

    kind: Literal["budget"] = "budget"
    patch: Size
    merge: Size
    """Patches of the side of a square that become one token."""
    most: Annotated[int, Field(ge=1, le=2**16)]
    """Tokens."""

    def _cut(self, width: int, height: int) -> MediaItem:
        step = self.patch * self.merge
        scale = sqrt(self.most * step**2 / (width * height))
        rows, columns = floor(scale * height / step), floor(scale * width / step)
        if rows == 0:
            rows, columns = 1, min(width // height, self.most)
        elif columns == 0:
            rows, columns = min(height // width, self.most), 1
        if rows * columns == 0:
            raise impossible_picture(width, height, "makes no token", "allow more tokens")
        return MediaItem(rows * columns, rows * columns, (self.most * self.merge**2,))


class Rounded(ImageRule):
    """A grid of merged patches whose shape is nearest to the picture's, which is only ever made smaller. Source:
    MuseGlimmerImageProcessor's `smart_resize`."""

    kind: Literal["rounded"] = "rounded"
    patch: Size
    merge: Size
    most: Size
    """Tokens."""
    around: Count = 0
    """Tokens around them."""

    def _cut(self, width: int, height: int) -> MediaItem:
        step = self.patch * self.merge
        high, wide = height / step, width / step
        if high * wide > self.most:
            ratio = wide / high
            high = (self.most / ratio) ** 0.5
            wide = high * ratio
        among = {(rows, columns) for rows in (floor(high), ceil(high)) for columns in (floor(wide), ceil(wide))
                 if rows >= 1 and columns >= 1 and rows * columns <= self.most}
        rows, columns = min(among or {(max(1, round(high)), max(1, round(wide)))},
                            key=lambda grid: abs(grid[0] / grid[1] - height / width))
        return merged_grid(rows, columns, self.merge, self.around)


class Filled(ImageRule):
    """A picture as it is, filled up to whole patches; made smaller, or larger, before it where bounds say so. Source:
    InklingImageProcessor, Inkling2ImageProcessor, FuyuImageProcessor."""

    kind: Literal["filled"] = "filled"
    patch: Size
    scale: Annotated[float, Field(gt=0, le=2**8)] = 1.0
    """Of its sides."""
    longest: Size | None = None
    """Pixels a longer side is enlarged to at most."""
    bounds: Annotated[tuple[Size, Size], Field(strict=False)] | None = None
    """Height and width a larger picture is made to fit in."""
    merge: Size = 1
    """Patches the tower has for each side of a token."""
    spare: bool = False
    """One more column where whole patches fill the width."""
    row_ends: bool = False
    """A token ends each row."""

    def _cut(self, width: int, height: int) -> MediaItem:
        long = max(width, height)
        target = long * self.scale
        if self.longest is not None:
            target = min(target, max(self.longest, long))
        if target != long:
            width, height = (max(1, floor(side * (target / long) + 0.5)) for side in (width, height))
        if self.bounds and (height > self.bounds[0] or width > self.bounds[1]):
            fit = min(self.bounds[0] / height, self.bounds[1] / width)
            width, height = max(1, int(width * fit)), max(1, int(height * fit))
        rows = ceil(height / self.patch)
        columns = width // self.patch + 1 if self.spare else ceil(width / self.patch)
        return merged_grid(rows, columns, self.merge, self.row_ends * rows)


class Padded(ImageRule):
    """A picture is only ever made smaller, then filled up to whole merged patches. Source: Kimi_K25ImageProcessor's
    `navit_resize`; Kimi-VL's `rescale`."""

    kind: Literal["padded"] = "padded"
    patch: Size
    merge: Size
    most: Size
    """Patches."""
    side: Size
    """Patches of a side."""
    refused: bool = False
    """A longer side is refused rather than made smaller."""

    def _cut(self, width: int, height: int) -> MediaItem:
        count = max(1.0, height // self.patch) * max(1.0, width // self.patch)
        longest, factor = self.side * self.patch, self.patch * self.merge
        scale = min(1.0, sqrt(self.most / count), *(() if self.refused else (longest / height, longest / width)))
        sides = [max(1, int(side * scale)) for side in (height, width)]
        rows, columns = (ceil((side if self.refused else min(side, longest)) / factor) for side in sides)
        if self.refused and max(rows, columns) * self.merge > self.side:
            raise impossible_picture(width, height, f"has a side of more than {self.side:,} patches")
        return merged_grid(rows, columns, self.merge)


class Bounded(ImageRule):
    """Both sides are kept between bounds; a resampler reads as many tokens from any picture. Source:
    Idefics2ImageProcessor, Idefics2Processor."""

    kind: Literal["bounded"] = "bounded"
    patch: Size
    shortest: Size
    longest: Size
    tokens_a_picture: Size
    split: bool = False
    """Into four quarters beside the whole; all are filled up to the largest of them."""

    def _cut(self, width: int, height: int) -> MediaItem:
        pictures = [(width, height)]
        if self.split:
            pictures += [(wide, high) for wide in (width // 2, width - width // 2)
                         for high in (height // 2, height - height // 2)]
        sizes = [self._resized(max(1, wide), max(1, high)) for wide, high in pictures]
        patches = (max(wide for wide, _ in sizes) // self.patch) * (max(high for _, high in sizes) // self.patch)
        count = len(pictures)
        latents = count * self.tokens_a_picture
        return MediaItem(latents + count + 1, latents, (patches,) * count, apart=count)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if max(width, height) > self.longest:
            width, height = at_longest(width, height, self.longest)
        return max(width, self.shortest), max(height, self.shortest)
