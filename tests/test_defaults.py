"""A default is written once, in `paramcalc.defaults`; every class that has one of those fields refers to it."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

import paramcalc
from paramcalc.cli.embedded import run_embedded
from paramcalc.defaults import SERVING, TRAINING, WORKLOAD

PACKAGE = Path(paramcalc.__file__).parent
CLASSES = {
    "estimates/settings.py": ("FormatSettings", "RuntimeSettings", "ServingSettings", "FitSettings", "FlopsSettings"),
    "estimates/training_settings.py": ("TrainingSettings",), "estimates/run_settings.py": ("RunSettings",),
    "estimates/explain_settings.py": ("ExplainSettings",), "estimates/speed_settings.py": ("SpeedSettings",),
    "estimates/inference.py": ("Setup",), "estimates/training.py": ("Recipe",),
    "estimates/training_layout.py": ("Layout",),
    "activations/policy.py": ("Policy",), "measures/flops.py": ("Workload",), "measures/cache.py": ("Serving",),
    "spec/expect.py": ("Fits", "CacheBudget", "FlopBudget"),
}
NAMES = {each.name for defaults in (SERVING, TRAINING, WORKLOAD) for each in fields(defaults)}
OWN = {("TrainingSettings", "dp"), ("RuntimeSettings", "runtime"), ("RuntimeSettings", "draft_tokens"),
       ("RunSettings", "gpus"), ("SpeedSettings", "runtime"),
       ("SpeedSettings", "draft_tokens"), ("Workload", "seq"), ("Workload", "source"), ("Fits", "gpus")}
"""Fields of a name in `paramcalc.defaults` whose own default means something else: None where nothing was said, a
runtime that serves, the one token a workload is at least, one accelerator."""


def written(path, name):
    """Fields of a class that write out their default, by name."""
    tree = ast.parse((PACKAGE / path).read_text("utf-8"))
    body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name)
    for each in body:
        if isinstance(each, ast.AnnAssign) and each.value is not None and each.target.id in NAMES:
            value = each.value.args[0] if isinstance(each.value, ast.Call) else each.value
            names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
            if not names & {"SERVING", "TRAINING", "WORKLOAD"} and (name, each.target.id) not in OWN:
                yield each.target.id


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in CLASSES.items() for name in names])
def test_a_default_is_referred_to(path, name):
    assert list(written(path, name)) == []


def test_faces_agree(tmp_path):
    """What `expect:`, the command line and Python take where nothing is said."""
    cache = paramcalc.memory("gpt2").cache.bytes_per_token
    (tmp_path / "gpt2.yaml").write_text(paramcalc.convert("gpt2").split("expect:")[0]
                                        + f"expect: {{cache_per_token: {{bytes: {cache}}}}}\n", "utf-8")
    assert paramcalc.check(tmp_path).exit_code == 0
    assert f'"context": {SERVING.context}' in run_embedded(["memory", "qwen3-0.6b", "--json"]).out
