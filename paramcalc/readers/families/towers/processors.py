"""What the files of processors beside a config say: preprocessor_config.json and processor_config.json.

The older file holds the settings of the image processor or the feature extractor, and of the video processor where it
has no video_preprocessor_config.json; the newer one those of the processor itself and, under a key each, of its parts
(transformers 5.24.0, processing_utils.py, video_processing_utils.py).
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.readers.beside import PROCESSORS
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.towers.composite import nested

if TYPE_CHECKING:
    from collections.abc import Mapping

    Data = dict[str, Any]

OLD, VIDEO, NEW = PROCESSORS


class Beside(NamedTuple):
    """Settings of a processor and its parts; empty where no file says them."""

    image: Data = {}  # noqa: RUF012 - a tuple's field
    video: Data = {}  # noqa: RUF012
    audio: Data = {}  # noqa: RUF012
    processor: Data = {}  # noqa: RUF012

    @classmethod
    def of(cls, files: Mapping[str, Data]) -> Beside:
        """What these files hold, by name; the newer goes first."""
        old, new = files.get(OLD, {}), files.get(NEW, {})
        image = new.get("image_processor")
        audio = new.get("feature_extractor", new.get("audio_processor"))
        video = new.get("video_processor")
        return cls(image if isinstance(image, dict) else old,
                   video if isinstance(video, dict) else files.get(VIDEO) or old,
                   audio if isinstance(audio, dict) else old, new)


NOTHING = Beside()


class UnreadSettingError(Exception):
    """A setting of a processor that changes what it does in a way nothing here describes."""


class Processed:
    """A composite config and what stands beside it about its processor."""

    def __init__(self, config: Config, beside: Beside) -> None:
        self.config = config
        self.image, self.video, self.audio, self.processor = (
            Config(data, FamilyData({}, {}, ()), config.model_type) for data in beside)

    def within(self, config: Config) -> Processed:
        """The same about a model this one is made of."""
        inner = copy(self)
        inner.config = config
        return inner

    @property
    def thinker(self) -> Config:
        """What has the towers: a part of a model that speaks too, or the model."""
        if "thinker_config" not in {*self.config.data, *self.config.family.defaults}:
            return self.config
        return nested(self.config, "thinker_config", f"{self.config.model_type}_thinker")

    def tower(self, usual: str) -> Config:
        """The vision tower's config."""
        return nested(self.thinker, "vision_config", usual)

    def ears(self, usual: str) -> Config:
        """The audio tower's config."""
        return nested(self.thinker, "audio_config", usual)

    def size(self, *keys: str) -> int | None:
        """The first of these sizes the image processor's file says: `size.height`, or a plain number."""
        return _size(self.image, keys)

    def side(self) -> tuple[int, int] | None:
        """Height and width of the square the image processor's file makes of any picture; None where it says none."""
        cropped = self.image.flag("do_center_crop", default=True)
        pairs = [[_size(self.image, (f"{key}.{way}",)) for way in ("height", "width")]
                 for key in (("crop_size", "size") if cropped else ("size",))]
        return next(((high, wide) for high, wide in pairs if high and wide), None)

    def of_video(self, *keys: str) -> int | None:
        """The first of these sizes the video processor's file says."""
        return _size(self.video, keys)

    def sound(self, key: str, usual: int) -> int:
        """A size the feature extractor's file says, or its class's default."""
        return _size(self.audio, (key,)) or usual

    @property
    def rate(self) -> int:
        """Samples of a second."""
        return self.sound("sampling_rate", 16_000)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.sound("hop_length", 160)

    def own(self, key: str, usual: int) -> int:
        """A size the processor's own file says, or its class's default."""
        return _size(self.processor, (key,)) or usual


def _size(config: Config, keys: tuple[str, ...]) -> int | None:
    for key in keys:
        first, _, inner = key.partition(".")
        value = config.get(first)
        value = value.get(inner) if inner and isinstance(value, dict) else None if inner else value
        if type(value) is int and value > 0:
            return value
    return None
