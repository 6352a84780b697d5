"""A repository of specs and configs, as large as asked for."""

import json
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).parents[2]


def sources():
    """Presets and recorded configs by turns, each as name and text."""
    specs = [("spec.yaml", path.read_text("utf-8")) for path in sorted((ROOT / "configs").glob("*/*.yaml"))]
    recorded = sorted((ROOT / "tests" / "data" / "oracle").glob("*.jsonl"))
    lines = [path.read_text("utf-8").partition("\n")[0] for path in recorded]
    configs = [("config.json", json.dumps(json.loads(line)["config"], indent=2)) for line in lines]
    for spec, config in zip(cycle(specs), cycle(configs), strict=False):
        yield spec
        yield config


def write(folder, count):
    """That many files, each in a folder of its own."""
    for number, (name, text) in enumerate(islice(sources(), count)):
        path = folder / f"m{number}" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
