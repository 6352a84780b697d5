"""Does it run, how far would it go, what would help: whole numbers, found by bisection of the same memory function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.runtimes import server
from paramcalc.errors import PCError
from paramcalc.estimates.inference import Memory, Prepared, Setup, memory
from paramcalc.measures.cache import Serving
from paramcalc.spec.media import NO_MEDIA, Media

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.machine import Machine

MOST_TOKENS = 2**30
MOST_BATCH = 2**20
STRIDE = 2**17
"""Tokens over which the growth of a cache is taken to guess the largest context: windows are full long before."""
MORE_DEVICES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 72)
SHARED = "shared"
"""Kind of a device whose memory is a computer's own: there is no second one to add."""


class Fit(NamedTuple):
    """The answer for one device, or several of one kind, at one load."""

    serving: Serving
    needed: int
    """Bytes of the fullest device."""
    usable: int
    """Bytes of one device."""
    devices: int
    max_context: int
    """At this batch; `MOST_TOKENS` where nothing grows."""
    max_batch: int
    """At this context."""

    @property
    def fits(self) -> bool:
        """Whether the fullest device has room."""
        return self.needed <= self.usable

    @property
    def capacity(self) -> int:
        """Usable bytes of all devices."""
        return self.devices * self.usable

    @property
    def headroom(self) -> int:
        """What is left on the fullest device, times the devices; negative where it does not fit."""
        return self.devices * (self.usable - self.needed)


class Remedy(NamedTuple):
    """A change that would make it fit."""

    option: str
    """As it would be typed: `--quant q4_k_m`."""
    needed: int
    """Bytes of the fullest device then."""


class Need:
    """Bytes of the fullest device at a load, asked for often and worked out once."""

    def __init__(self, prepared: Prepared, source: int | None = None, media: Media = NO_MEDIA) -> None:
        self.prepared, self.source, self.media = prepared, source, media
        self._bytes: dict[tuple[int, int], int] = {}
        self._memories: dict[Serving, Memory] = {}

    def __call__(self, context: int, batch: int) -> int:
        """At that context and batch."""
        key = (context, batch)
        if key not in self._bytes:
            self._bytes[key] = self.prepared.most(self.serving(context, batch))
        return self._bytes[key]

    def memory(self, serving: Serving) -> Memory:
        """The parts of what a load needs."""
        if serving not in self._memories:
            self._memories[serving] = memory(self.prepared, serving)
        return self._memories[serving]

    def serving(self, context: int, batch: int) -> Serving:
        """The load of so many sequences of so many tokens, those of pictures and recordings among them."""
        return Serving(context, batch, self.source, self.media)


def fit(need: Need, machine: Machine, context: int, batch: int) -> Fit:
    """Whether it fits, the largest context at this batch and the largest batch at this context."""
    return fits(need, machine, [context], batch)[0]


def fits(need: Need, machine: Machine, contexts: Sequence[int], batch: int) -> list[Fit]:
    """For each context: whether it fits and the largest batch; and the largest context at this batch.

    Tokens of pictures and recordings are among those of a context, and of the largest.
    """
    room, devices = machine.usable, need.prepared.devices
    beside = need.media.tokens
    least, many = need(1 + beside, batch), need(1 + STRIDE + beside, batch)
    near = 1 + (room - least) * STRIDE // max(many - least, 1)
    near = _nearer(lambda tokens: need(tokens + beside, batch), room, least, near, MOST_TOKENS)
    words = largest(lambda tokens: need(tokens + beside, batch) <= room, MOST_TOKENS, near)
    longest = words + beside if words else 0

    def one(context: int) -> Fit:
        least = need(context, 1)
        near = 1 + (room - least) // max(need(context, 2) - least, 1) if least <= room else 1
        near = _nearer(lambda sequences: need(context, sequences), room, least, near, MOST_BATCH)
        most = largest(lambda sequences: need(context, sequences) <= room, MOST_BATCH, near)
        return Fit(need.serving(context, batch), need(context, batch), room, devices, longest, most)

    return [one(context) for context in contexts]


def _nearer(needed: Callable[[int], int], room: int, least: int, near: int, limit: int) -> int:
    """A better guess of the largest number there is room for: what is needed at `near` says how it grows to there."""
    near = min(max(near, 1), limit)
    grown = needed(near) - least if near > 1 else 0
    return min(max(1 + (room - least) * (near - 1) // grown, 1), limit) if grown > 0 else near


def largest(holds: Callable[[int], bool], limit: int, near: int = 1) -> int:
    """The largest number of things (tokens, requests) up to `limit` for which it holds, 0 for none; what holds must
    hold for all below.

    It is looked for around `near`, ever further away, so that a good guess costs few questions.
    """
    if not holds(1):
        return 0
    low, high, step = 1, limit + 1, 1
    near = min(max(near, 1), limit)
    if near == 1 or holds(near):
        low = near
        while low + step <= limit and holds(low + step):
            low, step = low + step, 2 * step
        high = min(low + step, limit + 1)
    else:
        high = near
        while high - step > 1 and not holds(high - step):
            high, step = high - step, 2 * step
        low = max(high - step, 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def remedies(model: Model, need: Need, machine: Machine, fit: Fit) -> list[Remedy]:
    """What would make it fit, one of each kind: a smaller format that is read on the device, a smaller cache, fewer
    tokens, more devices where they are not a computer each."""
    setup, serving, device, runtime = need.prepared.setup, fit.serving, machine.device, need.prepared.runtime
    facts = server(runtime.name)
    smaller = [(f"--quant {name}", setup._replace(quant=name)) for name in runtime.profile.smaller
               if facts is None or not facts.why_not(name, device)]
    more = [] if device.kind == SHARED else _more_devices(setup, need.prepared.devices)
    tried = [_first(model, need, machine, serving, smaller), _shorter(need, machine, fit),
             _first(model, need, machine, serving, more)]
    return [remedy for remedy in tried if remedy is not None]


def _shorter(need: Need, machine: Machine, fit: Fit) -> Remedy | None:
    if fit.max_context:
        beside = fit.max_context - need.media.tokens
        return Remedy(f"--context {beside}", need(fit.max_context, fit.serving.batch))
    if fit.max_batch:
        return Remedy(f"--batch {fit.max_batch}", need(fit.serving.context, fit.max_batch))
    return None


def _more_devices(setup: Setup, devices: int) -> list[tuple[str, Setup]]:
    """More of them, shared as they are now: by the option that was given, else as the runtime does by itself."""
    if setup.tp is None and setup.pp is None and setup.ep is None:
        return [(f"--gpus {count}", setup._replace(gpus=count)) for count in MORE_DEVICES if count > devices]
    option = "ep" if setup.ep else "tp" if setup.tp else "pp"
    more = [count for count in MORE_DEVICES if count > (getattr(setup, option) or 1)]
    return [(f"--{option} {count}", Setup(**(setup._asdict() | {"gpus": None, option: count}))) for count in more]


def _first(
    model: Model, need: Need, machine: Machine, serving: Serving, choices: list[tuple[str, Setup]],
) -> Remedy | None:
    for option, setup in choices:
        try:
            needed = Prepared(need.prepared.model, need.prepared.runtime, setup, need.prepared.draft).most(serving)
        except PCError:  # does not divide, or the format does not hold these shapes
            continue
        if needed <= machine.usable and needed < need(serving.context, serving.batch):
            return Remedy(option, needed)
    return None
