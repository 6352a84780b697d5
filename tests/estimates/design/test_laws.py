"""Published scaling laws against the runs they were fitted to and the tables their papers print."""

from math import log
from statistics import median

import pytest

from paramcalc.catalog.scaling_laws import Law, scaling_law, scaling_laws
from paramcalc.errors import PCError
from paramcalc.estimates.design.optimum import (
    lifetime,
    loss,
    optimum_of_compute,
    optimum_of_loss,
    optimum_of_size,
    optimum_of_tokens,
    optimum_with_inference,
    tokens_to_reach,
)
from paramcalc.estimates.design.repeats import most_worth, repeated_loss, repeated_optimum, worth
from tests.estimates.design.training_runs import DATA, runs
from tests.yaml_files import read_yaml

TABLES = read_yaml(DATA / "tables.yaml")
CHINCHILLA = 5.76e23


def rank_correlation(first: list[float], second: list[float]) -> float:
    """Spearman's, without ties."""
    def ranks(values: list[float]) -> list[int]:
        order = sorted(range(len(values)), key=values.__getitem__)
        return [order.index(i) for i in range(len(values))]

    n = len(first)
    return 1 - 6 * sum((a - b) ** 2 for a, b in zip(ranks(first), ranks(second), strict=True)) / (n * (n * n - 1))


def test_the_default_law_on_the_points_of_figure_4() -> None:
    points = sorted(runs("chinchilla_figure4.csv"), key=lambda row: row["loss"])[:-5]
    law = scaling_law()
    errors = [abs(loss(law, p["params"], p["train_flop"] / 6 / p["params"]) / p["loss"] - 1) for p in points]
    assert len(points) == 240
    assert median(errors) <= 0.0034


def test_tokens_a_parameter_at_the_budget_of_chinchilla() -> None:
    assert optimum_of_compute(scaling_law(), CHINCHILLA).ratio == pytest.approx(18.4, abs=0.1)
    assert optimum_of_compute(scaling_law("hoffmann"), CHINCHILLA).ratio == pytest.approx(59, abs=0.5)
    rounded = scaling_law("hoffmann")._replace(E=1.69, alpha=0.34, beta=0.28)
    assert optimum_of_compute(rounded, CHINCHILLA).ratio == pytest.approx(93, abs=0.5)


def test_llama_3_is_trained_91_times_longer_than_the_optimum() -> None:
    assert 15e12 / optimum_of_size(scaling_law(), 8_030_261_248).tokens == pytest.approx(91.16, abs=0.01)


@pytest.mark.parametrize(("size", "flop", "tokens"), TABLES["approach_1"])
def test_approach_1(size: float, flop: float, tokens: float) -> None:
    """Another method than the law's: within a third over four decades of size."""
    assert 6 * size * tokens == pytest.approx(flop, rel=0.05)
    assert optimum_of_size(scaling_law(), size).tokens == pytest.approx(tokens, rel=0.34)


@pytest.mark.parametrize(("size", "flop", "tokens"), TABLES["approach_3"])
def test_approach_3(size: float, flop: float, tokens: float) -> None:
    """The paper does not print the digits its table was made with; those of its TeX source come within a fifth."""
    assert 6 * size * tokens == pytest.approx(flop, rel=0.05)
    assert optimum_of_size(scaling_law("hoffmann"), size).tokens == pytest.approx(tokens, rel=0.2)


def test_exponents_of_the_papers() -> None:
    def exponent(law: Law) -> float:
        few, many = (optimum_of_compute(law, compute).parameters for compute in (1e20, 1e24))
        return log(many / few) / log(1e4)

    assert exponent(scaling_law("kaplan")) == pytest.approx(0.73)
    assert exponent(scaling_law("hoffmann")) == pytest.approx(0.46, abs=0.005)
    assert exponent(scaling_law()) == pytest.approx(0.513, abs=0.001)


def test_the_level_kaplans_law_gives_gpt_3() -> None:
    assert loss(scaling_law("kaplan"), 175e9, 300e9) == pytest.approx(1.73, abs=0.005)


@pytest.mark.parametrize(("size", "tokens", "granularity", "flop", "printed"), TABLES["fine_grained"])
def test_mixtures_of_fine_experts(size: float, tokens: float, granularity: int, flop: float, printed: float) -> None:
    """The printed constants have two or three digits; the printed FLOP hold the router's, which 6·N·D leaves out."""
    law = scaling_law("krajewski", granularity)
    assert loss(law, size, tokens) == pytest.approx(printed, rel=0.009)
    assert 0.88 < 6 * size * tokens / flop < 1
    assert optimum_of_size(law, size).tokens == pytest.approx(tokens, rel=0.25)


