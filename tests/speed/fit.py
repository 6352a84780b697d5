"""Fit the constants of `paramcalc/catalog/speed.json`: `python -m tests.speed.fit [--write]`. Needs scipy.

Each class is fitted to the logarithm of measured over expected, capped so that rows with settings nobody stated do not
pull, and drawn a little to what is usual, so that small classes stay sane. Errors are of configurations left out in
five folds; whole devices and whole models left out are the second test.
"""

from __future__ import annotations

import json
import sys
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import numpy as np

import paramcalc.catalog
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.speed import Constants, SpeedClass, Spread
from paramcalc.errors import PCError
from paramcalc.estimates.step import Served, Terms
from tests.speed.records import DATA, closed_loop, of, rows, speed, table

JSON = Path(paramcalc.catalog.__file__).with_name("speed.json")
RATIOS = DATA / "left_out_ratios.csv"
HEAD = """# Expected over measured time a token where the configuration was left out of the fit.
# Written by `python -m tests.speed.fit --write`.
class,source,ratio"""
USUAL = {"bandwidth": (0.9, 0.3), "cache": (0.7, 0.7), "flops": (0.3, 1.0), "layer": (70e-6, 0.7),
         "experts": (40e-6, 1.0), "product": (10e-6, 0.7), "hop": (8e-6, 1.5), "sequence": (15e-6, 1.5),
         "scheduling": (60e-6, 1.5), "prompt": (3e-3, 1.5)}
"""What is usual, and the logarithm of how far from it is not."""
LIMITS = {"bandwidth": 1.0, "cache": 1.0, "flops": 1.0}
CAP = 0.7
SERVER = ("bandwidth", "cache", "flops", "product", "hop")
SCHEDULED = ("flops", "product", "hop", "scheduling", "prompt")
EXPERTS = ("flops", "layer", "experts", "hop", "sequence")
EARLIER = ("flops", "product", "experts", "sequence")
PROMPTED = ("flops", "product", "sequence", "prompt")
SEQUENCES = ("cache", "flops", "layer", "hop", "sequence")
LOCAL = ("bandwidth", "cache", "flops", "layer", "experts")
METERED = "ml-energy/leaderboard@0cd52dab897c:public/data/models"
AIC = "ai-dynamo/aiconfigurator@095f58a51c4c:aic-core/src/aiconfigurator_core/systems/silicon_sample.csv"
BENCH = "XiongjieDai/GPU-Benchmarks-on-LLM-Inference@aa72e0ec86c3:README.md"
LLMFIT = "AlexsJones/llmfit@3f44fd30a43d:llmfit-core/data"
HALO = "kyuz0/amd-strix-halo-toolboxes@d1a34bee0900:docs/results.json"


class Kind(NamedTuple):
    """A class before it is fitted."""

    name: str
    runtime: str
    models: str = ""
    vendor: str = ""
    kinds: tuple = ()
    also: tuple = ()
    free: tuple = SERVER
    groups: tuple = ("serving",)
    dates: str = ""
    sources: tuple = ()
    until: str = ""


