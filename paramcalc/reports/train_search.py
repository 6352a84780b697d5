"""What `train --search` says: layouts that fit, the fastest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.count import head, headline
from paramcalc.reports.table import Column, Report, Table
from paramcalc.reports.train import device_json
from paramcalc.reports.train_run import figures, shown
from paramcalc.transforms.lora import trainable_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.layouts import Candidate
    from paramcalc.estimates.run import TrainingRun
    from paramcalc.readers.models import Loaded

NAMES = ("tp", "pp", "dp", "ep", "cp", "zero")
RANKED = "expected tokens a second; of what is within a hundredth, the fewest ways to divide, then headroom"


def layouts(loaded: Loaded, model: Model, candidates: Sequence[Candidate], tried: int, gpu: Accelerator, seq: int,
            runs: Sequence[TrainingRun] | None = None) -> Report:
    """Layouts that fit, the fastest first; `runs` are those of the candidates."""
    rows = []
    for index, one in enumerate(candidates):
        row = {**_layout(one), **device_json(one.heaviest), "headroom": one.headroom, **_speed(one)}
        rows.append(row if runs is None else row | {"run": figures(runs[index])})
    json = head("train", loaded) | {
        "assumptions": {"seq": seq, "gpu": gpu.key, "capacity_bytes": gpu.capacity_bytes, "ranked_by": RANKED},
        "tried": tried, "fitting": len(candidates), "layouts": rows, "trainable": trainable_parameters(model.tree)}
    columns = (*(Column(name, "exact") for name in NAMES), Column("recompute"), Column("micro-batch", "exact"),
               Column("heaviest device", "gib"), Column("headroom", "gib"), Column("tokens/s"),
               Column("days", shown=runs is not None))
    body = tuple((*(getattr(one.layout, name) for name in NAMES), one.recompute, one.micro_batch, one.heaviest.total,
                  one.headroom, shown(1 / one.seconds_per_token), shown(runs[index].days.expected) if runs else "")
                 for index, one in enumerate(candidates))
    return Report(json, (Table(headline(model), columns, body, None, ()),), failed=not candidates)


def shortened(report: Report, top: int, gpu: Accelerator) -> Report:
    """The first rows of a search, and of how many they are."""
    table = report.tables[0]
    most = len(table.rows)
    note = (f"{min(top, most):,} of {most:,} ways to divide {gpu.name}s that fit, {report.json['tried']:,} layouts "
            f"tried · ranked by {RANKED}")
    short = table._replace(rows=table.rows[:top], notes=(note,))
    return report._replace(json=report.json | {"layouts": report.json["layouts"][:top]}, tables=(short,))


def _speed(one: Candidate) -> dict[str, Any]:
    rate = one.step.over(one.tokens)
    return {"tokens_per_second": float(f"{rate.expected:.6g}"),
            "step_seconds": {name: float(f"{value:.6g}") for name, value in one.step._asdict().items()},
            "micro_batches": one.layout.micro_batches}


def _layout(one: Candidate) -> dict[str, Any]:
    return {name: getattr(one.layout, name) for name in NAMES} | {
        "recompute": one.recompute, "micro_batch": one.micro_batch}
