"""What would make a training run fit its devices: one option at a time, or else several together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.adapters import has_adapters
from paramcalc.estimates.fit import Remedy
from paramcalc.estimates.training import Trainer
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.lora import ALL_LINEAR, Lora, adapt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy, Recompute
    from paramcalc.estimates.training import Recipe
    from paramcalc.estimates.training_layout import Layout
    from paramcalc.estimates.training_settings import Loss


class Run(NamedTuple):
    """All that decides what a device of a run must have."""

    recipe: Recipe
    layout: Layout
    load: Tokens
    policy: Policy
    adapted: str | None = None
    """Adapters are trained instead, beside weights in this format; empty where they are already."""


TRAINED_RANK = 16
PLAIN = "none"
"""The format of weights that are not quantized."""
SMALLER = {"adamw": "adamw_8bit"}
"""Optimizers with the same update whose states are smaller."""
ADAPTED = {"lora_rank": TRAINED_RANK}
CHANGES: tuple[dict[str, int | str], ...] = (
    {"loss": "compiled"}, {"loss": "fused"}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"recompute": "per-op"},
    {"recompute": "full"}, {"micro_batch": 1}, {"optimizer": "adamw_8bit"}, {**ADAPTED}, {**ADAPTED, "quant": "nf4"},
)
"""Settings that make a run need less: what costs nothing, then time, then a larger batch, then precision, then what is
trained."""


def _with_loss(run: Run, loss: Loss) -> Run:
    """Another loss; a fused one holds no more than a compiled one."""
    worse = loss == "compiled" and run.recipe.loss != "plain"
    return run if worse else run._replace(recipe=run.recipe._replace(loss=loss))


def _divided(run: Run, zero: int) -> Run:
    """ZeRO of at least this stage, where several ranks hold the same and the schedule allows it."""
    layout = run.layout._replace(zero=max(zero, run.layout.zero))
    return run if layout.ways == 1 or layout.problems() else run._replace(layout=layout)


def _recomputed(run: Run, recompute: Recompute) -> Run:
    """More computed again; a part of each layer is less than all of it."""
    worse = recompute == "per-op" and run.policy.recompute == "full"
    return run if worse else run._replace(policy=run.policy._replace(recompute=recompute))


def _with_batch(run: Run, sequences: int) -> Run:
    """So many sequences at once, or pairs of them."""
    return run._replace(load=run.load._replace(batch=sequences * (2 if run.recipe.method == "dpo" else 1)))


def _with_optimizer(run: Run, optimizer: str) -> Run:
    """An optimizer with the same update."""
    same = SMALLER.get(run.recipe.optimizer) == optimizer
    return run._replace(recipe=run.recipe._replace(optimizer=optimizer)) if same else run


def _with_adapters(run: Run, _: int) -> Run:
    """Adapters are trained instead of the weights."""
    return run._replace(adapted=PLAIN) if run.adapted is None else run


def _with_quantized(run: Run, quant: str) -> Run:
    """What is beside the adapters in this format."""
    return run._replace(adapted=quant) if run.adapted == PLAIN else run


SETTERS: dict[str, Callable[[Run, Any], Run]] = {
    "loss": _with_loss, "zero": _divided, "recompute": _recomputed, "micro_batch": _with_batch,
    "optimizer": _with_optimizer, "lora_rank": _with_adapters, "quant": _with_quantized,
}
"""How a setting changes a run, by its name; a run that has it, or less, is given back as it is."""


def changed(run: Run, settings: Mapping[str, int | str]) -> Run:
    """The run with these settings."""
    for name, value in settings.items():
        run = SETTERS[name](run, value)
    return run


def as_options(settings: Mapping[str, int | str]) -> str:
    """Settings as the command line says them: `--lora-rank 16 --quant nf4`."""
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())


def training_remedies(trainer: Trainer, run: Run, capacity: int) -> list[Remedy]:
    """Options that each make the heaviest device hold at most `capacity` bytes, those that change a run least first.

    Where no single one does, as many together as it takes; nothing where not even all would.
    """
    if has_adapters(trainer.model.tree):
        run = run._replace(adapted="")
    changes = [settings for settings in CHANGES if changed(run, settings) != run]
    single = [Remedy(as_options(settings), _needed(trainer, changed(run, settings))) for settings in changes]
    if enough := [remedy for remedy in single if remedy.needed <= capacity]:
        return enough
    together: dict[str, int | str] = {}
    for settings in changes:
        run, together = changed(run, settings), {**together, **settings}
        if (size := _needed(trainer, run)) <= capacity:
            return [Remedy(as_options(together), size)]
    return []


def _needed(trainer: Trainer, run: Run) -> int:
    """Bytes of the heaviest device."""
    if run.adapted or run.recipe != trainer.recipe:
        model = trainer.model
        if run.adapted:
            model = adapt(in_formats(model, run.adapted), Lora(TRAINED_RANK, (ALL_LINEAR,)))
        trainer = Trainer(model, run.recipe)
    policy = run.policy._replace(batch=run.load.batch)
    return max(device.total for device in trainer.devices(run.layout, run.load, policy))