SERVERS = ("server", "workstation", "desktop")
"""Devices that serving engines are made for."""
GDDR = ("a10", "a10g", "a2", "a40", "l4", "l20", "l40", "l40s", "p40", "rtx-6000d", "rtx-pro-6000-server", "t4")
"""Cards for servers whose memory is that of desktop and workstation cards: of stacked memory llama.cpp reaches less."""
KINDS = (
    Kind("vllm dense", "vllm", "dense", kinds=SERVERS, free=SEQUENCES, dates="2025-06 to 2026-04", sources=(AIC,)),
    Kind("vllm moe to 0.12", "vllm", "moe", kinds=SERVERS, free=EARLIER, groups=("serving", "closed loop"),
         dates="2025-10 to 2025-12", sources=(AIC, METERED), until="0.12"),
    Kind("vllm moe", "vllm", "moe", kinds=SERVERS, free=EXPERTS, dates="2026-01 to 2026-04", sources=(AIC,)),
    Kind("tensorrt-llm dense", "tensorrt-llm", "dense", vendor="nvidia", kinds=SERVERS, free=SCHEDULED,
         dates="2025-06 to 2026-04", sources=(AIC,)),
    Kind("tensorrt-llm moe to 1.1", "tensorrt-llm", "moe", vendor="nvidia", kinds=SERVERS, free=PROMPTED,
         dates="2025-06 to 2025-11", sources=(AIC,), until="1.1"),
    Kind("tensorrt-llm moe", "tensorrt-llm", "moe", vendor="nvidia", kinds=SERVERS, dates="2025-12 to 2026-04",
         sources=(AIC,)),
    Kind("sglang dense", "sglang", "dense", kinds=SERVERS, free=SEQUENCES, dates="2025-06 to 2026-04", sources=(AIC,)),
    Kind("sglang moe", "sglang", "moe", kinds=SERVERS, dates="2025-06 to 2026-04", sources=(AIC,)),
    Kind("llama.cpp geforce and rtx", "llama.cpp", vendor="nvidia", kinds=("desktop", "workstation"), also=GDDR,
         free=LOCAL, groups=("llama-bench", "community"), dates="2024-05 to 2026-09", sources=(BENCH, LLMFIT)),
    Kind("llama.cpp nvidia server", "llama.cpp", vendor="nvidia", kinds=("server",), free=LOCAL,
         groups=("llama-bench",), dates="2024-05 to 2026-09", sources=(BENCH,)),
    Kind("llama.cpp nvidia shared memory", "llama.cpp", vendor="nvidia", kinds=("shared",), free=LOCAL,
         groups=("llama-bench", "community"), dates="2026-03 to 2026-09", sources=(HALO, LLMFIT)),
    Kind("llama.cpp amd shared memory", "llama.cpp", vendor="amd", kinds=("shared",), free=LOCAL,
         groups=("llama-bench", "community"), dates="2026-03 to 2026-09", sources=(HALO,)),
    Kind("llama.cpp radeon", "llama.cpp", vendor="amd", kinds=SERVERS, free=LOCAL, groups=("llama-bench", "community"),
         dates="2026-05 to 2026-09", sources=(LLMFIT,)),
    Kind("llama.cpp apple", "llama.cpp", vendor="apple", free=LOCAL, groups=("llama-bench", "community"),
         dates="2024-05 to 2026-09", sources=(BENCH, LLMFIT)),
)


def blank(kind, constants, devices=()):
    """A class with constants and nothing measured."""
    one = Spread(1.0, 1.0)
    return SpeedClass(kind.name, kind.runtime, kind.models, kind.vendor, kind.kinds, kind.also, constants, 0, 0, 0.0,
                      0.0, (), one, one, one, None, tuple(devices), kind.dates, kind.sources, kind.until)


def kind_of(row):
    """The class of a row."""
    device, moe = find_accelerator(row.gpu), of(row).moe
    classes = ((kind, blank(kind, Constants())) for kind in KINDS)
    return next((kind for kind, fit_kind in classes
                 if fit_kind.suits(row.runtime, moe, device) and fit_kind.serves(row.release)), None)


def clean(row, kind):
    """Whether a row is of a class, gives its settings, and is not faster than its bytes can be read."""
    if row.why or row.group not in kind.groups or kind_of(row) is not kind:
        return False
    if kind.runtime != "llama.cpp":
        return True
    predictor = speed(row, blank(kind, Constants()))
    return predictor.longest.sequences >= 1 and predictor.point(1).tpot.expected < row.tpot


class Matrix:
    """The terms of rows, so that a fit asks the model once."""

    def __init__(self, sample, kind):
        fit_kind = blank(kind, Constants())
        points = [(row, speed(row, fit_kind)) for row in sample]
        self.rows = sample
        self.measured = np.array([row.tpot for row in sample])
        running = [max(1.0, float(min(row.concurrency, one.mean.sequences * row.split.dp))) for row, one in points]
        self.decode = np.array([list(one.step(number)) for (_, one), number in zip(points, running, strict=True)])
        self.fill = np.array([list(one.filling) for _, one in points])
        self.others = np.array([max(0.0, number / row.split.dp - 1) / row.output
                                for row, number in zip(sample, running, strict=True)])

    def expected(self, fit_kind):
        """Seconds a token: `Speed.seconds`, over all rows at once."""
        return _seconds(self.decode, fit_kind) + self.others * self._joined(fit_kind)

    def _joined(self, fit_kind):
        """`Terms.joined`, over all rows at once."""
        step, prompt = Terms(*self.decode.T), Terms(*self.fill.T)
        together = np.maximum(1, self.others)
        reading, flops = step.reading(fit_kind), step.flops / fit_kind.flops
        longer = np.maximum(reading, flops + together * prompt.flops / fit_kind.flops) - np.maximum(reading, flops)
        return longer / together + prompt.wire + fit_kind.prompt


