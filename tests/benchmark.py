"""Print how fast paramcalc is here: `python tests/benchmark.py [PART ...]`, by default all parts.

Not a test: times depend on the machine and on who else uses it. Starts are ratios of medians of processes run in turn;
rates are of the best of several rounds for each item, in processor time, on one core.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

IMPORTS = "import typer, rich.table, rich.console, pydantic, yaml"
MODEL = "llama-3.1-8b"
COMPLETE = {"_PARAMCALC_COMPLETE": "complete_bash", "COMP_WORDS": "paramcalc count llama", "COMP_CWORD": "2"}
STARTS: tuple[tuple[str, list[str], dict[str, str], float], ...] = (
    ("count", ["count", MODEL], {}, 1.5),
    ("count --json", ["count", MODEL, "--json"], {}, 1.5),
    ("count --by layer", ["count", MODEL, "--by", "layer"], {}, 1.5),
    ("memory", ["memory", MODEL], {}, 1.5),
    ("fit", ["fit", MODEL, "--gpu", "h100"], {}, 1.5),
    ("flops", ["flops", MODEL], {}, 1.5),
    ("check", ["check", str(ROOT / "configs/llama/llama-3.1-8b.yaml")], {}, 1.5),
    ("--version", ["--version"], {}, 0.6),
    ("completion of a preset", [], COMPLETE, 0.6),
    ("completion of a command", [], COMPLETE | {"COMP_WORDS": "paramcalc co", "COMP_CWORD": "1"}, 0.6),
)
"""Command lines, further environment, and the ratio to the imports that is aimed at."""


def main() -> None:
    """Run the parts named, or all."""
    parts: dict[str, Callable[[], None]] = {"start": start, "counts": counts, "configs": configs, "many": many,
                                              "rows": rows, "jobs": jobs}
    for name in sys.argv[1:] or parts:
        parts[name]()


def say(what: str, figure: str, aim: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:44} {figure:>16}   aim {aim}\n")
    sys.stdout.flush()


def start(rounds: int = 9) -> None:
    """Whole processes, compiled files warm, each in turn beside one that only imports the libraries."""
    with tempfile.TemporaryDirectory() as compiled:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
        run = "import sys; from paramcalc.cli import start; start()"
        lines = {"": (["-c", IMPORTS], {})} | {name: (["-c", run, *words], more) for name, words, more, _ in STARTS}
        seconds: dict[str, list[float]] = {name: [] for name in lines}
        for lap in range(rounds + 1):
            for name, (words, more) in lines.items():
                took = process([sys.executable, *words], environment | more)
                if lap:  # the first compiles
                    seconds[name].append(took)
    base = statistics.median(seconds[""])
    say("start: imports alone", f"{base * 1000:.0f} ms", "-")
    for name, _, _, aim in STARTS:
        took = statistics.median(seconds[name])
        say(f"start: {name}", f"{took / base:.2f} x", f"<= {aim} x")


def process(words: list[str], environment: dict[str, str]) -> float:
    """Seconds of processor time a process and its children take; waiting for others is not its doing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rate(work: Callable[[Any], object], sample: Sequence[Any], rounds: int = 7) -> float:
    """Items a second of processor time, without collecting garbage, as timeit: of each item the best of several rounds
    over all of them, since others who use the machine slow down some of every round."""
    best = [float("inf")] * len(sample)
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for place, item in enumerate(sample):
            began = time.process_time()
            work(item)
            best[place] = min(best[place], time.process_time() - began)
    gc.enable()
    return len(sample) / sum(best)


def llamas(number: int) -> Iterator[dict[str, Any]]:
    """Parsed specifications in Llama's style, no two alike."""
    for i in range(number):
        heads = 8 * (1 + i % 12)
        yield {"name": f"llama-{i}", "vocab_size": 32_000 + 64 * i, "hidden_size": 128 * heads, "num_heads": heads,
               "num_layers": 2 + i % 78, "num_kv_heads": heads // (1, 2, 4, 8)[i % 4],
               "intermediate_size": 256 * (heads + i), "tie_embeddings": bool(i % 3)}


def counts() -> None:
    """From a parsed mapping to the count."""
    from paramcalc.build import build
    from paramcalc.measures.parameters import count
    from paramcalc.spec.model import ModelSpec

    sample = list(llamas(2_000))
    a_second = rate(lambda data: count(build(ModelSpec.model_validate(data)).tree), sample)
    say("parsed spec to count", f"{a_second:,.0f} a second", ">= 8,000")


