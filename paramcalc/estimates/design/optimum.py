"""What a scaling law says: the loss of a run, the best split of a compute budget, the tokens a size needs.

Compute is 6·N·D FLOP with the N of the law. All of it is an estimate: a level of loss holds for the law's own corpus
and tokenizer; ratios carry over better.
"""

from __future__ import annotations

from math import exp, inf, log
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.catalog.scaling_laws import Law

FLOPS_PER_PARAMETER = 6
"""Of one token in training: a multiply-add forward, two backward. Source: arXiv:2001.08361, section 2.1."""
SERVED_FLOPS_PER_PARAMETER = 2
"""Of one token in inference."""
SIZES = (1e2, 1e18)
"""Between these sizes an optimum is looked for."""


class Split(NamedTuple):
    """A size and the tokens it is trained on."""

    parameters: float
    tokens: float

    @property
    def compute(self) -> float:
        """FLOPs of the training run: 6·N·D (arXiv:2001.08361)."""
        return FLOPS_PER_PARAMETER * self.parameters * self.tokens

    @property
    def ratio(self) -> float:
        """Number of training tokens per parameter."""
        return self.tokens / self.parameters


def loss(law: Law, parameters: float, tokens: float) -> float:
    """Nats a token of the law's own corpus after one epoch."""
    excess = law.A / parameters**law.alpha + law.B / tokens**law.beta
    return float(law.E + excess**law.power)


def tokens_to_reach(law: Law, parameters: float, loss: float) -> float:
    """Tokens after which a size has that loss; infinite where it never has."""
    gap = _gap(law, parameters, loss)
    return float((law.B / gap) ** (1 / law.beta)) if gap > 0 else inf


def optimum_of_compute(law: Law, compute: float) -> Split:
    """The split of a training budget with the least loss."""
    coefficient, exponent = _frontier(law)
    size = coefficient * compute**exponent
    return Split(size, compute / FLOPS_PER_PARAMETER / size)


def optimum_of_size(law: Law, parameters: float) -> Split:
    """The tokens with which this size is the optimum of its compute."""
    coefficient, exponent = _frontier(law)
    return optimum_of_compute(law, (parameters / coefficient) ** (1 / exponent))


def optimum_of_tokens(law: Law, tokens: float) -> Split:
    """The size for which so many tokens are the optimum."""
    coefficient, exponent = _frontier(law)
    return optimum_of_compute(law, (FLOPS_PER_PARAMETER * coefficient * tokens) ** (1 / (1 - exponent)))


def _frontier(law: Law) -> tuple[float, float]:
    """`coefficient · compute^exponent` parameters are optimal: what minimizes the loss on `6·N·D = compute`, or the
    power law the paper publishes beside its loss.

    Source of the closed form: arXiv:2203.15556, equation 4.
    """
    if law.optimum is not None:
        exponent = law.optimum["exponent"]
        return law.optimum["parameters"] / law.optimum["flops"] ** exponent, exponent
    both = law.alpha + law.beta
    exponent = law.beta / both
    return (law.alpha * law.A / (law.beta * law.B)) ** (1 / both) / FLOPS_PER_PARAMETER**exponent, exponent


def optimum_of_loss(law: Law, target: float) -> Split:
    """The split that reaches a loss with the least training compute.

    Raises UsageError where the law says that no model reaches it.
    """
    if target <= law.E:
        raise UsageError(Problem(f"a loss of {target:g} is not above {law.E:g}, the least by the law {law.name}",
                                 hint=f"a model of 1B has a loss of {loss(law, 1e9, 2e10):.3f} after 20B tokens"))
    compute = _root(lambda c: target - loss(law, *optimum_of_compute(law, c)), 1.0, 1e40)
    if not 1.0 < compute < 1e40:
        raise UsageError(Problem(f"a loss of {target:g} needs less than 1 or more than 1e40 FLOP by {law.name}"))
    return optimum_of_compute(law, compute)


def optimum_with_inference(law: Law, loss: float, served: float) -> Split:
    """The split that reaches a loss with the least `6·N·D + 2·N·served` FLOP, for `served` tokens of inference.

    The derivative of that cost by N is zero between the smallest size that reaches the loss and the optimum of
    training alone. Source: arXiv:2401.00448, section 3.
    """
    largest = optimum_of_loss(law, loss).parameters
    smallest = _root(lambda n: _gap(law, n, loss), SIZES[0], largest)

    def slope(size: float) -> float:
        gap = _gap(law, size, loss)
        if gap <= 0:
            return -inf
        tokens = tokens_to_reach(law, size, loss)
        elasticity = -law.alpha * law.A / size**law.alpha / (law.beta * gap)
        return float(FLOPS_PER_PARAMETER * tokens * (1 + elasticity) + SERVED_FLOPS_PER_PARAMETER * served)

    size = _root(slope, smallest, largest)
    return Split(size, tokens_to_reach(law, size, loss))


def lifetime(split: Split, served: float) -> float:
    """FLOP to train and to serve so many tokens."""
    return split.compute + SERVED_FLOPS_PER_PARAMETER * split.parameters * served


def _gap(law: Law, parameters: float, loss: float) -> float:
    """What is left for the term of the data: `T(loss) - A/N^alpha`."""
    above = loss - law.E
    return float(above ** (1 / law.power) - law.A / parameters**law.alpha) if above > 0 else -inf


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function crosses zero, by bisection of the logarithm; an end of the interval if it does
    not."""
    bottom, top = log(low), log(high)
    for _ in range(200):
        middle = (bottom + top) / 2
        if function(exp(middle)) < 0:
            bottom = middle
        else:
            top = middle
    return exp((bottom + top) / 2)


def least(function: Callable[[float], float], low: float, high: float) -> float:
    """The place at which a function with one minimum has it, by golden sections of the logarithm."""
    ratio = (5**0.5 - 1) / 2
    bottom, top = log(low), log(high)
    for _ in range(150):
        left, right = top - ratio * (top - bottom), bottom + ratio * (top - bottom)
        if function(exp(left)) < function(exp(right)):
            top = right
        else:
            bottom = left
    return exp((bottom + top) / 2)
