"""`scaling`: a training run held to a published scaling law, or to one fitted to runs of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Document, ModelName, hidden
from paramcalc.catalog.scaling_laws import Law, Range, scaling_law
from paramcalc.estimates.design.optimum import loss as loss_of
from paramcalc.estimates.design.outlook import MFU, Outlook, Target, Verdict, compute_of_cluster, outlook
from paramcalc.measures.certainty import Certainty, least, size_certainty, why_bound
from paramcalc.measures.parameters import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.build import Model
    from paramcalc.estimates.design.law_fit import LawFit
    from paramcalc.estimates.design.optimum import Split
    from paramcalc.estimates.design.settings import ScalingSettings
    from paramcalc.readers.models import Reading
    from paramcalc.spec.model import ModelSpec


class Valid(NamedTuple):
    """The runs a law was fitted to."""

    parameters: Range
    tokens: Range
    corpus: str


class LawUsed(NamedTuple):
    """A law with its source and its constants."""

    name: str
    source: str
    title: str
    formula: str
    constants: dict[str, float]
    parameters: str
    """Which parameters its N counts: total, non_embedding or active_non_embedding."""
    valid: Valid


class Optimum(NamedTuple):
    """A size and the tokens it is trained on."""

    parameters: int
    tokens: int
    tokens_per_parameter: float
    compute: float
    loss: float


class WithInference(NamedTuple):
    """The run of equal loss that costs least with its inference."""

    inference_tokens: int
    parameters: int
    tokens: int
    tokens_per_parameter: float
    lifetime_compute: float
    """FLOP to train and to serve it."""
    saved: float
    """Share of the FLOP of the run itself, trained and served."""


class WithRepeats(NamedTuple):
    """The run when only some of its tokens differ."""

    unique_tokens: int
    epochs: float
    equivalent_tokens: int
    """Fresh tokens of the same effect."""
    last_epoch_value: float
    """What a token is worth in the last epoch; 1 is fresh."""
    loss: float
    optimal: Optimum


class FittedConstant(NamedTuple):
    """A constant with the 10th and the 90th percentile over resampled runs."""

    value: float
    low: float
    high: float


class Fitted(NamedTuple):
    """How a law fits the runs it was made of."""

    runs: int
    constants: dict[str, FittedConstant]
    median_error: float
    worst_error: float
    resamples: int


@dataclass(frozen=True, kw_only=True)
class Scaling(Document):
    """A run by a law: its distance from the optimum, and what the distance costs."""

    command: ClassVar[str] = "scaling"
    model: ModelName | None
    """None where the run is the optimum of a budget, not of a model."""
    law: LawUsed
    parameters: int
    """As the law counts them."""
    tokens: int
    tokens_per_parameter: float
    compute: float
    loss: float
    optimal: Optimum
    """Of the same compute."""
    over_trained: float
    """Tokens over the compute-optimal tokens of this size."""
    verdict: Verdict
    equal_loss: Optimum
    """The optimum of the same loss."""
    extra_compute: float
    """Compute over that of `equal_loss`, less one."""
    extrapolated: bool
    extrapolation: dict[str, float]
    """How many times parameters and tokens lie outside the runs of the law; 1 inside."""
    inference: WithInference | None = None
    repeats: WithRepeats | None = None
    fit: Fitted | None = None
    known: dict[str, Certainty]
    uncounted: tuple[str, ...] = ()
    """Parts of the model that are not counted: its size is that of the rest."""
    bound: str = hidden(default="")
    """Why the size is a lower bound; empty where it is none."""
    warnings: tuple[str, ...] = ()
    assumptions: dict[str, object]
    outlook: Outlook = hidden()


def scaling(
    reading: Reading | None, model: Model | None, settings: ScalingSettings, fitted: LawFit | None = None,
) -> Scaling:
    """The run of a model, or without one the optimum of what is given."""
    settings.check()
    law = _law(settings, model) if fitted is None else law_of(fitted, str(settings.fit))
    target, assumptions = _target(settings, reading)
    if fitted is not None and reading is None and target == Target():
        target = Target(compute=fitted.most_compute)
        assumptions["target"] = "that of the largest run"
    _check_unique(settings.unique_tokens, target.tokens)
    warnings = list(reading.warnings) if reading else []
    size = None if model is None else _size(law, model, warnings)
    view = outlook(law, size, target, served=settings.inference_tokens, unique=settings.unique_tokens)
    spec = reading.spec if reading else None
    return Scaling(
        model=None if spec is None or reading is None
        else ModelName(spec.name, spec.source or reading.source, spec.family or None),
        law=_used(law), parameters=round(view.run.parameters), tokens=round(view.run.tokens),
        tokens_per_parameter=view.run.ratio, compute=view.run.compute, loss=view.loss,
        optimal=_optimum(law, view.optimal), over_trained=view.over_trained, verdict=view.verdict,
        equal_loss=_optimum(law, view.equal), extra_compute=view.extra_compute,
        extrapolated=any(factor > 1 for factor in view.extrapolation.values()), extrapolation=view.extrapolation,
        inference=_inference(view), repeats=_repeats(law, view), fit=_fitted(fitted),
        known=_certainties(spec), uncounted=() if spec is None else tuple(spec.uncounted),
        bound="" if spec is None else why_bound(spec),
        warnings=(*warnings, *law.notes), assumptions=assumptions, outlook=view)


def fitted_law(settings: ScalingSettings, progress: Callable[[int, int], None] | None = None) -> LawFit | None:
    """The law of the runs of `--fit`; None without them. `progress` is told (done, all).

    Raises InputError for runs that cannot be read or tell too little, UsageError without numpy and scipy.
    """
    if settings.fit is None:
        return None
    from paramcalc.estimates.design.law_fit import RESAMPLES, fit_law
    from paramcalc.readers.runs import read_runs

    resamples = RESAMPLES if settings.resamples is None else settings.resamples
    return fit_law(read_runs(settings.fit), resamples=resamples, progress=progress)


def _check_unique(unique: int | None, tokens: float | None) -> None:
    """Raise UsageError where more tokens are to differ than there are."""
    if unique is not None and tokens is not None and unique > tokens:
        from paramcalc.errors import Problem, UsageError

        raise UsageError(Problem(f"--unique-tokens {unique:,} are more than the {tokens:,.0f} training tokens",
                                 hint=f"{tokens:,.0f} at most, which is no repetition"))


def law_of(fitted: LawFit, source: str) -> Law:
    """The law that was fitted to runs."""
    constants = {name: interval.value for name, interval in fitted.constants.items()}
    return Law("fitted", f"a law fitted to {fitted.runs:,} runs", source, "E + A/N^alpha + B/D^beta", constants,
               "total", constants["E"], constants["A"], constants["alpha"], constants["B"], constants["beta"],
               fitted.parameters, fitted.tokens, "the corpus of the runs")


def _law(settings: ScalingSettings, model: Model | None) -> Law:
    return scaling_law(settings.law, _granularity(model))


def _granularity(model: Model | None) -> float:
    """The active feed-forward's width over an expert's: how many experts one token visits; 1 without experts."""
    parts = (node.part for node in model.tree.nodes()) if model else ()
    counts = [float(part.top_k) for part in parts if part is not None and part.kind == "moe" and hasattr(part, "top_k")]
    return max(counts, default=1.0)


def _target(settings: ScalingSettings, reading: Reading | None) -> tuple[Target, dict[str, object]]:
    assumptions: dict[str, object] = {"compute": "6·N·D"}
    if settings.gpu is not None and settings.gpus is not None and settings.days is not None:
        from paramcalc.catalog.accelerators import find_accelerator
        from paramcalc.errors import Problem, UsageError

        device = find_accelerator(settings.gpu)
        peak = device.peak("bf16")
        if peak is None:
            raise UsageError(Problem(f"the arithmetic peak of {device.name} is not known", hint="give --compute"))
        mfu = MFU if settings.mfu is None else float(settings.mfu)
        assumptions |= {"device": device.key, "devices": settings.gpus, "days": settings.days, "mfu": mfu,
                        "peak_flops": peak[1], "dtype": peak[0]}
        return Target(compute=compute_of_cluster(peak[1], settings.gpus, settings.days, mfu)), assumptions
    tokens = settings.tokens
    if tokens is None and settings.compute is None and settings.loss is None and reading is not None:
        tokens = reading.spec.training_tokens
    return Target(tokens, settings.compute, settings.loss), assumptions


def _size(law: Law, model: Model, warnings: list[str]) -> float:
    """The N of the law: of a mixture of experts what one token visits, since that is what compute follows."""
    counts = count(model.tree)
    sparse = counts.active != counts.total
    if sparse and law.granularity is None:
        warnings.append(f"{law.name} was fitted to dense models: N is the active parameters, its optimum a rough guide")
    if not sparse and law.granularity is not None:
        warnings.append(f"{law.name} was fitted to mixtures of experts, and the model is dense")
    size = counts.active if sparse else counts.total
    return size if law.counted == "total" else size - counts.embedding


def _used(law: Law) -> LawUsed:
    return LawUsed(law.name, law.source, law.title, law.form, dict(law.constants), law.counted,
                   Valid(law.parameters, law.tokens, law.corpus))


def _optimum(law: Law, split: Split) -> Optimum:
    return Optimum(round(split.parameters), round(split.tokens), split.ratio, split.compute, loss_of(law, *split))


def _inference(view: Outlook) -> WithInference | None:
    if view.served is None:
        return None
    split = view.served.optimal
    return WithInference(round(view.served.tokens), round(split.parameters), round(split.tokens), split.ratio,
                         view.served.compute, view.served.saved)


def _repeats(law: Law, view: Outlook) -> WithRepeats | None:
    repeated = view.repeated
    if repeated is None:
        return None
    return WithRepeats(round(repeated.unique), repeated.epochs, round(repeated.worth), repeated.last_epoch,
                       repeated.loss, _optimum(law, repeated.optimal)._replace(loss=repeated.optimal_loss))


def _fitted(fitted: LawFit | None) -> Fitted | None:
    if fitted is None:
        return None
    return Fitted(fitted.runs, {name: FittedConstant(*each) for name, each in fitted.constants.items()},
                  fitted.median_error, fitted.worst_error, fitted.resamples)


def _certainties(spec: ModelSpec | None) -> dict[str, Certainty]:
    """How each figure is known: what rests on the size of a model, no better than that size."""
    size: Certainty = "exact" if spec is None else size_certainty(spec)
    estimates = ("tokens_per_parameter", "compute", "loss", "optimal", "over_trained", "equal_loss", "extra_compute",
                 "inference", "repeats")
    rests = least(size, "estimate")
    return {"parameters": rests if spec is None else size} | dict.fromkeys(estimates, rests)
