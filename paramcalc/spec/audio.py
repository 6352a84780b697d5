"""How a recording becomes tokens: frames of its spectrogram, windows they are cut into, what a tower leaves of them.

Each rule gives the tokens that enter the prompt and the frames a tower runs over. Sources: the feature extractor and
processor classes of transformers 5.24.0 named with each rule.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from math import ceil, prod
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Count, Listed, Size, Strict
from paramcalc.components.problems import impossible
from paramcalc.spec.media import MediaItem, rule_class

LONGEST = 24 * 3600
"""Seconds of a recording."""
MOST_FRAMES = 2**24


class AudioRule(Strict):
    """A feature extractor's and processor's rule."""

    kind: str
    processor: str = ""
    """The class whose rule it is."""
    defaults: bool = False
    """The settings are the class's own: no file beside the config says them."""
    rate: Size = 16_000
    """Samples of a second."""
    hop: Size = 160
    """Samples from one frame to the next."""
    most: Size | None = None
    """Seconds after which a recording is cut off."""
    main: bool = False
    """The model is an encoder by itself: recordings are its sequences, and there is no prompt beside them."""
    attended: bool = False
    """What it makes is the input of the model's encoder, none of the prompt's tokens."""

    def cut(self, seconds: Fraction) -> MediaItem:
        """Tokens and frames of a recording. Raises PydanticCustomError for no length at all."""
        if not 0 < seconds <= LONGEST:
            raise impossible(f"a recording of {float(seconds):g} seconds", f"more than 0, at most {LONGEST:,} seconds")
        if seconds * self.rate > MOST_FRAMES * self.hop:
            raise impossible(f"a recording of {float(seconds):g} seconds makes more than {MOST_FRAMES:,} frames",
                             "a shorter one, or a longer hop_length")
        samples = int(min(seconds, Fraction(self.most or LONGEST)) * self.rate)
        item = self._cut(samples)
        if item.tokens < 1:
            raise impossible(f"a recording of {float(seconds):g} seconds is too short to make a token",
                             "a longer one")
        return item._replace(tokens=0, source=item.tokens) if self.attended else item

    def cuts_off(self, seconds: Fraction) -> bool:
        """Whether the recording's end is dropped."""
        return self.most is not None and seconds > self.most

    @abstractmethod
    def _cut(self, samples: int) -> MediaItem:
        """Tokens and frames of so many samples."""

    def _frames(self, samples: int) -> int:
        """Frames that begin within the samples: what a mask of samples leaves when every hop is taken."""
        return ceil(samples / self.hop)


def halved(frames: int, times: int = 1) -> int:
    """What convolutions of kernel 3, stride 2 and padding 1 leave of so many frames."""
    for _ in range(times):
        frames = (frames - 1) // 2 + 1
    return frames


