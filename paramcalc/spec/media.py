"""What pictures, videos and recordings become for a model: tokens of its prompt, and sequences its towers run over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from paramcalc.components.problems import impossible

if TYPE_CHECKING:
    from collections.abc import Mapping


class MediaItem(NamedTuple):
    """What one picture, one video or one recording becomes."""

    tokens: int
    """In the prompt, with those that stand around it and between its rows."""
    projected: int
    """What leads from the tower into the text model runs over so many positions."""
    sequences: tuple[int, ...]
    """Patches or frames of each sequence the tower runs over by itself."""
    extra: int = 0
    """Tokens of the tower's own in each sequence: class token, registers."""
    stem: int = 0
    """Positions the tower's first convolutions compute, where padding makes them more than those of the sequences."""
    stages: tuple[tuple[int, int], ...] = ()
    """Of the tower's first convolutions, one after another: places for each position of the tower, and how many it
    computes in fact, where those are not whole multiples."""
    windows: tuple[tuple[int, int], ...] = ()
    """Patches of windows and how many there are of so many, for layers that attend within windows of two dimensions."""
    apart: int = 1
    """What leads into the text model runs over so many parts of its tokens by themselves, each beside an equal part of
    the tower's positions."""
    filled: int = 0
    """Positions of the tower it reads, where they are filled up to whole parts."""
    source: int = 0
    """Positions it adds to what the text model attends to beside its prompt."""

    @property
    def patches(self) -> int:
        """Patches or frames of all sequences."""
        return sum(self.sequences)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Positions of each sequence, those of the tower's own included."""
        return tuple(patches + self.extra for patches in self.sequences)

    @property
    def read_positions(self) -> int:
        """Positions of the tower that what leads from it into the text model reads."""
        return self.filled or sum(self.lengths)

    @property
    def parts(self) -> tuple[int, ...]:
        """Positions of the tower that each part reads by itself."""
        return (self.read_positions // self.apart,) * self.apart


class Media(NamedTuple):
    """The pictures, videos and recordings of one sequence."""

    images: tuple[MediaItem, ...] = ()
    videos: tuple[MediaItem, ...] = ()
    audio: tuple[MediaItem, ...] = ()
    notes: tuple[str, ...] = ()
    """What has to be said of how they were cut."""
    main: str = ""
    """The stream the model itself runs over, where it is an encoder of pictures or recordings alone."""

    @property
    def tokens(self) -> int:
        """Tokens they add to the prompt."""
        return sum(item.tokens for item in (*self.images, *self.videos, *self.audio))

    @property
    def source(self) -> int:
        """Positions they add to what the text model attends to beside its prompt."""
        return sum(item.source for item in (*self.images, *self.videos, *self.audio))

    def attended(self, source: int | None, usual: int) -> int:
        """Tokens of what the text model attends to beside its prompt: those that are given and those of pictures, or
        `usual` where there are neither."""
        return usual if source is None and not self.source else (source or 0) + self.source

    def sequence(self, words: int) -> int:
        """Tokens of a sequence with so many others; of an encoder alone, all positions it runs over."""
        return sum(self.lengths(self.main)) if self.main else words + self.tokens

    def of(self, stream: str) -> tuple[MediaItem, ...]:
        """What a tower of this stream, or what joins it to the text model, runs over."""
        kind = stream.removesuffix("_tokens")
        return (*self.images, *self.videos) if kind == "image" else self.audio if kind == "audio" else ()

    def lengths(self, stream: str, every: int = 1) -> tuple[int, ...]:
        """Of each sequence that is run over by itself, how long it is: a tower's sequences, or the tokens of each
        picture or recording for what joins it to the text model; where one is left of `every` so many, their number."""
        if stream.endswith("_tokens"):
            return tuple(item.projected // item.apart // every for item in self.of(stream) for _ in range(item.apart))
        if every > 1:  # what patches are merged into has no token of the tower's own
            return tuple(patches // every for item in self.of(stream) for patches in item.sequences)
        return tuple(length for item in self.of(stream) for length in item.lengths)

    def largest_share(self, stream: str, sequences: int, ways: int) -> int:
        """Positions of a tower on the device that gets most where so many devices share out what its `sequences` times
        as many sequences are, longest first; by number, as vLLM and SGLang do."""
        lengths = sorted(self.lengths(stream) * sequences, reverse=True)
        return sum(lengths[: -(-len(lengths) // ways)])

    def summary(self) -> dict[str, list[dict[str, int]]]:
        """Tokens and patches of each, for what an answer assumes; nothing where there are none."""
        cuts = {"images": self.images, "videos": self.videos, "audio": self.audio}
        unit = {"images": "patches", "videos": "patches", "audio": "frames"}
        return {name: [{"tokens": item.tokens, unit[name]: item.patches} for item in each]
                for name, each in cuts.items() if each}


NO_MEDIA = Media()
STREAMS = ("image", "image_tokens", "audio", "audio_tokens")
"""What of a tree runs only where there are pictures or recordings."""
R = TypeVar("R")


def rule_class(value: object, kinds: Mapping[str, type[R]], noun: str) -> type[R]:
    """The class of the rule that a mapping names by `kind`. Raises PydanticCustomError for a kind nobody knows."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise impossible(f"unknown kind of {noun} rule", f"known: {', '.join(kinds)}", "kind")
    return kinds[kind]
