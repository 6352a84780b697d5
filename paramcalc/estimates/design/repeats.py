"""Training on the same tokens again: each repetition is worth less than fresh data, as excess parameters are.

Source: arXiv:2305.16264, equations 5 and 6, with the constants of its appendix A.
"""

from __future__ import annotations

from math import exp, expm1

from paramcalc.catalog.scaling_laws import Law, repetition
from paramcalc.estimates.design.optimum import (
    FLOPS_PER_PARAMETER,
    SIZES,
    Split,
    least,
    loss,
    optimum_of_tokens,
)


def worth(amount: float, unique: float, constant: float) -> float:
    """Number of fresh tokens that `amount` tokens equal, which repeat `unique` ones."""
    if amount <= unique:
        return amount
    return unique * (1 - constant * expm1(-(amount / unique - 1) / constant))


def repeated_loss(law: Law, parameters: float, tokens: float, unique: float) -> float:
    """Loss after `tokens` of which only `unique` differ."""
    matched = optimum_of_tokens(law, min(unique, tokens)).parameters
    return loss(law, worth(parameters, matched, repetition("parameters")), worth(tokens, unique, repetition("data")))


def repeated_optimum(law: Law, compute: float, unique: float) -> Split:
    """The split of a training budget with the least loss where only `unique` tokens differ."""
    def by_size(parameters: float) -> float:
        return repeated_loss(law, parameters, compute / FLOPS_PER_PARAMETER / parameters, unique)

    most = compute / FLOPS_PER_PARAMETER
    parameters = least(by_size, SIZES[0], max(most, 2 * SIZES[0]))
    return Split(parameters, most / parameters)


def most_worth(unique: float) -> float:
    """Fresh tokens that no number of repetitions exceeds."""
    return unique * (1 + repetition("data"))


def epochs(tokens: float, unique: float) -> float:
    """How often each token is seen."""
    return tokens / unique


def value_of_epoch(number: float) -> float:
    """What a token is worth when it is seen for the `number`-th time; 1 for the first."""
    return exp(-(number - 1) / repetition("data"))
