"""How a video becomes tokens: its frames are cut as pictures are, several of them become one."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from paramcalc.components.base import Count, Parsed, Strict
from paramcalc.components.problems import impossible
from paramcalc.spec.image_resizes import Area
from paramcalc.spec.images import parse_rule

if TYPE_CHECKING:
    from paramcalc.spec.image_rule import ImageRule
    from paramcalc.spec.media import MediaItem
else:
    ImageRule = Strict  # pydantic reads annotations; `Parsed` makes it

LARGEST_FRAMES = 2**16


class VideoRule(Strict):
    """A video processor's rule. Sources: Qwen2VLVideoProcessor, Qwen3VLVideoProcessor, InternVLProcessor,
    LlavaOnevisionProcessor, LlavaNextVideoProcessor."""

    kind: Literal["frames"] = "frames"
    processor: str = ""
    """The class whose rule it is."""
    defaults: bool = False
    """The settings are the class's own: no file beside the config says them."""
    frame: Annotated[ImageRule, Parsed(parse_rule, {"type": "object", "required": ["kind"]})]
    """How one of its frames is cut."""
    merged: Annotated[int, Field(ge=1, le=64)] = 1
    """Frames that become one; the last is repeated where some are missing."""
    shared: bool = False
    """The bounds of a frame's pixels are those of all frames together."""
    tokens: Count | None = None
    """Of a frame, where what leads from the tower gives more."""
    ends: Count = 0
    """Tokens that end a video."""

    def cut(self, width: int, height: int, frames: int) -> MediaItem:
        """Tokens and patches of so many frames of this size. Raises PydanticCustomError for no size at all."""
        if not 1 <= frames <= LARGEST_FRAMES or (self.shared and frames < self.merged):
            least = self.merged if self.shared else 1
            raise impossible(f"a video of {frames} frames", f"{least} to {LARGEST_FRAMES:,} frames")
        one, count = self._frame(frames).cut(width, height), ceil(frames / self.merged)
        tokens = one.tokens if self.tokens is None else self.tokens
        return one._replace(tokens=count * tokens + self.ends, projected=count * one.projected,
                            sequences=one.sequences * count, stem=count * one.stem, source=count * one.source,
                            windows=tuple((patches, each * count) for patches, each in one.windows))

    def _frame(self, frames: int) -> ImageRule:
        """The rule of a frame of so many. Source: `smart_resize` of Qwen3VLVideoProcessor, which compares the pixels
        of a rounded number of frames and scales by those there are."""
        if not (self.shared and isinstance(self.frame, Area)):
            return self.frame
        return self.frame.model_copy(update={"frames": frames, "compared": round(frames / self.merged) * self.merged})


def parse_video_rule(value: Any) -> VideoRule:  # noqa: ANN401 - what a document has
    """A rule from a mapping with `kind`."""
    return value if isinstance(value, VideoRule) else VideoRule.model_validate(value)
