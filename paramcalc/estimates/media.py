"""Pictures, videos and recordings beside words: their tokens lengthen the prompt, towers run over them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic_core import PydanticCustomError

from paramcalc.errors import Problem, UsageError
from paramcalc.sizes import NearMissError, near_sides
from paramcalc.spec.media import NO_MEDIA, Media, MediaItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.spec.audio import AudioRule
    from paramcalc.spec.images import ImageRule
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.videos import VideoRule

    Rule = ImageRule | VideoRule | AudioRule

T = TypeVar("T")
SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
VIDEO = re.compile(r"([0-9]{1,6})x([0-9]{1,6})x([0-9]{1,6})")
DURATION = re.compile(r"(?:(?P<h>[0-9]{1,3})h)?(?:(?P<m>[0-9]{1,5}(?:\.[0-9]{1,6})?)m(?:in)?)?"
                      r"(?:(?P<s>[0-9]{1,6}(?:\.[0-9]{1,6})?)s?)?")
SECONDS = {"h": 3600, "m": 60, "s": 1}
NOUNS = {"image": "pictures", "audio": "recordings"}
MOST = 4096
"""Pictures, or recordings, of one sequence."""


class Sized(Protocol):
    """Settings that say pictures, videos and recordings."""

    @property
    def image(self) -> tuple[tuple[int, int], ...]:
        """Width and height of each picture in pixels."""

    @property
    def video(self) -> tuple[tuple[int, int, int], ...]:
        """Width and height of each video in pixels, and its frames."""

    @property
    def audio(self) -> tuple[Fraction, ...]:
        """Duration of each recording in seconds."""

    def changes(self, name: str) -> bool:
        """Whether a field was set to something else than its default."""


def parse_sizes(value: object) -> object:
    """Width and height of each picture: `1366x980`, a pair of numbers, or several of either."""
    several = isinstance(value, list | tuple) and not _is_pair(value)
    return tuple(map(_size, value)) if several else (_size(value),)  # type: ignore[call-overload]  # a sequence here


def _is_pair(value: Sequence[object]) -> bool:
    return len(value) == 2 and all(type(side) is int for side in value)


def _size(value: object) -> tuple[int, int]:
    if isinstance(value, list | tuple) and _is_pair(value):
        return value[0], value[1]
    match = SIZE.fullmatch(str(value))
    if match is None:
        raise NearMissError(f"expected WIDTHxHEIGHT in pixels such as 1366x980, found {str(value)[:40]!r}",
                            near_sides(value, 2))
    return int(match[1]), int(match[2])


def parse_videos(value: object) -> object:
    """Width, height and frames of each video: `1280x720x32`, three numbers, or several of either."""
    several = isinstance(value, list | tuple) and not _is_triple(value)
    return tuple(map(_video, value)) if several else (_video(value),)  # type: ignore[call-overload]  # a sequence here


def _is_triple(value: Sequence[object]) -> bool:
    return len(value) == 3 and all(type(part) is int for part in value)


def _video(value: object) -> tuple[int, int, int]:
    if isinstance(value, list | tuple) and _is_triple(value):
        return value[0], value[1], value[2]
    match = VIDEO.fullmatch(str(value))
    if match is None:
        raise NearMissError(f"expected WIDTHxHEIGHTxFRAMES such as 1280x720x32, found {str(value)[:40]!r}",
                            near_sides(value, 3))
    return int(match[1]), int(match[2]), int(match[3])


def parse_durations(value: object) -> object:
    """Seconds of each recording: `30s`, `1.5m`, `1m30s`, a number of seconds, or several of them."""
    return tuple(map(_seconds, value)) if isinstance(value, list | tuple) else (_seconds(value),)


def _seconds(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    text = str(value).strip()
    match = DURATION.fullmatch(text)
    if isinstance(value, bool) or match is None or not text:
        raise ValueError(f"expected a duration such as 30s or 1m30s, found {text[:40]!r}")
    return sum((Fraction(match[unit]) * scale for unit, scale in SECONDS.items() if match[unit]), Fraction(0))


def media_of(settings: Sized, spec: ModelSpec) -> Media:
    """What the pictures, videos and recordings of settings become for a model. Raises UsageError where nothing says
    how, or a size cannot be."""
    recordings = settings.audio or _padded(settings, spec.audio)
    if not (settings.image or settings.video or recordings):
        return NO_MEDIA
    main = next((option for option, rule in (("image", spec.images), ("audio", spec.audio)) if rule and rule.main), "")
    if main and (name := next((name for name in ("seq", "context", "prompt") if settings.changes(name)), "")):
        raise UsageError(Problem(f"--{name} has no effect with --{main}: the model runs over {NOUNS[main]} alone",
                                 hint=f"leave --{name} out"))
    return Media(cut_images(spec.images, settings.image), cut_videos(spec.videos, settings.video),
                 cut_audio(spec.audio, recordings),
                 (*_notes(spec.images, settings.image, "pictures are cut", "preprocessor_config.json"),
                  *_notes(spec.videos, settings.video, "videos are cut", "video_preprocessor_config.json"),
                  *_notes(spec.audio, settings.audio, "recordings are cut", "preprocessor_config.json"),
                  *_cut_off(spec.audio, settings.audio)), main)


def _padded(settings: Sized, rule: AudioRule | None) -> tuple[Fraction, ...]:
    """What an encoder of recordings that are filled up to one length reads where nobody says how much: all of it."""
    source = getattr(settings, "source", None)  # which some commands have no option for
    if rule is None or not rule.attended or rule.most is None or source is not None:
        return ()
    return (Fraction(rule.most),)


def cut_images(rule: ImageRule | None, sizes: Sequence[tuple[int, int]]) -> tuple[MediaItem, ...]:
    """What pictures of these widths and heights become. Raises UsageError where nothing says how, or a size cannot
    be."""
    if not sizes:
        return ()
    if rule is None:
        raise _unknown("pictures")
    return _each(sizes, "pictures", lambda size: rule.cut(*size))


def cut_videos(rule: VideoRule | None, sizes: Sequence[tuple[int, int, int]]) -> tuple[MediaItem, ...]:
    """What videos of these widths, heights and frames become. Raises UsageError where nothing says how, or a size
    cannot be."""
    if not sizes:
        return ()
    if rule is None:
        raise _unknown("videos")
    return _each(sizes, "videos", lambda size: rule.cut(*size))


def cut_audio(rule: AudioRule | None, durations: Sequence[Fraction]) -> tuple[MediaItem, ...]:
    """What recordings of these seconds become. Raises UsageError where nothing says how, or a length cannot be."""
    if not durations:
        return ()
    if rule is None:
        raise _unknown("recordings")
    from paramcalc.spec.audio import LONGEST

    if sum(durations) > LONGEST:
        raise UsageError(Problem(f"recordings of more than {LONGEST // 3600} hours together", hint="fewer of them"))
    return _each(durations, "recordings", rule.cut)


def _unknown(noun: str) -> UsageError:
    return UsageError(Problem(f"how this model's processor cuts {noun} is not known",
                              hint="give their tokens as text"))


def _each(sizes: Sequence[T], noun: str, convert: Callable[[T], MediaItem]) -> tuple[MediaItem, ...]:
    if len(sizes) > MOST:
        raise UsageError(Problem(f"{len(sizes):,} {noun} are more than {MOST:,}"))
    try:
        return tuple(map(convert, sizes))
    except PydanticCustomError as error:
        raise UsageError(Problem(error.message(), hint=(error.context or {}).get("hint", ""))) from error


def _notes(rule: Rule | None, sizes: Sequence[object], what: str, file: str) -> tuple[str, ...]:
    """That the settings of a processor are those of its class."""
    if rule is None or not sizes or not rule.defaults:
        return ()
    return (f"{what} by the defaults of {rule.processor}: no {file} gives its settings",)


def _cut_off(rule: AudioRule | None, durations: Sequence[Fraction]) -> tuple[str, ...]:
    """That recordings are longer than what is read of them."""
    if rule is None or not any(map(rule.cuts_off, durations)):
        return ()
    return (f"recordings are cut off after {rule.most:,} seconds",)