def varied(number: int) -> list[dict[str, Any]]:
    """Configs of every family in turn, with the library's defaults and vocabularies of their own."""
    from paramcalc.errors import PCError
    from paramcalc.readers.config.defaults import family_data, model_types
    from paramcalc.readers.config.read import read_config

    usable = []
    for model_type in model_types():
        family = family_data(model_type)
        data = {"model_type": model_type, **(family.defaults if family else {})}
        with suppress(PCError):  # no text model, or a class without defaults
            read_config(data)
            usable += [data] if type(data.get("vocab_size")) is int else []
    return [data | {"vocab_size": data["vocab_size"] + 64 * lap}
            for lap in range(-(-number // len(usable))) for data in usable][:number]


def configs() -> None:
    """Configs of every family, by the API and by one command, and memory against the number of layers."""
    from paramcalc.build import build
    from paramcalc.measures.parameters import count
    from paramcalc.readers.config.read import read_config

    sample = varied(1_000)
    a_second = rate(lambda data: count(build(read_config(data).spec).tree), sample)
    say(f"config to count, {len({d['model_type'] for d in sample})} families", f"{a_second:,.0f} a second", ">= 3,000")
    common: list[dict[str, Any]] = [
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32_000 + i, "hidden_size": 4096,
         "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14_336}
        for i in range(1_000)]
    a_second = rate(lambda data: count(build(read_config(data).spec).tree), common)
    say("config to count, Llama", f"{a_second:,.0f} a second", ">= 3,000")
    for layers in (32, 3_200):
        tracemalloc.start()
        model = build(read_config({**common[0], "num_hidden_layers": layers}).spec)
        count(model.tree)
        highest = tracemalloc.get_traced_memory()[1] / 1024
        say(f"memory at its highest, {layers:,} layers", f"{highest:,.0f} KiB", "flat")
        tracemalloc.stop()


def many() -> None:
    """A thousand files in one command, less what the same command takes for one, and the whole catalog."""
    with tempfile.TemporaryDirectory() as folder:
        paths, files = [], Path(folder, "configs")
        for i, data in enumerate(varied(1_000)):
            path = files / f"model-{i}" / "config.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(data), encoding="utf-8")
            paths.append(str(path))
        specs = sorted(str(path) for path in (ROOT / "configs").glob("*/*.yaml"))
        several = Path(folder, "specs")
        for lap in range(-(-1_000 // len(specs))):
            (several / str(lap)).mkdir(parents=True)
            for path in specs[: 1_000 - lap * len(specs)]:
                (several / str(lap) / Path(path).name).write_bytes(Path(path).read_bytes())
        for what, words, one, aim in (
            ("count of 1,000 configs", ["count", *paths, "--json"], ["count", paths[0], "--json"], "-"),
            ("check of 1,000 specs", ["check", str(several)], ["check", specs[0]], "< 2 s"),
            ("check of 1,000 configs", ["check", str(files)], ["check", specs[0]], "< 2 s"),
            ("fit --all, ten contexts", ["fit", MODEL, "--all", "--context", TEN], ["fit", MODEL, "--gpu", "h100"],
             "< 0.5 s"),
        ):
            took = min(command(words) - command(one) for _ in range(3))
            say(f"{what}, after start-up", f"{took:.2f} s", aim)


TEN = "1k,2k,4k,8k,16k,32k,48k,64k,96k,128k"


def command(words: list[str]) -> float:
    """Seconds of processor time of one command of ours; it may find faults (1), but must understand its arguments."""
    run = "import sys; from paramcalc.cli import start; start()"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    completed = subprocess.run([sys.executable, "-c", run, *words], env=os.environ | {"PYTHONPATH": str(ROOT)},
                          capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if completed.returncode not in (0, 1):
        raise RuntimeError(f"{words[:2]} failed: {completed.stderr[-500:].decode(errors='replace')}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows() -> None:
    """A row of compare beside count, memory and flops of the same spec, in one process."""
    import paramcalc
    from paramcalc.answers.comparison import row
    from paramcalc.estimates.settings import DeviceSettings, ServingSettings
    from paramcalc.readers.presets import presets
    from paramcalc.readers.sources import reading_of

    specs = [paramcalc.read(name) for name in [*presets()][::6]]
    each = rate(lambda spec: (paramcalc.count(spec), paramcalc.memory(spec), paramcalc.flops(spec)), specs)
    serving, device = ServingSettings(), DeviceSettings()
    one = rate(lambda reading: row(reading, serving, device), [reading_of(spec) for spec in specs])
    say("a row, against count + memory + flops", f"{each / one:.2f} x", "<= 1.3 x")


def jobs() -> None:
    """How much faster two processes are on two free cores, by processor time: what one takes, over what the parent and
    half of what its children take."""
    with tempfile.TemporaryDirectory() as folder:
        for i, data in enumerate(varied(3_000)):
            path = Path(folder, f"model-{i}", "config.json")
            path.parent.mkdir()
            path.write_text(json.dumps(data), encoding="utf-8")
        files = sorted(str(path) for path in Path(folder).glob("*/config.json"))
        for what, words in (
            ("compare of 3,000 configs", ["compare", folder, "--format", "csv"]),
            ("count of 3,000 configs", ["count", *files, "--json"]),
            ("check of 3,000 configs", ["check", folder]),
            ("sweep of 5,100 shapes", ["sweep", MODEL, "num_layers=1..51", "hidden_size=128..12800:128",
                                       "--format", "csv"]),
            ("solve of 671B", ["solve", "--params", "671B", "--like", "deepseek-v3"]),
        ):
            one = min(sum(shares(words)) for _ in range(2))
            own, theirs = min((shares([*words, "--jobs", "2"]) for _ in range(2)), key=sum)
            say(f"{what}, two processes", f"{one / (own + theirs / 2):.2f} x", ">= 1.7 x")


def shares(words: list[str]) -> tuple[float, float]:
    """Seconds of processor time of one command of ours and of its children."""
    run = ("import os, resource, sys; from paramcalc.cli.main import run; code = run(sys.argv[1:])\n"
           "times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
           "os.write(2, '\\n{} {}'.format(*(t.ru_utime + t.ru_stime for t in times)).encode()); sys.exit(code)")
    completed = subprocess.run([sys.executable, "-c", run, *words], env=os.environ | {"PYTHONPATH": str(ROOT)},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    own, theirs = completed.stderr.split(b"\n")[-1].split()
    return float(own), float(theirs)


if __name__ == "__main__":
    main()
