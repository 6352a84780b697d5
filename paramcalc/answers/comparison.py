"""`compare` and `sweep`: one row a model, or one a combination of values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from paramcalc.answers.answer import Document
from paramcalc.answers.drafts import draft_model
from paramcalc.defaults import SERVING
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.measures.certainty import Certainty, size_certainty
from paramcalc.measures.parameters import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.build import Model
    from paramcalc.estimates.inference import Memory
    from paramcalc.estimates.settings import DeviceSettings, ServingSettings
    from paramcalc.measures.cache import Serving
    from paramcalc.readers.models import Reading


class Row(NamedTuple):
    """What a model costs; a model that fails has only its name and the error."""

    name: str
    set: dict[str, Any] | None = None
    """What was changed, by key."""
    family: str | None = None
    layers: int | None = None
    hidden_size: int | None = None
    total: int | None = None
    """Parameters."""
    active: int | None = None
    """Parameters one token visits."""
    embedding: int | None = None
    embedding_share: float | None = None
    known: Certainty | None = None
    """How the parameters are known."""
    uncounted: tuple[str, ...] | None = None
    weights_bytes: int | None = None
    weights_known: Certainty | None = None
    """How those bytes are known."""
    cache_bytes_per_token: int | None = None
    """Growth of the cache for one more token of one sequence at that context."""
    flops_per_token: int | None = None
    """Forward, of one token of a sequence of that context; towers' work for its pictures and recordings is shared by
    all of its tokens."""
    runtime: str | None = None
    """What the bytes are those of, with a device: the one that is given, else the first that has room for the model,
    else the first that can serve it."""
    memory_bytes: int | None = None
    """Of the fullest device at that context and batch; with a device."""
    fits: bool | None = None
    """With a device; where no runtime is known to serve the model, only that not even the lower bound fits."""
    tokens_per_second: float | None = None
    """Expected output tokens of the whole system, of as many requests as the batch; with a device."""
    error: str | None = None


COLUMNS = Row._fields


@dataclass(frozen=True, kw_only=True)
class Comparison(Document):
    """Rows in the order they were asked for, or sorted."""

    command: ClassVar[str] = "compare"
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()
    assumptions: dict[str, object]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows as mappings, which pandas and polars take as they are."""
        return (row._asdict() for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def failed(self) -> bool:
        """Whether a row has an error."""
        return any(row.error for row in self.rows)

    def sorted(self, column: str) -> Comparison:
        """The rows by a column, `-column` for the largest first; rows without a value last. Raises UsageError for a
        name that is none."""
        name = column.removeprefix("-")
        _check_column(name)
        having = [row for row in self.rows if getattr(row, name) is not None]
        having.sort(key=lambda row: _comparable(getattr(row, name)), reverse=column.startswith("-"))
        rows = (*having, *(row for row in self.rows if getattr(row, name) is None))
        return type(self)(**{each.name: getattr(self, each.name) for each in fields(self)} | {"rows": rows})


@dataclass(frozen=True, kw_only=True)
class Sweep(Comparison):
    """One row a combination of values."""

    command: ClassVar[str] = "sweep"


def check_columns(names: Sequence[str]) -> None:
    """Raise UsageError for a name that is no column."""
    for name in names:
        _check_column(name)


def _check_column(name: str) -> None:
    if name not in COLUMNS:
        from difflib import get_close_matches

        near = get_close_matches(name, COLUMNS, n=1, cutoff=0.4)
        raise UsageError(Problem(f"unknown column {name[:60]!r}",
                                 hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(COLUMNS)}"))


def _comparable(value: Any) -> Any:  # noqa: ANN401 - a cell
    return str(value) if isinstance(value, dict | tuple) else value


def row(reading: Reading, serving: ServingSettings, device: DeviceSettings,
        changes: dict[str, Any] | None = None) -> Row:
    """What a model that is read costs. Raises PCError where it cannot be built or served so."""
    from paramcalc.build import build
    from paramcalc.estimates.effects import need_encoder, within_positions
    from paramcalc.estimates.media import media_of
    from paramcalc.measures.cache import Serving
    from paramcalc.measures.flops import Workload, flops

    model = build(reading.spec)
    need_encoder(serving, model)
    counts = count(model.tree)
    media = media_of(serving, reading.spec)
    serving, _ = within_positions(serving, reading.spec, media)
    context = media.sequence(serving.context)
    footprint = _footprint(model, serving, device, Serving(context, serving.batch, serving.source, media))
    source = media.attended(reading.spec.source_tokens(serving.source), serving.context)
    forward = flops(model.tree, Workload(1, context, 0, source, media=media)).forward
    spec = reading.spec
    return Row(
        spec.name, changes, spec.family or None, sum(len(node.order) for node in model.tree.children),
        spec.hidden_size, counts.total, counts.active, counts.embedding,
        round(counts.embedding / counts.total, 6) if counts.total else None, size_certainty(spec),
        tuple(spec.uncounted),
        footprint.needs.total.weights, footprint.needs.prepared.weight_certainty, footprint.needs.cache.per_token,
        forward // context,
        footprint.runtime if device.gpu else None, footprint.needed if device.gpu else None, footprint.fits,
        _tokens_per_second(reading, serving.model_copy(update={"runtime": footprint.runtime}), device))


class Footprint(NamedTuple):
    """What a model takes by one runtime."""

    runtime: str
    needs: Memory
    fits: bool | None = None
    """None without a device, and where only a lower bound fits, or what the runtime is not known to serve."""

    @property
    def needed(self) -> int:
        """Bytes of the fullest device."""
        return max(part.total for part in self.needs.per_device)


def _footprint(model: Model, serving: ServingSettings, device: DeviceSettings, load: Serving) -> Footprint:
    """By the runtime that is given; else, with a device, by the one that `fit` answers for. Raises PCError where none
    can."""
    from paramcalc.answers.runtime_choice import chosen, runtimes

    names = runtimes(serving.runtime or (SERVING.runtime if device.gpu is None else None))
    if len(names) == 1:
        return _in_runtime(names[0], model, serving, device, load)
    problems: list[PCError] = []

    def able() -> Iterator[Footprint]:
        for name in names:
            try:
                yield _in_runtime(name, model, serving, device, load, alone=False)
            except PCError as error:
                problems.append(error)

    best = chosen(able())
    if best is None:
        raise problems[-1]  # the bound's, which is of no runtime: what is wrong with the model or the settings
    return best


def _in_runtime(name: str, model: Model, serving: ServingSettings, device: DeviceSettings, load: Serving, *,
                alone: bool = True) -> Footprint:
    """Raises PCError where the runtime cannot, or, unless it is the only one, is not known to serve the model."""
    from paramcalc.estimates.inference import memory
    from paramcalc.estimates.runtimes import BOUND
    from paramcalc.estimates.serving import machine_of, prepare, why_not_served

    prepared = prepare(model, serving, name, draft=draft_model(serving))
    machine = machine_of(device, prepared)
    if machine is None:
        return Footprint(name, memory(prepared, load))
    why = why_not_served(name, model.spec, serving.quant, machine.device)
    if why and not alone:
        raise UsageError(Problem(why))
    footprint = Footprint(name, memory(prepared, load))
    room = footprint.needed <= machine.usable
    bound = name == BOUND or prepared.lower_bound or why
    return footprint._replace(fits=None if room and bound else room)


def _tokens_per_second(reading: Reading, serving: ServingSettings, device: DeviceSettings) -> float | None:
    """Of as many requests as the batch, whose prompts and answers fill the context; None where nothing is measured of
    such a runtime or such a way to serve."""
    from paramcalc.estimates.runtimes import BOUND

    if device.gpu is None or serving.runtime in (None, BOUND) or serving.draft is not None or serving.loras:
        return None
    from paramcalc.answers.speed import speed
    from paramcalc.estimates.speed_settings import SpeedSettings
    from paramcalc.settings import without_none

    common = SpeedSettings.model_fields.keys() & type(serving).model_fields.keys()
    same = {name: getattr(serving, name) for name in common}
    requests = {"prompt": serving.context - _answer(serving), "output_tokens": _answer(serving),
                "concurrency": (serving.batch,)}
    where = {name: getattr(device, name) for name in type(device).model_fields}
    try:
        (point,) = speed(reading, SpeedSettings.of(without_none(**same | requests | where))).points
    except PCError:
        return None
    return point.tokens_per_second.expected if point.fits and point.tokens_per_second else None


def _answer(serving: ServingSettings) -> int:
    """Tokens of an answer among those of the context: as many as `speed` takes, half of the context at most."""
    from paramcalc.estimates.speed_settings import SpeedSettings

    usual: int = SpeedSettings.model_fields["output_tokens"].default
    return max(1, min(usual, serving.context // 2))


def error_row(name: str, error: PCError, changes: dict[str, Any] | None = None) -> Row:
    """What stands in place of a model that cannot be answered."""
    problem = error.problems[0]
    hint = f" ({problem.hint})" if problem.hint else ""
    return Row(name, changes, error=f"{problem}{hint}")


def assumed(serving: ServingSettings, device: DeviceSettings) -> dict[str, object]:
    """What every row was worked out with."""
    media = {"image": [f"{width}x{height}" for width, height in serving.image],
             "video": [f"{width}x{height}x{frames}" for width, height, frames in serving.video],
             "audio_seconds": [float(seconds) for seconds in serving.audio]}
    length = {} if serving.is_set("context") else {"length": "context of each model at most its positions"}
    common: dict[str, object] = {"context": serving.context, **length,
                               **{key: sizes for key, sizes in media.items() if sizes},
                               "batch": serving.batch, "dtype": serving.dtype,
                               "quant": serving.quant, "runtime": _runtime(serving, device),
                               "flops_per_token": "forward, convention full"}
    if device.gpu is None:
        return common
    return common | {"gpu": device.gpu, "gpus": serving.gpus or 1,
                     "tokens_per_second": f"{serving.batch:,} at once, answers of {_answer(serving):,} tokens"}


def _runtime(serving: ServingSettings, device: DeviceSettings) -> str:
    """The runtime of every row, or how that of each is chosen."""
    if serving.runtime is not None:
        return serving.runtime
    return SERVING.runtime if device.gpu is None else "the first with room for the model"
