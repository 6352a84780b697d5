"""What every rule says of pictures: the tokens that enter the prompt and the patches a tower runs over."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Count, Strict
from paramcalc.components.problems import impossible
from paramcalc.spec.media import MediaItem

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
            raise impossible(f"a picture of {width} × {height} pixels", f"sides of 1 to {LARGEST_SIDE:,} pixels")
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
