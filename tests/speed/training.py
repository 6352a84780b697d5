"""The committed measurements of training: steps and rates, as the step model sees them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from paramcalc.activations.fold import Tokens
from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.training import run_share, usual_step_tokens
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.run import Terms, run
from paramcalc.estimates.train_step import Stepper, StepTime
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.measures.parameters import count
from paramcalc.readers.models import load
from paramcalc.readers.sources import spec_of
from tests.speed.records import table

MPT = {"mpt-7b": (4096, 32, 32), "mpt-13b": (5120, 40, 40), "mpt-30b": (7168, 64, 48), "mpt-70b": (8192, 64, 80)}
"""Width, heads and layers: scripts/train/benchmarking of the file in the data's first line."""
NEMOTRON = {"nemotron-4-15b": (6144, 48, 32), "nemotron-4-340b": (18432, 96, 96)}
"""The same; 8 heads of keys and values (arXiv:2402.16819, table 1; arXiv:2406.11704, table 1)."""

CHANGED = {
    "gpt3-175b": ("gpt3-175b", ("vocab_size=51200",)),
    "llama-2-34b": ("llama-2-70b", ("num_layers=48", "intermediate_size=22016")),
    "bloomberggpt-50b": ("bloom-176b", ("num_layers=70", "hidden_size=7680", "num_heads=40", "num_kv_heads=40",
                                        "head_dim=192", "intermediate_size=30720", "vocab_size=131072"))}
"""Presets with other sizes: the rows of the vocabulary that a recipe divides (the file in the data's first line), Code
Llama 34B (arXiv:2308.12950), and BloombergGPT (arXiv:2303.17564)."""


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


def nemotron(name):
    """A specification of Nemotron-4."""
    width, heads, layers = NEMOTRON[name]
    return spec_of({"model_type": "nemotron", "architectures": ["NemotronForCausalLM"], "hidden_size": width,
                    "num_attention_heads": heads, "num_key_value_heads": 8, "num_hidden_layers": layers,
                    "intermediate_size": 4 * width, "vocab_size": 256000, "max_position_embeddings": 4096})


def specification(name, layers=None):
    """Of a preset, or of a model that only the measurements know; `layers`: so many of them."""
    for written, read in ((MPT, mpt), (NEMOTRON, nemotron)):
        if name in written:
            return read(name)
    preset, changes = CHANGED.get(name, (name, ()))
    return load(preset, [*changes, *([f"num_layers={layers}"] if layers else [])]).spec


@cache
def stepper(model, gpu, layers=None, arithmetic="bf16", overlap=False):
    """A model on a device, gradients in float32 as Megatron accumulates them."""
    trainer = Trainer(build(specification(model, layers)), Recipe(grad_dtype="fp32"))
    return Stepper(trainer, find_accelerator(gpu), arithmetic, overlap)


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


LARGE = 30 * 10**9
"""Parameters from which runs are told apart: between 15.5 and 32.5 billion no run is published here."""


class PublishedRun(NamedTuple):
    """A whole run as published and as predicted."""

    name: str
    parameters: int
    hours: float
    steps: float
    """Hours of its steps, were they tuned ones."""
    predicted: Figure
    """Hours of the whole run, as `train` says them."""

    @property
    def large(self):
        """Whether it is of the larger of the two sizes that are told apart."""
        return self.parameters >= LARGE

    @property
    def share(self):
        """Of the rate of tuned steps, what the run reached while it ran."""
        return self.steps / (self.hours * run_share()[1])


def published_runs(devices=512):
    """Whole runs, on so many devices and with the usual tokens of a step where nothing is published of them."""
    for row in table("training_hours.csv"):
        tp, pp, ep, seq, batch, chunks = (int(row[key]) for key in (
            "tp", "pp", "ep", "seq", "micro_batch", "interleave"))
        model = Stepper(Trainer(build(specification(row["model"])), Recipe()), find_accelerator(row["gpu"]),
                        row["arithmetic"])
        dp = max(1, int(row["gpus"] or devices) // tp // pp)
        micro = max(pp, int(row["step_tokens"] or usual_step_tokens()) // (dp * seq * batch))
        layout = Layout(tp, pp, dp, ep, zero=1, interleave=chunks, schedule=row["schedule"], micro_batches=micro)
        step = model.step(layout, Tokens(batch, seq, seq), row["recompute"], micro).range(model.attained.shares)
        parameters, tokens = count(model.tree).total, micro * batch * dp * seq
        published = run(0.0, tokens, step, model.device, layout.devices, 1, Terms(int(float(row["tokens"]))),
                        parameters)
        steps = step.expected * float(row["tokens"]) / tokens * layout.devices / 3600
        yield PublishedRun(row["model"], parameters, float(row["hours"]), steps, published.gpu_hours)