def _seconds(terms, fit_kind):
    """`Terms.seconds`, over all rows at once."""
    step = Terms(*terms.T)
    launching = fit_kind.product * step.products
    device = (np.maximum(step.reading(fit_kind), step.flops / fit_kind.flops) + step.wire
              + fit_kind.hop * step.collectives + fit_kind.layer * step.layers + fit_kind.experts * step.moe_layers
              + launching + fit_kind.sequence * step.sequences)
    return np.maximum(device, launching + fit_kind.scheduling * step.sequences)


def fit(matrix, free, fixed=None):
    """The constants that are least off."""
    from scipy.optimize import minimize

    usual = np.log([USUAL[name][0] for name in free])
    width = np.array([USUAL[name][1] for name in free])
    upper = np.log([LIMITS.get(name, 1.0) for name in free])
    counts = {row.configuration: 0 for row in matrix.rows}
    for row in matrix.rows:
        counts[row.configuration] += 1
    weight = np.array([counts[row.configuration] ** -0.25 for row in matrix.rows])
    pull = 0.06 * min(1.0, 40 / len(matrix.rows))

    def constants(values):
        return Constants(**dict(zip(free, np.exp(np.minimum(values, upper)), strict=True)) | (fixed or {}))

    def loss(values):
        off = np.abs(np.log(matrix.expected(constants(values)) / matrix.measured))
        off = np.where(off > CAP, CAP + 0.1 * (off - CAP), off)
        return (weight * off).sum() / weight.sum() + pull * (((values - usual) / width) ** 2).mean()

    random = np.random.default_rng(0)
    starts = [usual, *(usual + random.normal(0, 0.6, len(free)) for _ in range(3))]
    best = min((minimize(loss, start, method="Nelder-Mead", options={"maxiter": 1500, "xatol": 1e-3, "fatol": 1e-5})
                for start in starts), key=lambda solution: solution.fun)
    return constants(best.x)


def holdout(kind, sample, key, free, fixed=None):
    """Expected over measured of each row, by a fit that did not see what shares its key."""
    keys = sorted({key(row) for row in sample}, key=str)
    folds = {one: int(md5(str(one).encode(), usedforsecurity=False).hexdigest(), 16) % 5 for one in keys}
    if len(keys) <= 10:
        folds = {one: place for place, one in enumerate(keys)}
    ratios = {}
    for fold in sorted(set(folds.values())):
        train = [row for row in sample if folds[key(row)] != fold]
        test = [row for row in sample if folds[key(row)] == fold]
        if not train:
            continue
        fit_kind = fit(Matrix(train, kind), free, fixed)
        matrix = Matrix(test, kind)
        ratios |= dict(zip(map(id, test), matrix.expected(fit_kind) / matrix.measured, strict=True))
    return np.array([ratios[id(row)] for row in sample if id(row) in ratios])


def errors(ratios):
    """Median, 90th percentile and mean of how far expected is from measured."""
    off = np.abs(ratios - 1)
    return np.median(off), np.quantile(off, 0.9), off.mean()


def of_spread(ratios):
    """Measured over expected, 10th and 90th percentile."""
    return [round(float(value), 3) for value in np.quantile(1 / ratios, [0.1, 0.9])]


def answerable():
    """Measurements in a closed loop of models that have a specification."""
    for row in closed_loop():
        try:
            of(row)
        except PCError:
            continue
        yield row


