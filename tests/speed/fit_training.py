"""Fit the shares that training attains, and say how far they are off where they were not fitted.

    python -m tests.speed.fit_training

Prints what `paramcalc/catalog/training.json` holds. Needs no more than the package: three shares, by bisection.
"""

from __future__ import annotations

import sys
from statistics import median

from tests.speed.training import published_runs, rates, steps


def attained(measured):
    """The share of the peak that explains a step; None where even the whole peak does not."""
    low, high = 0.02, 1.0
    if measured.time.at(high) > measured.seconds:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if measured.time.at(middle) > measured.seconds else (low, middle)
    return (low + high) / 2


def percentiles(values):
    """Tenth, median, ninetieth."""
    ordered = sorted(values)
    return [round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) for part in (0.1, 0.5, 0.9)]


def errors(measured, share):
    """How far each step is off at a share."""
    return [each.time.at(share) / each.seconds - 1 for each in measured]


def main():
    groups = {}
    for each in [*steps(), *rates()]:
        groups.setdefault((each.devices, "moe" if each.moe else "dense"), []).append(each)
    for (devices, kind), measured in groups.items():
        shares = [share for each in measured if (share := attained(each)) is not None]
        left_out = []
        for name in {each.name.split(" seq")[0] for each in measured}:
            rest = [share for each in measured if not each.name.startswith(name)
                    and (share := attained(each)) is not None]
            here = [each for each in measured if each.name.startswith(name)]
            if rest:
                left_out += [abs(error) for error in errors(here, median(rest))]
        left_out.sort()
        sys.stdout.write(f"{devices} {kind}: {len(measured)} rows, shares {percentiles(shares)}; configurations left "
                         f"out: median {median(left_out):.3f}, 90th percentile "
                         f"{left_out[int(0.9 * len(left_out))]:.3f}, worst {left_out[-1]:.3f}\n")
    shares = [one.share for one in published_runs()]
    off = sorted(abs(share / percentiles(shares)[1] - 1) for share in shares)
    sys.stdout.write(f"whole runs: {len(shares)}, shares of their hours {percentiles(shares)}; off the median by "
                     f"{median(off):.3f} in the median, 90th percentile {off[int(0.9 * len(off))]:.3f}\n")


if __name__ == "__main__":
    main()
