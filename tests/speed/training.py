"""The committed measurements of training: steps and rates, as the step model sees them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from paramcalc.activations.fold import Tokens
from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.training import run_share, usual_step_tokens
from paramcalc.estimates.train_step import Stepper, StepTime
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.readers.models import load
from paramcalc.readers.sources import spec_of
from tests.speed.records import table

MPT = {"mpt-7b": (4096, 32, 32), "mpt-13b": (5120, 40, 40), "mpt-30b": (7168, 64, 48), "mpt-70b": (8192, 64, 80)}
"""Width, heads and layers: scripts/train/benchmarking of the file in the data's first line."""


class Measured(NamedTuple):
    """A step that was measured."""

    name: str
    devices: str
    moe: bool
    arithmetic: str
    seconds: float
    time: StepTime


def mpt(name):
    """A specification of the benchmark's sizes."""
    width, heads, layers = MPT[name]
    return spec_of({"model_type": "mpt", "architectures": ["MPTForCausalLM"], "d_model": width, "n_heads": heads,
                    "n_layers": layers, "vocab_size": 50368, "expansion_ratio": 4, "no_bias": True, "max_seq_len": 2048,
                    "attn_config": {"alibi": True}})


@cache
def stepper(model, gpu, layers=None, arithmetic="bf16", overlap=False):
    """A model on a device, gradients in float32 as Megatron accumulates them."""
    spec = mpt(model) if model in MPT else load(model, [f"num_layers={layers}"] if layers else []).spec
    return Stepper(Trainer(build(spec), Recipe(grad_dtype="fp32")), find_accelerator(gpu), arithmetic, overlap)


def step_time(model, layout, load, recompute):
    """A step of the layout's micro-batches."""
    return model.step(layout, load, recompute, layout.micro_batches)


def steps():
    """Steps of Megatron on B200."""
    keys = ("tp", "pp", "dp", "ep", "cp", "seq", "micro_batches")
    for row in table("training_steps.csv"):
        tp, pp, dp, ep, cp, seq, micro = (int(row[key]) for key in keys)
        layout = Layout(tp, pp, dp, ep, cp, 1, micro_batches=micro)
        model = stepper(row["model"], "b200", int(row["layers"]))
        name = f"{row['model']} tp {tp} pp {pp} ep {ep} cp {cp} seq {seq}"
        yield Measured(name, "Blackwell", bool(model.facts.moe_layers), "bf16", float(row["step_ms"]) / 1000,
                       step_time(model, layout, Tokens(1, seq, seq), "none"))


def rates():
    """Rates of llm-foundry on A100 and H100, as steps."""
    for row in table("training_rates.csv"):
        gpus, seq, batch, micro = (int(row[key]) for key in ("gpus", "seq", "micro_batch", "micro_batches"))
        layout = Layout(dp=gpus, zero=3, micro_batches=micro)
        model = stepper(row["model"], row["gpu"])
        seconds = batch * seq * micro * gpus / float(row["tokens_per_second"])
        yield Measured(f"{row['model']} {row['gpu']} {gpus} seq {seq}", model.attained.name, False, "bf16", seconds,
                       step_time(model, layout, Tokens(batch, seq, seq), row["recompute"]))


def recipes():
    """Recipes that NVIDIA tuned, as steps: collectives hide behind computation there."""
    for row in table("training_recipes.csv"):
        gpus, seq, batch, steps_of, tp, pp, cp, chunks, ep = (int(row[key]) for key in (
            "gpus", "seq", "micro_batch", "global_batch", "tp", "pp", "cp", "interleave", "ep"))
        dp = gpus // (tp * pp * cp)
        layout = Layout(tp, pp, dp, ep, cp, 1, interleave=chunks, micro_batches=steps_of // (dp * batch))
        model = stepper(row["model"], row["gpu"], arithmetic=row["arithmetic"], overlap=True)
        seconds = steps_of * seq / (float(row["tokens_per_second"]) * gpus)
        yield Measured(f"{row['model']} {row['gpu']} {gpus} {row['arithmetic']} seq {seq}", model.attained.name,
                       bool(model.facts.moe_layers), row["arithmetic"], seconds,
                       step_time(model, layout, Tokens(batch, seq, seq), "none"))


class PublishedRun(NamedTuple):
    """A whole run, and the hours of its steps alone as predicted."""

    name: str
    hours: float
    steps: float

    @property
    def share(self):
        """Of the rate of tuned steps, what the run reached while it ran."""
        return self.steps / (self.hours * run_share()[1])


def published_runs(devices=512):
    """Whole runs on so many devices, with steps of the usual tokens; layouts beyond tp and pp are not published."""
    for row in table("training_hours.csv"):
        tp, pp, seq = (int(row[key]) for key in ("tp", "pp", "seq"))
        model = Stepper(Trainer(build(load(row["model"]).spec), Recipe()), find_accelerator(row["gpu"]))
        dp = max(1, devices // tp // pp)
        micro = max(pp, usual_step_tokens() // (dp * seq))
        layout = Layout(tp, pp, dp, zero=1, micro_batches=micro)
        time = model.step(layout, Tokens(1, seq, seq), "none", micro).at(model.attained.shares[1])
        steps = float(row["tokens"]) / (micro * dp * seq) * time * layout.devices / 3600
        yield PublishedRun(row["model"], float(row["hours"]), steps)