def fitted(kind):
    """A class with everything measured of it."""
    sample = [row for row in (*rows(), *answerable()) if clean(row, kind)]
    matrix = Matrix(sample, kind)
    fixed = {}
    free = kind.free
    if kind.runtime == "llama.cpp":  # decoding one sequence says nothing of FLOPs: they are those of prompts
        free = tuple(name for name in free if name != "flops" and (name != "experts" or any(of(r).moe for r in sample)))
        fixed = {"flops": prefill_share(kind, sample)}
    fit_kind = fit(matrix, free, fixed)
    fair = holdout(kind, sample, lambda row: row.configuration, free, fixed)
    devices = sorted({row.gpu for row in sample})
    models = sorted({row.model for row in sample})
    by_device = holdout(kind, sample, lambda row: row.gpu, free, fixed) if len(devices) > 1 else fair
    by_model = holdout(kind, sample, lambda row: row.model, free, fixed) if len(models) > 1 else fair
    ratios = matrix.expected(fit_kind) / matrix.measured
    groups = {}
    for row, ratio in zip(sample, ratios, strict=True):
        groups.setdefault(row.configuration, []).append(ratio)
    within = [ratio / np.median(group) for group in groups.values() if len(group) > 2 for ratio in group]
    median, tail, mean = errors(fair)
    wider = of_spread(np.concatenate([by_device, by_model]))
    inside = of_spread(fair)
    report = (f"{kind.name}: n {len(sample)}, configurations {len(groups)}, left out median {median:.1%} "
              f"p90 {tail:.1%} mean {mean:.1%}; device {errors(by_device)[2]:.1%}, model {errors(by_model)[2]:.1%} "
              "in the mean")
    print(report, {name: float(f"{value:.3g}") for name, value in fit_kind.set_ones().items()})  # noqa: T201 - a tool
    row = {"runtime": kind.runtime, "models": kind.models, "vendor": kind.vendor, "kinds": list(kind.kinds),
           "also": list(kind.also),
           "constants": {name: float(f"{value:.3g}") for name, value in fit_kind.set_ones().items()},
           "records": len(sample), "configurations": len(groups), "median_error": round(float(median), 4),
           "p90_error": round(float(tail), 4),
           "mean_errors": [round(float(errors(each)[2]), 4) for each in (fair, by_device, by_model)], "inside": inside,
           "outside": [min(inside[0], wider[0]), max(inside[1], wider[1])],
           "within": of_spread(np.array(within)) if within else inside, "ttft": first(kind, sample, fit_kind),
           "devices": devices, "dates": kind.dates, "sources": list(kind.sources)}
    row |= {"until": kind.until} if kind.until else {}
    return row, [(kind.name, each.source, round(float(ratio), 4)) for each, ratio in zip(sample, fair, strict=True)]


def prefill_share(kind, sample):
    """The share of the peak prompts reach: the median over rows that say their speed."""
    shares = []
    for row in sample:
        if row.prefill:
            served: Served = of(row)
            terms = served.fill(find_accelerator(row.gpu), row.output)
            shares.append(terms.flops / (row.output / row.prefill))
    return float(f"{np.median(shares):.3g}") if shares else 0.3


def first(kind, sample, fit_kind):
    """Measured over expected time to the first token, with at most four requests; of prompts alone for llama.cpp."""
    from paramcalc.estimates.speed import FIRST_TOKEN

    ratios = []
    for row in sample:
        filling = speed(row, blank(kind, fit_kind)).filling.seconds(fit_kind) + fit_kind.prompt
        if row.ttft and row.concurrency / row.split.dp <= 8:
            ratios.append((filling + FIRST_TOKEN) / row.ttft)
        elif row.prefill:
            filling = of(row).fill(find_accelerator(row.gpu), row.output).seconds(fit_kind)
            ratios.append(filling / (row.output / row.prefill))
    if len(ratios) < 8:
        return None
    return [*of_spread(np.array(ratios)), round(float(np.median(1 / np.array(ratios))), 3)]


def power():
    """Share of its power a device draws, by sequences on one replica."""
    points = []
    for row in table("energy.csv"):
        device = find_accelerator(row["gpu"])
        devices = int(row["gpus"])
        points.append((float(row["batch"]) / max(1, int(row["dp"])),
                       float(row["watts"]) / devices / device.power_watts))
    shares = []
    for low, high in ((0, 16), (16, 64), (64, 256), (256, 2**16)):
        inside = [share for batch, share in points if low < batch <= high]
        ends = np.quantile(inside, [0.1, 0.5, 0.9])
        shares.append([high, *(round(float(value), 3) for value in ends), len(inside)])
    return {"source": METERED, "dates": "2025",
            "shares": shares}


def main(write=False):
    """Fit every class, print how far it is off, and write the table."""
    classes, every = {}, []
    for kind in KINDS:
        classes[kind.name], ratios = fitted(kind)
        every += ratios
    servers = np.array([ratio for name, *_, ratio in every if not name.startswith("llama.cpp")])
    print("all servers", [f"{value:.1%}" for value in errors(servers)])  # noqa: T201
    text = dump({"speed": classes, "power": power()})
    if write:
        JSON.write_text(text, "utf-8")
        lines = [f"{name},{source.split(' ')[0]},{ratio}" for name, source, ratio in every]
        RATIOS.write_text("\n".join([HEAD, *lines, ""]), "utf-8")


def dump(document):
    """JSON with a line for each field of a class."""
    classes = ",\n".join(
        f"    {json.dumps(name)}: {{\n" + ",\n".join(f"      {json.dumps(key)}: {json.dumps(value)}"
                                                     for key, value in row.items()) + "\n    }"
        for name, row in document["speed"].items())
    return f'{{\n  "speed": {{\n{classes}\n  }},\n  "power": {json.dumps(document["power"])}\n}}\n'


if __name__ == "__main__":
    main("--write" in sys.argv)
