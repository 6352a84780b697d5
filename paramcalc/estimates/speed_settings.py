"""The settings of serving speed: requests, devices, what is already known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypedDict

from pydantic import AfterValidator, BeforeValidator, Field

from paramcalc.catalog.speed import release_numbers
from paramcalc.defaults import SERVING, TowerParallel
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import Length, beyond_positions
from paramcalc.estimates.runtimes import PLACING, ServingRuntime
from paramcalc.estimates.settings import (
    AUDIO,
    IMAGE,
    TOWER_PARALLEL,
    VIDEO,
    AudioLengths,
    DeviceSettings,
    Durations,
    Images,
    ImageSizes,
    Videos,
    VideoSizes,
)
from paramcalc.settings import DTYPE, EP, PP, TP, Devices, Stages, Tokens, option
from paramcalc.sizes import MEMORY_UNITS, NearMissError, parse_memory, parse_tokens

if TYPE_CHECKING:
    from paramcalc.spec.media import Media
    from paramcalc.spec.model import ModelSpec

ALONE = ("gpu", "gpus", "tp", "pp", "ep", "dp", "tower_parallel", "slo", "measured", "ram")
"""Settings of one machine."""
MOST_REQUESTS = 2**16
MOST_POINTS = 1000
TIME = re.compile(r"(?:tpot=)?([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)")
RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(GB|TB)/?s?", re.IGNORECASE)


def _numbers(value: object) -> object:
    """`1,8,64`, one number, or a sequence of them."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else (value,)
    if len(parts) > MOST_POINTS:
        raise ValueError(f"{len(parts):,} numbers are more than {MOST_POINTS:,}")
    numbers = tuple(parse_tokens(part) for part in parts)
    if max(numbers, default=0) > MOST_REQUESTS:
        raise ValueError(f"{max(numbers):,} requests are more than {MOST_REQUESTS:,}")
    return numbers


def seconds(value: object) -> object:
    """Seconds that `30ms`, `tpot=30ms`, `0.03s` or a number say. Raises ValueError for what is no time."""
    match = TIME.fullmatch(str(value).strip()) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, float | int) and not isinstance(value, bool):
            return float(value)
        bare = re.fullmatch(r"(?:tpot=)?([1-9][0-9]{0,5})", str(value).strip())
        raise NearMissError(f"expected a time such as tpot=30ms, found {str(value)[:40]!r}",
                            f"tpot={bare[1]}ms" if bare else "")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


class Measurement(NamedTuple):
    """Seconds a token at so many requests in flight."""

    seconds: float
    requests: int


def _measured(value: object) -> object:
    """`tpot=12.5ms@8`: seconds and the requests in flight."""
    if isinstance(value, tuple):
        return value
    time, at, requests = str(value).partition("@")
    if not at:
        raise ValueError(f"{str(value)[:40]!r} does not say at how many requests, such as tpot=12.5ms@8")
    if not float(str(seconds(time))) > 0:
        raise ValueError(f"the time must be greater than 0, found {time[:40]!r}")
    return Measurement(float(str(seconds(time))), parse_tokens(requests))


def _rate(value: object) -> object:
    match = RATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"expected a bandwidth such as 80GB/s, found {str(value)[:40]!r}")
    return int(float(match[1]) * MEMORY_UNITS[match[2].lower()])


def _release(value: str) -> str:
    release_numbers(value)
    return value


Positive = Annotated[float, Field(gt=0, le=1e6)]


