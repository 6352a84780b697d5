"""What `memory` and `fit` do with their options; knows nothing of the command line's parser."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.cli.run import Common, answer_all
from paramcalc.cli.sizes import token_list, tokens
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.inference import Prepared
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.runtimes import Runtime
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer


class Asked(NamedTuple):
    """The options as they were given."""

    context: str = "4096"
    batch: int = 1
    source: str | None = None
    dtype: str = "bf16"
    quant: str | None = None
    kv_dtype: str | None = None
    runtime: str = "exact"
    settings: Sequence[str] = ()
    gpu: str | None = None
    gpus: int | None = None
    tp: int | None = None
    pp: int | None = None
    ep: int | None = None
    utilization: str | None = None
    accelerators: Path | None = None
    plot: Path | None = None

    def encoder(self) -> int | None:
        """Tokens of the encoder's input, where they are said."""
        return None if self.source is None else tokens(self.source, "--source")

    def made(self) -> Runtime:
        """The runtime and its settings."""
        from paramcalc.estimates.runtimes import Runtime

        return Runtime(self.runtime, self.settings)

    def prepare(self, model: Model, runtime: Runtime, gpus: int | None = None) -> Prepared:
        """The model, quantized and divided."""
        from paramcalc.estimates.inference import Prepared, Setup

        return Prepared(model, runtime, Setup(self.dtype, self.quant, self.kv_dtype, self.tp, self.pp, self.ep,
                                              gpus or self.gpus))

    def device(self) -> Accelerator | None:
        """The accelerator named."""
        from paramcalc.catalog.accelerators import find_accelerator

        return None if self.gpu is None else find_accelerator(self.gpu, self.accelerators)

    def machine(self, runtime: Runtime) -> Machine | None:
        """The accelerator as the runtime uses it."""
        from paramcalc.estimates.machine import Machine

        device = self.device()
        return None if device is None else Machine(device, runtime, part(self.utilization))

    def machines(self, runtime: Runtime) -> list[Machine]:
        """Every accelerator of the catalog, and of the user's file, whose memory is known."""
        from paramcalc.catalog.accelerators import accelerators
        from paramcalc.estimates.machine import Machine

        share = part(self.utilization)
        return [Machine(device, runtime, share) for device in accelerators(self.accelerators).values()
                if device.capacity_bytes is not None]


def part(text: str | None) -> tuple[int, int] | None:
    """`0.9` as a ratio. Raises UsageError for what is not more than 0 and at most 1."""
    if text is None:
        return None
    try:
        found = Fraction(text) if len(text) < 20 and "e" not in text.lower() else Fraction(0)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found <= 1:
        raise UsageError(Problem(f"--gpu-memory-utilization {text[:40]!r} is not a part of a device",
                                 hint="more than 0, at most 1: 0.9"))
    return found.numerator, found.denominator


def run_memory(models: list[str], common: Common, asked: Asked) -> int:
    """What serving each model takes, and the exit code."""
    length, encoder = tokens(asked.context, "--context"), asked.encoder()

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.estimates.inference import memory
        from paramcalc.measures.cache import Serving
        from paramcalc.reports.memory import answer

        model, made = build(loaded.spec), asked.made()
        found = memory(asked.prepare(model, made), Serving(length, asked.batch, encoder))
        machine = asked.machine(made)
        if asked.plot is not None:
            from paramcalc.reports.plot import draw

            draw(asked.plot, model.spec.name, found, machine)
        return answer(loaded, model, found, machine)

    return answer_all(models, common, make)


def run_fit(models: list[str], common: Common, asked: Asked) -> int:
    """Whether each model runs on the accelerator named, or on which of all, and the exit code."""
    lengths, encoder = token_list(asked.context, "--context"), asked.encoder()

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.estimates.fit import Need
        from paramcalc.estimates.inference import memory
        from paramcalc.measures.cache import Serving
        from paramcalc.reports import fit as report
        from paramcalc.reports.count import cache_unknown

        model, made = build(loaded.spec), asked.made()
        if why := cache_unknown(model):
            raise UsageError(Problem(f"{why} what is kept between tokens",
                                     hint="fit the config.json beside it; `paramcalc memory` takes the weights alone"))
        need = Need(asked.prepare(model, made), encoder)
        machine = asked.machine(made)
        if asked.plot is not None:
            from paramcalc.reports.plot import draw

            draw(asked.plot, model.spec.name, memory(need.prepared, Serving(lengths[-1], asked.batch, encoder)),
                 machine)
        if machine is None:
            return report.every(loaded, model, need, asked.machines(made), lengths, asked.batch)
        return report.one(loaded, model, need, machine, lengths, asked.batch)

    return answer_all(models, common, make)
