"""How fast a model is served: time a token, tokens a second, time to the first token, as ranges that were measured.

Of B requests in flight each waits for the step of all of them, and for the prompts of the others that come in while it
is answered: `TPOT = step + (B − 1) / answer · prompt`, of which a prompt takes what it adds to a step that it joins.
Requests that memory has no room for wait in a queue, so the step is that of those which run. Time to the first token is
that of an idle server; under load it is queueing, which no model here predicts.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.speed import Constants, Spread, power_shares
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.fit import largest
from paramcalc.estimates.prefill import peak as activation_peak
from paramcalc.estimates.prefill import tower_peak, tower_widths
from paramcalc.estimates.prefill import widths as activation_widths
from paramcalc.estimates.runtimes import Runtime, profile_of
from paramcalc.estimates.speed_settings import MOST_REQUESTS
from paramcalc.estimates.step import Host, Served, arithmetic
from paramcalc.measures.cache import Serving

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.catalog.speed import PowerShare, SpeedClass
    from paramcalc.estimates.step import Terms
    from paramcalc.tree import Node

FIRST_TOKEN = 0.05
"""Seconds from a request's arrival to its prompt's first step and from its last to the client: assumed."""


class Requests(NamedTuple):
    """What each request is."""

    prompt: int
    output: int

    @property
    def mean(self) -> int:
        """Tokens in the cache of one request, on average while it is answered."""
        return self.prompt + self.output // 2


class Draft(NamedTuple):
    """Tokens guessed ahead and checked in one step."""

    tokens: int
    acceptance: float
    """Tokens a step gives, the one that is always right among them."""
    model: Served | None = None
    """What guesses; None for heads of the model itself, whose own time is not counted."""


class Room(NamedTuple):
    """What fits on one device."""

    usable: int
    fixed: float
    """Bytes held whatever the requests."""
    growth: float
    """Bytes of one more request of that length."""

    @property
    def sequences(self) -> int:
        """Requests one device has room for; `MOST_REQUESTS` where they hold nothing."""
        free_bytes = self.usable - self.fixed
        if free_bytes < 0:
            return 0
        return int(free_bytes // self.growth) if self.growth else MOST_REQUESTS


class Point(NamedTuple):
    """One number of requests in flight."""

    concurrency: int
    fits: bool
    running: float
    """Requests of which there is room for the cache at once; the others wait."""
    tpot: Figure
    ttft: Figure | None
    tokens_per_second: Figure
    bound_by: str
    joules_per_token: Figure | None


class Speed:
    """A served model on devices of one kind: asked for at any number of requests."""

    def __init__(self, served: Served, device: Accelerator, kind: SpeedClass, runtime: str, requests: Requests,
                 draft: Draft | None = None, host: Host | None = None, measured: float = 1.0,
                 calibrated: bool = False, utilization: tuple[int, int] | None = None) -> None:
        self.utilization = utilization
        self.served, self.device, self.kind, self.requests = served, device, kind, requests
        self.draft, self.host, self.factor = draft, host, measured
        self.runtime = Runtime(runtime)
        self.spread = kind.within if calibrated else kind.spread(device)
        self.devices = served.split.devices
        self.constants: Constants = kind.constants
        self.longest = self.room(requests.prompt + requests.output)
        self.mean = self.room(requests.mean)
        self.filling = served.fill(device, requests.prompt, host)

    def with_requests(self, requests: Requests) -> Speed:
        """A model of speed with other requests."""
        other = copy(self)
        other.requests = requests
        other.longest, other.mean = self.room(requests.prompt + requests.output), self.room(requests.mean)
        other.filling = self.served.fill(self.device, requests.prompt, self.host)
        return other

    def room(self, context: int) -> Room:
        """Room for requests that hold so many tokens each, on one device. Raises UsageError where nobody knows its
        memory."""
        served, runtime, profile = self.served, self.runtime, self.runtime.profile
        capacity = self.device.capacity_bytes
        if capacity is None:
            raise UsageError(Problem(f"the memory of {self.device.name} is not known"))
        numerator, denominator = self.utilization or profile.utilization
        loads = (Serving(context, batch, 0) for batch in (1, 2))
        one, two = (runtime.cache(served.kinds, load, served.cache_types).bytes for load in loads)
        growth = (two - one) / served.split.pp
        load = Serving(context, 1, 0)
        alive = activation_peak(activation_widths(served.mine), runtime.chunk(load), runtime.logit_rows(load),
                                profile.compute_bytes, runtime.score_keys(load), runtime.mask(served.kinds, load),
                                runtime.copied(load))
        ways = served.split.tp if served.towers.parallel == "data" else 1
        alive = max(alive, tower_peak(tower_widths(served.mine), served.media, 1, profile.compute_bytes, ways))
        weights = served.weights * (1 - self.host.share if self.host else 1)
        fixed = weights + one / served.split.pp - growth + alive + profile.context_bytes
        return Room(min(capacity, capacity * numerator // denominator + profile.graph_bytes), fixed, growth)

    @property
    def most_requests(self) -> int:
        """The largest number of requests that all have room, each at its full length."""
        return self.longest.sequences * self.served.split.dp

    def point(self, concurrency: int) -> Point:
        """The figures at so many requests in flight."""
        running = max(1.0, float(min(concurrency, self.mean.sequences * self.served.split.dp)))
        step = self.step(running)
        seconds = self.seconds(step, running)
        tpot = spread(seconds, self.spread)
        ttft = self.kind.ttft
        first = (self.filling.seconds(self.constants) + self.constants.prompt + FIRST_TOKEN) * self.factor
        throughput = tpot.over(running)
        parts = step.parts(self.constants)
        return Point(concurrency, concurrency <= self.most_requests, running, tpot,
                     spread(first, ttft) if ttft else None, throughput, max(parts, key=lambda name: parts[name]),
                     self.joules(running, throughput))

    def step(self, running: float) -> Terms:
        """One step of the requests that run."""
        ahead = self.draft.tokens + 1 if self.draft else 1
        return self.served.decode(self.device, running, self.requests.mean, ahead, self.host)

    def seconds(self, step: Terms, running: float) -> float:
        """Mean time between a request's tokens."""
        decoding = step.seconds(self.constants)
        advance = self.draft.acceptance if self.draft else 1.0
        if self.draft and self.draft.model:
            guess = self.draft.model.decode(self.device, running, self.requests.mean)
            decoding += self.draft.tokens * guess.seconds(self.constants)
        split = self.served.split
        others = max(0.0, running / split.dp - 1) / self.requests.output
        joined = step.joined(self.filling, others * advance, self.constants) / split.pp
        return (decoding / advance + others * joined) * self.factor

    def joules(self, running: float, throughput: Figure) -> Figure | None:
        """Joules an output token costs on all devices; None where their power is not known."""
        if self.device.power_watts is None:
            return None
        share = power_share(running / self.served.split.dp)
        watts = self.devices * self.device.power_watts
        return Figure(watts * share.low / throughput.high, watts * share.expected / throughput.expected,
                      watts * share.high / throughput.low)

    def within(self, seconds: float) -> int:
        """The largest number of requests, all with room, whose expected time a token is no longer; 0 for none."""
        most = self.most_requests
        return largest(lambda requests: self.point(requests).tpot.expected <= seconds, most) if most else 0


def cache_dtype(runtime: str, tree: Node, dtype: str) -> str:
    """What a runtime keeps keys and values in when nothing is said. TensorRT-LLM's checkpoints of FP8 and FP4 weights
    say FP8 (`kv_cache_quant_algo` of the published Llama 3.1 and DeepSeek ones), those of gpt-oss in MXFP4 nothing."""
    profile = profile_of(runtime)
    if profile.kv_dtype is not None:
        return profile.kv_dtype
    formats = {tensor.format.name for node in tree.nodes() for tensor in node.tensors if tensor.format}
    few_bits = any(arithmetic(name, dtype) in ("fp8", "fp4") and not name.startswith("mxfp4") for name in formats)
    return profile.kv_dtype_of_few_bits or dtype if few_bits else dtype


def power_share(sequences: float) -> PowerShare:
    """Power drawn at so many sequences on one replica."""
    shares = power_shares()
    return next((share for share in shares if sequences <= share.sequences), shares[-1])


def spread(value: float, by: Spread) -> Figure:
    """A value with its range."""
    return Figure(value * by.low, value * by.middle, value * by.high)
