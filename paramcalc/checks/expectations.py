"""What a specification promises under `expect`, held against what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paramcalc.checks.results import EXPECT, SAME, Finding
from paramcalc.errors import PCError
from paramcalc.numbers import many

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject
    from paramcalc.spec.bounds import Bound
    from paramcalc.spec.expect import Expect, Fits

Keys = tuple[str | int, ...]

NOTHING: tuple[object, ...] = (None, [], {})
"""Values that promise nothing."""


def broken_promises(subject: Subject) -> Iterator[Finding]:
    """Every figure and bound under `expect` that does not hold."""
    expect = subject.spec.expect
    yield from _empty(subject)
    if expect is None:
        return
    yield from _figures(subject, expect)
    yield from _costs(subject, expect)
    for number, promise in enumerate(expect.fits):
        yield from _fits(subject, promise, number)
    if expect.trainable is not None:
        yield from _trainable(subject, expect)
    if expect.same_as is not None:
        yield from _same(subject, expect.same_as)


def _empty(subject: Subject) -> Iterator[Finding]:
    """Promises that promise nothing: they would hold of every model."""
    document = subject.reading.document
    promises = document.data.get("expect", document)
    inside = promises.items() if isinstance(promises, dict) else ()
    empty = [("expect", key) for key, value in inside if value in NOTHING]
    for path in [("expect",)] if promises in NOTHING else empty:
        line, column = document.place(path)
        yield Finding(subject.name, EXPECT, f"{'.'.join(path)}: is empty", line=line, column=column,
                      hint="give a figure, or leave it out")


def _figures(subject: Subject, expect: Expect) -> Iterator[Finding]:
    from paramcalc.spec.expect import bounds

    for key, bound in bounds(expect).items():
        yield from _without_an_end(subject, key, bound)
        yield from out_of_bound(subject, (key,), bound, subject.figures.counted[key], "counted")
    for name, bound in expect.components.items():
        yield from out_of_bound(subject, ("components", name), bound, subject.figures.component(name), "counted")


def _without_an_end(subject: Subject, key: str, bound: Bound) -> Iterator[Finding]:
    """A finding for a bound that holds of every model: each has a parameter, and no figure is below zero."""
    least = int(key == "total")
    if bound.most is None and bound.least is not None and bound.least <= least:
        line, column = subject.reading.document.place(("expect", key))
        yield Finding(subject.name, EXPECT, f"expect.{key}: {bound.text} holds for every model",
                      line=line, column=column, hint="give a figure, or leave it out")


def _costs(subject: Subject, expect: Expect) -> Iterator[Finding]:
    figures = subject.figures
    for name, bound in expect.weights.items():
        try:
            size = figures.weights(name)
        except PCError as error:
            yield _refused(subject, ("weights", name), error)
        else:
            yield from out_of_bound(subject, ("weights", name), bound, size, "bytes")
    if (cache := expect.cache_per_token) is not None:
        size = figures.cache_per_token(cache.context, cache.dtype)
        yield from out_of_bound(subject, ("cache_per_token", "bytes"), cache.bytes, size, "bytes")
    if (work := expect.flops_per_token) is not None:
        amount = figures.flops_per_token(work.seq, work.convention)
        yield from out_of_bound(subject, ("flops_per_token", "flops"), work.flops, amount, "FLOPs")


def out_of_bound(subject: Subject, key: Keys, bound: Bound, value: int, unit: str) -> Iterator[Finding]:
    """A finding where a figure is out of its bound."""
    if bound.holds(value):
        return
    line, column = subject.reading.document.place(("expect", *key))
    exact = bound.least is not None and bound.least == bound.most
    by = f" ({value - bound.least:+,})" if exact and bound.least is not None else ""
    verb = "is promised" if exact else "is the bound"
    yield Finding(subject.name, EXPECT, f"expect.{_dotted(key)}: {bound.text} {verb}, {value:,} {unit}{by}", line=line,
                  column=column, expected=bound.least if exact else bound.text, actual=value,
                  hint="fix the fields, or the figure and its source")


def _fits(subject: Subject, promise: Fits, number: int) -> Iterator[Finding]:
    from paramcalc.checks.accelerator_fit import shortfall

    key: Keys = ("fits", number)
    try:
        missing = shortfall(subject.model, promise)
    except PCError as error:
        yield _refused(subject, key, error)
        return
    if missing > 0:
        line, column = subject.reading.document.place(("expect", *key))
        where = f"{promise.gpus} × {promise.gpu}" if promise.gpus > 1 else promise.gpu
        load = f"{many(promise.context, 'token')}, batch {promise.batch}"
        message = f"expect.{_dotted(key)}: does not fit on {where} at {load}: {missing:,} bytes too many"
        yield Finding(subject.name, EXPECT, message, line=line, column=column, expected=0, actual=missing,
                      hint="a smaller format, a shorter context or more devices")


def _trainable(subject: Subject, expect: Expect) -> Iterator[Finding]:
    from paramcalc.transforms.lora import Lora, trainable_parameters, with_lora

    plan = expect.trainable
    assert plan is not None  # noqa: S101 - the caller asked
    try:
        trainable = trainable_parameters(with_lora(subject.model.tree, Lora(plan.rank, tuple(plan.targets))))
    except PCError as error:
        yield _refused(subject, ("trainable", "targets"), error)
    else:
        yield from out_of_bound(subject, ("trainable", "parameters"), plan.parameters, trainable, "trainable")


def _same(subject: Subject, other: str) -> Iterator[Finding]:
    from paramcalc.checks.diff import tensor_changes

    key: Keys = ("same_as",)
    base = Path(subject.name).parent.resolve()
    path = (base / other).resolve()
    line, column = subject.reading.document.place(("expect", *key))
    if not path.is_relative_to(base):
        yield Finding(subject.name, SAME, f"expect.same_as: {other[:200]!r} is outside the file's folder", line=line,
                      column=column, hint="put both files into one folder")
        return
    if path == Path(subject.name).resolve():
        yield Finding(subject.name, SAME, f"expect.same_as: {other[:200]!r} is this file", line=line, column=column,
                      hint="name the other one")
        return
    try:
        from paramcalc.build import build
        from paramcalc.readers.models import load

        twin = build(load(str(path)).spec)
    except PCError as error:
        yield _refused(subject, key, error)
        return
    for change in tensor_changes(twin.tree, subject.model.tree):
        yield Finding(subject.name, SAME, f"expect.same_as: {other}: {change}", line=line, column=column,
                      hint="one of the two is out of date")


def _refused(subject: Subject, key: Keys, error: PCError) -> Finding:
    line, column = subject.reading.document.place(("expect", *key))
    reasons = "; ".join(str(problem) for problem in error.problems)
    return Finding(subject.name, EXPECT, f"expect.{_dotted(key)}: {reasons}", line=line, column=column,
                   hint=error.problems[0].hint if error.problems else "")


def _dotted(key: Keys) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
