"""`speed`: how fast a model is served, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from paramcalc.answers.answer import Answer, head, hidden
from paramcalc.answers.speed_basis import basis, release_meant, unmeasured
from paramcalc.answers.speed_verify import verify
from paramcalc.catalog.accelerators import Accelerator, accelerators, find_accelerator
from paramcalc.catalog.speed import by_measurement, power_source, speed_class
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.links import Split
from paramcalc.estimates.media import media_of
from paramcalc.estimates.runtimes import profile_of
from paramcalc.estimates.serving import why_not_served
from paramcalc.estimates.speed import Draft, Point, Requests, Speed, cache_dtype
from paramcalc.estimates.step import Host, Served
from paramcalc.estimates.towers import towers_of
from paramcalc.measures.cache import types
from paramcalc.measures.certainty import Certainty, least, of_model, why_bound
from paramcalc.measures.decoding import gives_no_tokens
from paramcalc.numbers import many
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.build import Model
    from paramcalc.estimates.speed_settings import SpeedSettings
    from paramcalc.readers.models import Reading

SIZES = (1, 2, 4, 8, 16)
"""Devices tried for each accelerator by `--all`."""
FIGURES = ("tpot_ms", "ttft_ms", "tokens_per_second", "tokens_per_second_per_user", "tokens_per_second_per_device",
           "usd_per_million_output_tokens", "joules_per_token", "max_concurrency")
BoundBy = Literal["weights", "cache", "flops", "links", "launches"]


class SpeedPoint(NamedTuple):
    """The figures at one number of requests in flight; null where not even one request has room."""

    concurrency: int
    fits: bool
    """Whether all requests have room at their full length; where not, the rest wait in a queue. False where all that is
    known of the model is a lower bound."""
    running: float
    """Requests that run at once."""
    tpot_ms: Figure | None
    ttft_ms: Figure | None
    """Of an idle server."""
    tokens_per_second: Figure | None
    tokens_per_second_per_user: Figure | None
    tokens_per_second_per_device: Figure | None
    bound_by: BoundBy | None
    usd_per_million_output_tokens: Figure | None
    joules_per_token: Figure | None


class DeviceRow(NamedTuple):
    """One accelerator at the first number of requests."""

    gpu: str
    gpus: int
    tpot_ms: Figure
    tokens_per_second: Figure
    tokens_per_second_per_device: Figure
    joules_per_token: Figure | None
    usd_per_million_output_tokens: Figure | None
    basis: str
    measured: bool
    """Whether the class was measured on this device."""


@dataclass(frozen=True, kw_only=True)
class SpeedAnswer(Answer):
    """Time a token, tokens a second, time to the first token, energy and cost, each with its measured range."""

    command: ClassVar[str] = "speed"
    points: tuple[SpeedPoint, ...]
    basis: dict[str, object]
    max_concurrency: int | None = None
    """Requests that all have room at their full length."""
    slo: dict[str, object] | None = None
    """The time a token asked for, and the largest concurrency that keeps it."""
    devices: tuple[DeviceRow, ...] | None = None
    """With `all`."""
    left_out: dict[str, str] | None = None
    """With `all`: accelerators without a row, and why."""
    known: dict[str, Certainty]
    verify: str | None = None
    """A command that measures the same; none for prompts with pictures or recordings."""
    speed: Speed | None = hidden(default=None)
    bound: str = hidden(default="")
    """Why the model's sizes are a lower bound, and with them the times; empty where they are not."""

    @property
    def failed(self) -> bool:
        """Whether nothing asked for has room."""
        return self.devices is None and not any(point.tpot_ms for point in self.points)


def speed(reading: Reading, settings: SpeedSettings) -> SpeedAnswer:
    """Predict the speed of a model that was read. Raises UsageError for one that gives no tokens, or settings that
    cannot be."""
    from paramcalc.estimates.speed_settings import prompt_within_positions

    settings.check()
    start = head(reading)
    if why := gives_no_tokens(start["built"]):
        raise UsageError(Problem(f"the model generates no tokens, so it has no time per token: {why}",
                                 hint="`paramcalc flops` counts what a pass computes, `paramcalc memory` its bytes"))
    spec = start["built"].spec
    settings, start["length"] = prompt_within_positions(settings, spec, media_of(settings, spec))
    predictor = Predictor(start["built"], reading, settings)
    common = {**start, "warnings": (*start["warnings"], *predictor.media.notes),
              "known": dict.fromkeys(FIGURES, predictor.size_certainty()), "bound": predictor.bound}
    if settings.all:
        rows, left_out = predictor.rows()
        return SpeedAnswer(**common, assumptions=predictor.assumptions(), points=(), basis={}, devices=rows,
                           left_out=left_out)
    device = find_accelerator(settings.gpu or "", settings.accelerators)
    predicted = predictor.speed(device, split_of(settings))
    same = None if predictor.media.tokens else verify(reading, settings, predicted)
    slo: dict[str, object] | None = None
    if settings.slo is not None:
        slo = {"tpot_ms": round(settings.slo * 1000, 6), "concurrency": predicted.within(settings.slo)}
    return SpeedAnswer(
        **common, assumptions=predictor.assumptions(predicted), points=tuple(predictor.points(predicted)),
        basis=basis(predicted), max_concurrency=predicted.most_requests, slo=slo, verify=same, speed=predicted)


