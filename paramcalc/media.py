"""What a Python program asks about pictures and sound: how many tokens they become.

A model is whatever describes one, as in `paramcalc.api`. Every function raises PCError for what cannot be read or be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.arguments import checked
from paramcalc.readers.sources import spec_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.estimates.settings import AudioLengths
    from paramcalc.readers.sources import Source
    from paramcalc.spec.media import MediaItem


@checked(images=tuple[tuple[int, int], ...])
def cut_images(model: Source, images: Sequence[tuple[int, int]]) -> tuple[MediaItem, ...]:
    """What pictures of these widths and heights in pixels become: tokens in the prompt, patches in the tower.

    By the rule of the model's processor, with the settings of a preprocessor_config.json beside a config.json, else the
    defaults of its class. Raises UsageError where the model has no such rule or a size cannot be.
    """
    from paramcalc.estimates.media import cut_images as convert

    return convert(spec_of(model).images, images)


def cut_audio(model: Source, audio: AudioLengths) -> tuple[MediaItem, ...]:
    """What recordings of these lengths (`"30s"`, a number of seconds) become: tokens in the prompt, frames in a tower.

    By the rule of the model's feature extractor, as for pictures. Raises UsageError where the model has no such rule or
    a length cannot be.
    """
    from paramcalc.estimates.media import cut_audio as convert
    from paramcalc.estimates.settings import FlopsSettings

    return convert(spec_of(model).audio, FlopsSettings.of({"audio": audio}).audio)
