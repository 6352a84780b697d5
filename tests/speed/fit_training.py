"""Fit the shares that training attains, and say how far they are off where they were not fitted.

    python -m tests.speed.fit_training

Prints what `paramcalc/catalog/training.json` holds. Needs no more than the package: shares by bisection, of products
from dense models, of routed experts from models of experts once those of products are known.
"""

from __future__ import annotations

import sys
from statistics import mean, median

from paramcalc.catalog.training import Shares
from tests.speed.training import published_runs, rates, recipes, steps


def attained(measured, products=None, plain=None):
    """The share of the peak that explains a step; None where even the whole peak does not.

    Of experts where the share of `products` is given, else of products; `plain` is that of attention, the same as of
    products where it is not given.
    """
    def at(share):
        return measured.time.at(shares(share, products, plain))

    low, high = 0.02, 1.0
    if at(high) > measured.seconds:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle) > measured.seconds else (low, middle)
    return (low + high) / 2


def shares(share, products=None, plain=None):
    """The shares of which one is looked for."""
    return Shares(products or share, share, plain or products or share)


def percentiles(values):
    """Tenth, median, ninetieth."""
    ordered = sorted(values)
    return [round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) for part in (0.1, 0.5, 0.9)]


def groups():
    """Devices, arithmetic and kind of model to their measured steps; those of dense models first."""
    by_key = {}
    for each in [*steps(), *rates(), *recipes()]:
        by_key.setdefault((each.devices, each.arithmetic, "experts" if each.moe else "products"), []).append(each)
    return dict(sorted(by_key.items(), key=lambda item: item[0][2], reverse=True))


def fitted():
    """Devices, arithmetic and kind to the shares of each step, the steps, and what was known before."""
    by_kind, fits = {}, {}
    for (devices, arithmetic, kind), measured in groups().items():
        plain = None if arithmetic == "bf16" else by_kind.get((devices, "bf16"))
        products = None if kind == "products" else by_kind[devices, arithmetic]
        values = [attained(each, products, plain) for each in measured]
        if kind == "products":
            by_kind[devices, arithmetic] = percentiles([value for value in values if value])[1]
        fits[devices, arithmetic, kind] = (values, measured, products, plain)
    return fits


def holdout(values, measured, products, plain, key):
    """How far each step is off at the median share of those that do not share its key."""
    off = []
    for each in measured:
        rest = [value for value, other in zip(values, measured, strict=True) if value and key(other) != key(each)]
        if rest:
            off.append(each.time.at(shares(median(rest), products, plain)) / each.seconds - 1)
    return off


def families(runs):
    """Runs by whose they are."""
    by_name = {}
    for run in runs:
        by_name.setdefault(run.name.rsplit("-", 1)[0], []).append(run)
    return by_name


def holdout_runs(runs):
    """Differences of the hours of whole runs, by the share of those of their size that are of other families."""
    return [each.share / median(run.share for run in runs if run not in family and run.large is each.large) - 1
            for family in families(runs).values() for each in family]


def main():
    for name, (values, measured, products, plain) in fitted().items():
        line = f"{' '.join(name)}: {len(measured)} rows, shares {percentiles([value for value in values if value])}"
        for label, key in (("configuration", lambda each: each.name.split(" seq")[0]),
                           ("model", lambda each: each.name.split()[0])):
            off = sorted(abs(error) for error in holdout(values, measured, products, plain, key))
            if off:
                line += (f"; {label} left out: median {median(off):.3f}, 90th percentile "
                         f"{off[int(0.9 * len(off))]:.3f}, worst {off[-1]:.3f}")
        sys.stdout.write(line + "\n")
    runs = list(published_runs())
    for large in (False, True):
        alike = [run for run in runs if run.large is large]
        sys.stdout.write(f"whole runs, {'larger' if large else 'smaller'}: {len(alike)}, of the rate of tuned steps "
                         f"they reach {percentiles(run.share for run in alike)}\n")
    for each in runs:
        sys.stdout.write(f"{each.name:18} {each.hours:12,.0f} hours published, {each.predicted.expected:12,.0f} "
                         f"({each.predicted.low:,.0f} to {each.predicted.high:,.0f}) expected, "
                         f"{each.predicted.expected / each.hours:.2f}\n")
    off = sorted(map(abs, holdout_runs(runs)))
    sys.stdout.write(f"families left out: median {median(off):.3f}, mean {mean(off):.3f}, "
                     f"90th percentile {off[int(0.9 * len(off))]:.3f}\n")


if __name__ == "__main__":
    main()