def split_of(settings: SpeedSettings) -> Split:
    """How the devices share the model: as said, else as the runtime does by itself. Raises
    UsageError where the sizes do not multiply to the number of devices."""
    tp, pp, ep, dp = settings.tp or 1, settings.pp or 1, settings.ep or 1, settings.dp or 1
    if settings.gpus is not None and settings.tp is settings.pp is settings.ep is settings.dp is None:
        tp, pp = _divided(settings.runtime, settings.gpus)
    split = Split(tp, pp, ep, dp)
    if settings.gpus is not None and split.devices != settings.gpus:
        count = many(split.devices, "device")
        raise UsageError(Problem(f"tp {tp}, pp {pp} and dp {dp} make {count}, not {settings.gpus}",
                                 hint="leave --gpus out"))
    return split


def _divided(runtime: str, devices: int) -> tuple[int, int]:
    """Tensor parallel and pipeline parallel size where only the number of devices is said."""
    return (1, devices) if profile_of(runtime).split == "pp" else (devices, 1)


class Predictor:
    """A model with its settings, made ready once for each way to divide it."""

    def __init__(self, model: Model, reading: Reading, settings: SpeedSettings) -> None:
        self.model = in_formats(model, settings.quant, gguf=profile_of(settings.runtime).gguf)
        self.reading, self.settings = reading, settings
        self.media = media_of(settings, model.spec)
        self.requests = Requests(settings.prompt + self.media.tokens, settings.output_tokens)
        self.bound = why_bound(self.model.spec, "weights", "cache", "flops")
        self._served: dict[Split, Served] = {}
        self.kv_dtype = settings.kv_dtype or cache_dtype(settings.runtime, self.model.tree, settings.dtype)

    def size_certainty(self) -> Certainty:
        """How every figure is known: times and energy follow the bytes of weights and of the cache, and FLOPs."""
        weights: tuple[Literal["weights"], ...] = () if self.settings.quant else ("weights",)
        specs = [self.reading.spec]
        if self.settings.draft is not None:
            from paramcalc.readers.models import load

            specs.append(load(self.settings.draft).spec)
        return least(*(of_model(spec, *weights, "cache", "flops", at_best="estimate") for spec in specs))

    def served(self, split: Split) -> Served:
        """The model as these devices share it."""
        if split not in self._served:
            dtype, runtime = self.settings.dtype, self.settings.runtime
            cache_types = types(dtype, self.kv_dtype)
            towers = towers_of(runtime, self.model.spec, self.model.tree, split.tp, self.settings.tower_parallel)
            self._served[split] = Served(self.model.tree, split, cache_types, dtype, runtime, self.media, towers)
        return self._served[split]

    def speed(self, device: Accelerator, split: Split) -> Speed:
        """The model on a device, calibrated where a measurement was given. Raises UsageError for a device or format the
        runtime does not serve or nobody measured."""
        served, settings = self.served(split), self.settings
        why = why_not_served(settings.runtime, self.model.spec, settings.quant, device, settings.release or "")
        if why and settings.measured is None:
            raise UsageError(Problem(why, hint="--runtime, or a format it reads"))
        kind = speed_class(settings.runtime, served.moe, device, settings.release or "")
        if kind is None and settings.measured is None:
            raise unmeasured(settings.runtime, device)
        kind = kind or by_measurement(settings.runtime, device)
        host = self.host(served, device)
        speed = Speed(served, device, kind, settings.runtime, self.requests, self.draft(split), host,
                     utilization=settings.share)
        if settings.measured is not None:
            seconds, requests = settings.measured
            factor = seconds / speed.point(requests).tpot.expected
            speed = Speed(served, device, kind, settings.runtime, self.requests, self.draft(split), host, factor,
                         calibrated=True, utilization=settings.share)
        return speed

    def draft(self, split: Split) -> Draft | None:
        """The draft of speculative decoding under this division of devices; None without one."""
        settings = self.settings
        if settings.draft_tokens is None or settings.acceptance is None:
            return None
        if settings.draft is None:
            return Draft(settings.draft_tokens, settings.acceptance)
        from paramcalc.build import build
        from paramcalc.readers.models import load

        model = in_formats(build(load(settings.draft).spec))
        cache_types = types(settings.dtype, self.kv_dtype)
        served = Served(model.tree, split, cache_types, settings.dtype, settings.runtime)
        return Draft(settings.draft_tokens, settings.acceptance, served)

    def host(self, served: Served, device: Accelerator) -> Host | None:
        """The host's memory, with the share of the weights that has no room on the device; None where nothing is said
        of it. Raises UsageError where the host has no room either."""
        settings = self.settings
        if settings.ram is None or settings.ram_bandwidth is None or device.capacity_bytes is None:
            return None
        speed = Speed(served, device, by_measurement(settings.runtime, device), settings.runtime, self.requests,
                     utilization=settings.share)
        over = speed.longest.fixed + speed.longest.growth - speed.longest.usable
        if over <= 0:
            return None
        if over > settings.ram:
            raise UsageError(Problem(f"{over / 2**30:,.2f} GiB have no room on the device, and --ram has "
                                     f"{settings.ram / 2**30:,.2f}", hint="a smaller --quant"))
        return Host(min(1.0, over / served.weights), settings.ram_bandwidth)

    def points(self, speed: Speed) -> Iterator[SpeedPoint]:
        """Each number of requests asked for."""
        empty = speed.most_requests == 0 and speed.longest.sequences == 0
        for number in self.settings.concurrency:
            yield SpeedPoint(number, False, 0.0, *[None] * 8) if empty else self.point(speed, speed.point(number))

    def point(self, speed: Speed, point: Point) -> SpeedPoint:
        """A point in the units of the answer."""
        rate, price = point.tokens_per_second, self.settings.price
        bound: BoundBy = point.bound_by  # type: ignore[assignment]  # the names of Terms.parts
        return SpeedPoint(
            point.concurrency, point.fits and not self.bound, round(point.running, 3), _ms(point.tpot), _ms(point.ttft),
            _rounded(rate), _rounded(rate.times(1 / point.running)), _rounded(rate.times(1 / speed.devices)), bound,
            dollars(rate, speed.devices, price), _rounded(point.joules_per_token))

    def rows(self) -> tuple[tuple[DeviceRow, ...], dict[str, str]]:
        """Every accelerator the model fits on, the most tokens a second of a device first; and why others are left
        out."""
        rows, left_out = [], {}
        number = self.settings.concurrency[0]
        for device in accelerators(self.settings.accelerators).values():
            try:
                speed = self.smallest(device, number)
            except PCError as error:
                left_out[device.key] = error.problems[0].message
                continue
            if speed is None:
                left_out[device.key] = f"no room on {SIZES[-1]}"
                continue
            point = speed.point(number)
            rate = point.tokens_per_second
            rows.append(DeviceRow(
                device.key, speed.devices, _six(point.tpot.times(1000)), _six(rate),
                _six(rate.times(1 / speed.devices)), _rounded(point.joules_per_token),
                dollars(rate, speed.devices, self.settings.price), speed.kind.name, speed.kind.covers(device)))
        return tuple(sorted(rows, key=lambda row: -row.tokens_per_second.expected / row.gpus)), left_out

    def smallest(self, device: Accelerator, number: int) -> Speed | None:
        """The speed with the fewest devices that have room for so many requests; None where not even the most have.
        Raises the PCError of the largest number where that cannot serve the model."""
        problem: PCError | None = None
        for size in SIZES:
            split = Split(*_divided(self.settings.runtime, size))
            try:
                speed = self.speed(device, split)
            except PCError as error:
                problem = error
                continue
            if speed.most_requests >= number:
                return speed
            problem = None
        if problem is not None:
            raise problem
        return None

    def assumptions(self, speed: Speed | None = None) -> dict[str, object]:
        """Everything that was taken as given."""
        settings = self.settings
        terms: dict[str, object] = {
            "runtime": settings.runtime, "prompt": self.requests.prompt, **self.media.summary(),
            "output": settings.output_tokens, "kv_dtype": self.kv_dtype,
            "dtype": settings.dtype, "quant": settings.quant or "as specified",
            "load": "closed loop: each finished request is followed by another",
            "routing": "experts are chosen evenly and independently"}
        if release := release_meant(settings, (speed.served if speed else self.served(Split())).moe):
            terms["release"] = release
        if speed is not None:
            split = speed.served.split
            terms |= {"gpu": speed.device.name, "gpus": split.devices, "tp": split.tp, "pp": split.pp, "ep": split.ep,
                      "dp": split.dp}
            if speed.served.towers.words:
                terms["towers"] = speed.served.towers.words
            if speed.host is not None:
                terms["weights_in_host_memory"] = round(speed.host.share, 4)
            if speed.kind.ttft is None:
                terms["ttft_ms"] = "not available: the time to first token of this class was not measured"
            else:
                terms["ttft_ms"] = "of an idle server; queueing under load is not modelled"
            terms["power"] = (f"not known{speed.device.why_unknown('power')}" if speed.device.power_watts is None else
                              f"the devices alone, by their load: {power_source()}")
        return terms


def _ms(figure: Figure | None) -> Figure | None:
    return _rounded(figure.times(1000)) if figure else None


def _rounded(figure: Figure | None) -> Figure | None:
    return _six(figure) if figure else None


def _six(figure: Figure) -> Figure:
    """Six significant digits: more would only look exact."""
    return Figure(*(float(f"{value:.6g}") for value in figure))


def dollars(rate: Figure, devices: int, price: float | None) -> Figure | None:
    """USD for a million output tokens at a price an hour of one device; None without a price."""
    return None if price is None else _rounded(rate.over(price * devices / 3600 * 10**6))