class SpeedSettings(DeviceSettings):
    """What is served, by what, on what, and for which requests."""

    runtime: ServingRuntime = option("vllm", "Serving runtime.")
    release: Annotated[str, AfterValidator(_release)] | None = option(
        None, "Release of the runtime, such as 0.11; the newest measured release when not given.")
    dtype: str = option(SERVING.dtype, DTYPE)
    quant: str | None = option(SERVING.quant, "Number format or GGUF mix of the weights: fp8_block, awq, q4_k_m, none.")
    kv_dtype: str | None = option(
        SERVING.kv_dtype, "Number format of the KV cache; the runtime's default when not given.", metavar="D[,D]")
    gpus: Devices | None = option(
        SERVING.gpus, "Number of devices; used for tensor parallelism when no parallel size is given.")
    tp: Devices | None = option(SERVING.tp, TP)
    pp: Stages | None = option(SERVING.pp, PP)
    ep: Devices | None = option(SERVING.ep, EP)
    dp: Devices | None = option(
        SERVING.dp, "Data parallel size: number of replicas; they share experts if --ep is larger than --tp.")
    tower_parallel: TowerParallel | None = option(SERVING.tower_parallel, TOWER_PARALLEL)
    prompt: Tokens = option(1024, "Prompt length in tokens.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO
    output_tokens: Tokens = option(512, "Output length in tokens.", "--output", metavar="TOKENS")
    concurrency: Annotated[tuple[int, ...], BeforeValidator(_numbers), Field(min_length=1)] = option(
        (1, 8, 64), "Number of requests in flight; several numbers make a curve.", metavar="N[,…]")
    slo: Annotated[float, BeforeValidator(seconds), Field(gt=0, le=1000)] | None = option(
        None, "Limit on the time per output token; adds the largest concurrency that meets it.", metavar="tpot=TIME")
    measured: Annotated[Measurement, BeforeValidator(_measured)] | None = option(
        None, "Your own measurement, to which all times are scaled: tpot=12.5ms@8.", metavar="tpot=TIME@N")
    price: Positive | None = option(None, "Price of one device in USD per hour.", metavar="USD")
    draft: str | None = option(None, "Draft MODEL for speculative decoding.", metavar="MODEL")
    draft_tokens: Annotated[int, Field(ge=1, le=64)] | None = option(
        None, "Number of tokens to draft in each step, by --draft or by heads of the model itself.")
    acceptance: Annotated[float, Field(ge=1, le=65)] | None = option(
        None, "Mean number of tokens that a step with --draft-tokens yields, including the one that is always "
              "accepted.", metavar="TOKENS")
    ram: Annotated[int, BeforeValidator(parse_memory)] | None = option(
        None, "Host memory for weights that do not fit on the device: 64GiB.", metavar="SIZE")
    ram_bandwidth: Annotated[int, BeforeValidator(_rate)] | None = option(
        None, "Bandwidth of the host memory: 80GB/s.", metavar="RATE")
    all: bool = option(False, "Show a row for every accelerator, with as many devices as the model needs.")

    def check(self) -> None:
        """Raise UsageError for settings that have no effect alone."""
        pairs = (("draft", "draft_tokens"), ("draft_tokens", "acceptance"), ("acceptance", "draft_tokens"),
                 ("ram_bandwidth", "ram"), ("ram", "ram_bandwidth"))
        for name, other in pairs:
            if getattr(self, name) is not None and getattr(self, other) is None:
                raise UsageError(Problem(f"--{name.replace('_', '-')} needs --{other.replace('_', '-')}"))
        if self.draft_tokens and self.acceptance and self.acceptance > self.draft_tokens + 1:
            raise UsageError(Problem(f"--acceptance {self.acceptance:g} is more than --draft-tokens "
                                     f"{self.draft_tokens} and the token that is always right"))
        if self.ram is not None and self.runtime != PLACING:
            raise UsageError(Problem(f"--ram has no effect with --runtime {self.runtime}", hint=f"--runtime {PLACING}"))
        if self.all:
            lonely = [name for name in ALONE if self.is_set(name)]
            if lonely:
                raise UsageError(Problem(f"--{lonely[0]} has no effect with --all", hint="leave one of the two out"))
        elif self.gpu is None:
            raise UsageError(Problem("no accelerator given",
                                     hint="--gpu h100, or --all for every one of them"))


def prompt_within_positions(settings: SpeedSettings, spec: ModelSpec, media: Media) -> tuple[SpeedSettings, Length]:
    """The settings, a prompt nobody said cut so that it and its answer have positions, and what to say."""
    answer, beside, positions = settings.output_tokens, media.tokens, spec.max_position_embeddings
    length = beyond_positions(spec, "a prompt with its answer", settings.prompt + beside + answer)
    room = (positions or 0) - answer - beside
    if not length.note or settings.is_set("prompt") or room < 1:
        return settings, length
    note = f"prompt {room:,}: with its answer as many tokens as the model has positions for"
    return settings.model_copy(update={"prompt": room}), Length(note)


class SpeedKeywords(TypedDict, total=False):
    """`SpeedSettings` without `gpu`, as keyword arguments; `output` is its `output_tokens`."""

    runtime: ServingRuntime
    release: str | None
    dtype: str
    quant: str | None
    kv_dtype: str | None
    gpus: int | None
    tp: int | None
    pp: int | None
    ep: int | None
    dp: int | None
    tower_parallel: TowerParallel | None
    prompt: int | str
    image: ImageSizes
    video: VideoSizes
    audio: AudioLengths
    output: int | str
    concurrency: int | str | Sequence[int]
    slo: float | str | None
    measured: str | tuple[float, int] | None
    price: float | None
    draft: str | None
    draft_tokens: int | None
    acceptance: float | None
    ram: str | None
    ram_bandwidth: str | None
    all: bool
    gpu_memory_utilization: float | str | None
    accelerators: Path | None
