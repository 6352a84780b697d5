"""Many models, or many variants of one, answered row by row: on one core, on several, or on a cluster.

`model_row` and `variant_row` are functions of things that pickle, so that any map can run them.
"""

from __future__ import annotations

import os
import re
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.answers.comparison import Comparison, Row, Sweep, assumed, error_row, row
from paramcalc.errors import InputError, PCError, Problem, SpecError, UsageError
from paramcalc.estimates.design.ranges import combinations
from paramcalc.parallel import over
from paramcalc.readers.models import Reading, interpret, load
from paramcalc.readers.sources import reading_of
from paramcalc.readers.text.document import Document
from paramcalc.readers.text.located import located
from paramcalc.sizes import near_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.estimates.settings import DeviceSettings, ServingSettings
    from paramcalc.readers.sources import Source


class Question(NamedTuple):
    """What each row answers."""

    serving: ServingSettings
    device: DeviceSettings
    changes: tuple[str, ...] = ()
    """`key=value`, of every model."""
    strict: bool = False
    """Unknown keys and uncounted parts are errors."""


def model_row(question: Question, model: Source) -> Row:
    """The row of a model; a row with an error where it cannot be read or answered."""
    name = str(model) if isinstance(model, str | Path) else str(getattr(model, "name", "") or "")
    try:
        reading = _read(question, model)
        name = reading.spec.name or name
        try:
            return row(reading, question.serving, question.device)
        except PCError as error:
            raise located(error, reading.document) from error
    except PCError as error:
        return error_row(name, error)


def _read(question: Question, model: Source) -> Reading:
    if isinstance(model, str | Path):
        return load(str(model), question.changes, strict=question.strict)
    return reading_of(model, question.changes)


def variant_row(question: Question, document: Document, name: str, changes: Sequence[str]) -> Row:
    """The row of a document with some keys changed."""
    values = dict(change.split("=", 1) for change in changes)
    settings = {key: int(value) if value.lstrip("-").isdecimal() else value for key, value in values.items()}
    try:
        reading = interpret(document._replace(data=deepcopy(document.data)), name, (*question.changes, *changes),
                            strict=question.strict)
        return row(reading, question.serving, question.device, settings)
    except PCError as error:
        return error_row(name, error, settings)


def compare(
    models: Sequence[Source], question: Question, *, jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """One row a model, in the order given; a folder or a pattern stands for every model in it. Raises UsageError where
    no model is given."""
    every = [each for model in models for each in _models(model)]
    if not every:
        raise UsageError(Problem("nothing to compare", hint="give models, folders of models or patterns of files"))
    rows = over(partial(model_row, question), every, jobs, progress)
    return Comparison(rows=tuple(rows), assumptions=assumed(question.serving, question.device))


def sweep(
    model: Source, axes: Sequence[str], question: Question, *, jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """One row a combination of values of the axes. Raises PCError where no combination can be answered."""
    every = combinations(axes)
    keys = {axis.partition("=")[0] for axis in axes}
    if both := next((key for change in question.changes if (key := change.partition("=")[0]) in keys), ""):
        raise UsageError(Problem(f"--set {both} has no effect beside {both}=… of the sweep", hint="leave one out"))
    reading = reading_of(model)
    if not reading.document.data:
        raise UsageError(Problem("a sweep changes a spec or config, not a specification that is read or a checkpoint",
                                 hint="convert it to a spec first"))
    plain = Document(reading.document.data, reading.document.source)  # without the places, which do not pickle
    rows = over(partial(variant_row, question, plain, reading.spec.name), every, jobs, progress)
    if rows and all(each.error for each in rows):
        raise SpecError(Problem(f"no combination can be built: {rows[0].error}",
                                hint=_nearest(every[0], str(rows[0].error))))
    return Sweep(rows=tuple(rows), assumptions=assumed(question.serving, question.device))


def _nearest(changes: Sequence[str], error: str) -> str:
    """The first value that an error is about and no size can be, as one that can; empty where there is none."""
    for key, value in (change.split("=", 1) for change in changes):
        near = near_number(value)
        if key in error and near not in ("", value) and re.fullmatch(r"-?[0-9.]+", value):
            return f"the nearest: {key}={near}"
    return ""


def _models(model: Source) -> list[Any]:
    """The models an argument stands for: those in a folder that is none itself, or those a pattern fits."""
    if not isinstance(model, str | Path):
        return [model]
    path = str(model)
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, "config.json")):
        from paramcalc.checks.finder import find

        if not (files := [str(file) for file in find([Path(path)]).checked]):
            raise InputError(Problem("holds no spec or config", source=path))
        return files
    if any(sign in path for sign in "*?[") and not os.path.exists(path):
        from glob import glob

        if not (files := sorted(glob(path, recursive=True))):
            raise InputError(Problem(f"no file matches {path[:100]!r}"))
        return files
    return [model]