class Windows(AudioRule):
    """Windows of equal length, the last one padded, each of which a Whisper encoder runs over whole. Source:
    WhisperFeatureExtractor with Qwen2AudioProcessor, AudioFlamingo3Processor, GlmAsrProcessor, VoxtralProcessor,
    MossTranscribeDiarizeProcessor."""

    kind: Literal["windows"] = "windows"
    window: Size = 30
    """Seconds."""
    merge: Size = 2
    """Positions of the encoder that become one token."""
    count: Literal["frames", "windows", "each"] = "frames"
    """Whose frames make tokens: those of the recording, rounded down at its end; all of its windows, padding included;
    or those of each window, rounded up."""
    around: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens around all others."""

    def _cut(self, samples: int) -> MediaItem:
        length = self.window * self.rate
        windows = max(1, ceil(samples / length))
        positions = halved(length // self.hop)
        sizes = [min(length, samples - index * length) for index in range(windows)]
        if self.count == "frames":
            tokens = halved(sum(map(self._frames, sizes))) // self.merge
        elif self.count == "each":
            tokens = sum(ceil(halved(self._frames(size)) / self.merge) for size in sizes)
        else:
            tokens = windows * positions // self.merge
        return MediaItem(tokens + self.around, windows * positions // self.merge, (positions,) * windows)


class Chunks(AudioRule):
    """Chunks of frames, each through the convolutions by itself; the encoder attends within so many of them. Source:
    Qwen2_5OmniProcessor, Qwen3OmniMoeProcessor, Qwen3ASRProcessor."""

    kind: Literal["chunks"] = "chunks"
    chunk: Size
    """Frames."""
    halvings: Annotated[int, Field(ge=1, le=8)] = 1
    """Convolutions that halve them."""
    together: Size = 1
    """Chunks that attend to each other."""
    merge: Size = 1
    """Positions of the encoder that become one token."""
    least: Count = 0
    """Samples a recording is filled up to."""

    def _cut(self, samples: int) -> MediaItem:
        full, rest = divmod(self._frames(max(samples, self.least)), self.chunk)
        each, last = halved(self.chunk, self.halvings), halved(rest, self.halvings)
        groups, extra = divmod(full, self.together)
        tail = extra * each + last
        sequences = (self.together * each,) * groups + ((tail,) if tail else ())
        tokens = (full * each + last) // self.merge
        chunks, frames = (full + bool(rest), self.chunk) if full else (1, rest)
        stages = tuple((2 ** (self.halvings - times), chunks * halved(frames, times))
                       for times in range(1, self.halvings + 1))
        return MediaItem(tokens, tokens, sequences, stem=stages[-1][1], stages=stages)


class Queried(AudioRule):
    """Pairs of frames, a window of which is read by a few queries. Source: GraniteSpeechFeatureExtractor."""

    kind: Literal["queried"] = "queried"
    stacked: Size = 2
    """Frames of one position of the encoder."""
    window: Size = 15
    """Positions."""
    queries: Size = 3
    """Tokens of a window."""

    def _cut(self, samples: int) -> MediaItem:
        positions = (samples // self.hop + 1) // self.stacked
        windows = ceil(positions / self.window)
        tokens = windows * self.queries
        return MediaItem(tokens, tokens, (positions,) if positions else (), apart=max(1, windows),
                         filled=windows * self.window)


class Subsampled(AudioRule):
    """Convolutions that halve the frames, then at most so many tokens. Source: Gemma4Processor,
    Phi4MultimodalFeatureExtractor."""

    kind: Literal["subsampled"] = "subsampled"
    frame: Size
    """Samples of a frame."""
    lead: Count = 0
    """Silent samples before the first."""
    halvings: Annotated[int, Field(ge=1, le=8)] = 2
    merge: Size = 1
    """Positions of the encoder that become one token, rounded up."""
    limit: Size | None = None
    """Tokens at most."""
    fixed: Size | None = None
    """As many tokens whatever the recording."""
    padded: Size = 1
    """Samples are filled up to a multiple of so many before the encoder, but make no tokens."""

    def _cut(self, samples: int) -> MediaItem:
        positions = halved(self._of(samples), self.halvings)
        run = halved(self._of(ceil(samples / self.padded) * self.padded), self.halvings)
        tokens = ceil(positions / self.merge) if self.fixed is None else self.fixed
        tokens = tokens if self.limit is None else min(tokens, self.limit)
        return MediaItem(tokens, tokens, (run,) if run else ())

    def _of(self, samples: int) -> int:
        """Frames that lie whole within the samples."""
        return max(0, (samples + self.lead - self.frame) // self.hop + 1)


class Convolved(AudioRule):
    """Convolutions over the samples themselves. Source: Wav2Vec2Model's `_get_feat_extract_output_lengths`."""

    kind: Literal["convolved"] = "convolved"
    kernels: Listed[Size] = Field(max_length=64)
    strides: Listed[Size] = Field(max_length=64)

    def _cut(self, samples: int) -> MediaItem:
        frames, lengths = samples, []
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            frames = max(0, (frames - kernel) // stride + 1)
            lengths.append(frames)
        stages = tuple((prod(self.strides[index + 1:]), places) for index, places in enumerate(lengths))
        return MediaItem(frames, frames, (frames,) if frames else (), stages=stages)


class Steps(AudioRule):
    """So many samples a position, the last one filled up. Source: VibeVoiceProcessor, VibeVoiceAsrProcessor,
    MuseSparkProcessor."""

    kind: Literal["steps"] = "steps"
    step: Size
    """Samples."""
    around: Annotated[int, Field(ge=0, le=64)] = 0
    """Tokens around all others."""

    def _cut(self, samples: int) -> MediaItem:
        positions = ceil(samples / self.step)
        return MediaItem(positions + self.around, positions, (positions,) if positions else ())


class Undescribed(AudioRule):
    """Recordings are read, but nothing here says how they are cut."""

    kind: Literal["undescribed"] = "undescribed"
    what: Annotated[str, Field(min_length=1, max_length=200)]
    """The processor."""

    def _cut(self, samples: int) -> MediaItem:
        raise impossible(f"how {self.what} cuts a recording is not described", "give its tokens as text")


KINDS: dict[str, type[AudioRule]] = {cls.model_fields["kind"].default: cls for cls in (
    Windows, Chunks, Queried, Subsampled, Convolved, Steps, Undescribed)}


def parse_audio_rule(value: object) -> AudioRule:
    """A rule from a mapping with `kind`. Raises PydanticCustomError for a kind nobody knows."""
    return value if isinstance(value, AudioRule) else rule_class(value, KINDS, "audio").model_validate(value)