def test_the_optimum_with_inference_is_the_printed_one() -> None:
    table = TABLES["inference"]
    law = scaling_law()._replace(**table["constants"])
    split, alone = (optimum_with_inference(law, table["loss"], table["served"]), optimum_of_loss(law, table["loss"]))
    assert split.parameters == pytest.approx(table["parameters"], rel=2e-4)
    assert split.tokens == pytest.approx(table["tokens"], rel=2e-4)
    assert split.parameters / alone.parameters == pytest.approx(table["of_parameters"], abs=5e-5)
    assert split.tokens / alone.tokens == pytest.approx(table["of_tokens"], abs=1e-4)
    ratio = lifetime(split, table["served"]) / lifetime(alone, table["served"])
    assert ratio == pytest.approx(table["of_compute"], abs=5e-5)


@pytest.mark.parametrize("name", scaling_laws())
@pytest.mark.parametrize("served", [0.0, 1e9, 1e12, 1e15])
def test_no_other_size_is_cheaper_over_its_lifetime(name: str, served: float) -> None:
    law = scaling_law(name)._replace(optimum=None)
    target = loss(law, 1e9, 1e11)
    best = optimum_with_inference(law, target, served)
    assert loss(law, *best) == pytest.approx(target)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2):
        size = best.parameters * factor
        other = best._replace(parameters=size, tokens=tokens_to_reach(law, size, target))
        assert lifetime(other, served) >= lifetime(best, served) * (1 - 1e-9)


@pytest.mark.parametrize("name", scaling_laws())
def test_the_optima_of_size_tokens_and_loss_are_one(name: str) -> None:
    law = scaling_law(name)
    split = optimum_of_compute(law, 1e22)
    for other in (optimum_of_size(law, split.parameters), optimum_of_tokens(law, split.tokens),
                  optimum_of_loss(law, loss(law, *split))):
        assert tuple(other) == pytest.approx(tuple(split))


@pytest.mark.parametrize("name", ["besiroglu", "hoffmann", "muennighoff", "krajewski"])
def test_no_other_split_of_a_budget_has_a_lower_loss(name: str) -> None:
    law = scaling_law(name)
    best = optimum_of_compute(law, 1e22)
    for factor in (0.5, 0.9, 1.1, 2):
        assert loss(law, best.parameters * factor, best.tokens / factor) > loss(law, *best)


@pytest.mark.parametrize(("file", "column"), [("overtraining_c4.csv", "loss_c4"), ("overtraining_mpt.csv", "loss")])
def test_over_trained_runs_are_ordered_as_the_law_orders_them(file: str, column: str) -> None:
    """To 1,000 tokens a parameter: beyond, small models gain less than any law says (arXiv:2401.00448, section 4)."""
    rows = [row for row in runs(file) if row["tokens"] <= 1000 * row["params"]]
    predicted = [loss(scaling_law(), row["params"], row["tokens"]) for row in rows]
    assert rank_correlation(predicted, [row[column] for row in rows]) >= 0.99


def test_repeated_tokens() -> None:
    table = TABLES["repeated"]
    law = scaling_law("muennighoff")
    assert optimum_of_compute(law, table["compute"])[0] == pytest.approx(table["chinchilla"][0], rel=0.03)
    best = repeated_optimum(law, table["compute"], table["unique"])
    assert tuple(best) == pytest.approx(table["best"], rel=0.08)  # the paper chose among sizes it could train
    assert repeated_loss(law, *best, table["unique"]) < repeated_loss(law, *table["chinchilla"], table["unique"])
    assert worth(1e9, 2e9, 15.387756) == 1e9
    assert worth(4e9, 1e9, 15.387756) == pytest.approx(3.72e9, rel=0.01)  # four epochs cost little
    assert worth(1e15, 1e9, 15.387756) == pytest.approx(most_worth(1e9))


def test_unknown_laws() -> None:
    with pytest.raises(PCError, match="unknown law 'besiroglou'") as typo:
        scaling_law("besiroglou")
    assert "besiroglu" in typo.value.problems[0].hint
    with pytest.raises(PCError) as rounded:
        scaling_law("rounded")
    assert "hoffmann" in rounded.value.problems[0].hint


def test_a_loss_no_model_reaches() -> None:
    with pytest.raises(PCError, match=r"1\.8 is not above 1\.8172"):
        optimum_of_loss(scaling_law(), 1.8)
