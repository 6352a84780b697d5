"""What would make a training run fit its devices: one option at a time, or else several together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from paramcalc.adapters import has_adapters
from paramcalc.estimates.fit import Remedy
from paramcalc.estimates.training import Trainer
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.lora import ALL_LINEAR, Lora, adapt

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy
    from paramcalc.estimates.training import Recipe
    from paramcalc.estimates.training_layout import Layout


class Run(NamedTuple):
    """All that decides what a device of a run must have."""

    recipe: Recipe
    layout: Layout
    load: Tokens
    policy: Policy
    adapted: str | None = None
    """Adapters are trained instead, beside weights in this format; empty where they are already."""


SMALLER = {"adamw": "adamw_8bit"}
"""Optimizers with the same update whose states are smaller."""
CHANGES: dict[str, Callable[[Run], Run]] = {
    "--loss compiled": lambda run: (run._replace(recipe=run.recipe._replace(loss="compiled"))
                                    if run.recipe.loss == "plain" else run),
    "--loss fused": lambda run: run._replace(recipe=run.recipe._replace(loss="fused")),
    "--zero 1": lambda run: _divided(run, 1),
    "--zero 2": lambda run: _divided(run, 2),
    "--zero 3": lambda run: _divided(run, 3),
    "--recompute per-op": lambda run: run if run.policy.recompute == "full" else _again(run, "per-op"),
    "--recompute full": lambda run: _again(run, "full"),
    "--micro-batch 1": lambda run: run._replace(load=run.load._replace(batch=2 if run.recipe.method == "dpo" else 1)),
    "--optimizer adamw_8bit": lambda run: run._replace(recipe=run.recipe._replace(optimizer=SMALLER.get(
        run.recipe.optimizer, run.recipe.optimizer))),
    "--lora-rank 16": lambda run: run._replace(adapted="none") if run.adapted is None else run,
    "--lora-rank 16 --quant nf4": lambda run: run._replace(adapted="nf4") if run.adapted in (None, "none") else run,
}
"""Options and the run with each: what costs nothing, then time, then a larger batch, then precision, then what is
trained."""
RANK = 16


def training_remedies(trainer: Trainer, run: Run, capacity: int) -> list[Remedy]:
    """Options that each make the heaviest device hold at most `capacity` bytes, those that change a run least first.

    Where no single one does, as many together as it takes; nothing where not even all would.
    """
    if has_adapters(trainer.model.tree):
        run = run._replace(adapted="")
    changes = {option: change for option, change in CHANGES.items() if change(run) != run}
    single = [Remedy(option, _needed(trainer, change(run))) for option, change in changes.items()]
    if enough := [remedy for remedy in single if remedy.needed <= capacity]:
        return enough
    options: dict[str, str] = {}
    for option, change in changes.items():
        run = change(run)
        options[option.split()[0]] = option
        if (size := _needed(trainer, run)) <= capacity:
            return [Remedy(" ".join(options.values()), size)]
    return []


def _divided(run: Run, zero: int) -> Run:
    """ZeRO of at least this stage, where several ranks hold the same and the schedule allows it."""
    layout = run.layout._replace(zero=max(zero, run.layout.zero))
    return run if layout.ways == 1 or layout.problems() else run._replace(layout=layout)


def _again(run: Run, recompute: Literal["per-op", "full"]) -> Run:
    return run._replace(policy=run.policy._replace(recompute=recompute))


def _needed(trainer: Trainer, run: Run) -> int:
    """Bytes of the heaviest device."""
    if run.adapted or run.recipe != trainer.recipe:
        model = trainer.model
        if run.adapted:
            model = adapt(in_formats(model, run.adapted), Lora(RANK, (ALL_LINEAR,)))
        trainer = Trainer(model, run.recipe)
    policy = run.policy._replace(batch=run.load.batch)
    return max(device.total for device in trainer.devices(run.layout, run.load, policy))
