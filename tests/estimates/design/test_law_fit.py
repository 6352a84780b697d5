"""A law fitted to the points of figure 4 is the published one."""

import pytest

from paramcalc.errors import PCError
from paramcalc.estimates.design.law_fit import TrainingRun, fit_law
from tests.estimates.design.training_runs import runs

PUBLISHED = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def test_the_published_constants_are_found_again() -> None:
    pytest.importorskip("scipy")
    points = sorted(runs("chinchilla_figure4.csv"), key=lambda row: row["loss"])[:-5]
    steps: list[tuple[int, int]] = []
    fit = fit_law([TrainingRun(p["params"], p["train_flop"] / 6 / p["params"], p["loss"]) for p in points],
                  resamples=20, progress=lambda completed, total: steps.append((completed, total)))
    for name, published in PUBLISHED.items():
        assert fit.constants[name].value == pytest.approx(published, rel=0.03)
        assert fit.constants[name].low < published < fit.constants[name].high
    assert fit.median_error <= 0.0034
    assert steps[-1] == (60, 60)
    assert [completed for completed, _ in steps] == list(range(1, 61))


@pytest.mark.parametrize(("points", "message"), [
    ([TrainingRun(1e9, 2e10, 2.5)] * 3, "3 runs are too few"),
    ([TrainingRun(1e9, i * 1e9, 3 - i / 10) for i in range(1, 12)], "fewer than three sizes"),
    ([TrainingRun(i * 1e9, 1e9, 3 - i / 10) for i in range(1, 12)], "fewer than three numbers of tokens"),
])
def test_runs_that_tell_too_little(points: list[TrainingRun], message: str) -> None:
    with pytest.raises(PCError, match=message):
        fit_law(points)
