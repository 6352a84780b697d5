"""The settings of training: what can be said, its default, and its help.

The command line, Python and `expect:` read these. `TrainingKeywords` repeats the names and types, without defaults, for
type checkers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

from pydantic import BeforeValidator, Field

from paramcalc.activations.policy import AttentionKernel, Library, Recompute
from paramcalc.defaults import TRAINING
from paramcalc.estimates.schedules import ScheduleName
from paramcalc.estimates.settings import (
    AUDIO,
    IMAGE,
    VIDEO,
    AudioLengths,
    Durations,
    Images,
    ImageSizes,
    Videos,
    VideoSizes,
)
from paramcalc.settings import DTYPE, EP, PP, TP, Count, Devices, Settings, Stages, Tokens, option

Loss = Literal["plain", "compiled", "fused"]
Method = Literal["sft", "dpo", "grpo", "ppo"]
"""Alone (supervised), beside a frozen reference (arXiv:2305.18290, arXiv:2402.03300), or beside a reference, a reward
model and a critic that is trained too (arXiv:2203.02155)."""


def _names(value: object) -> object:
    """`q_proj,v_proj`, or a sequence of names."""
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return tuple(name.strip() for name in str(value).split(",") if name.strip())


class TrainingSettings(Settings):
    """What is trained, in which formats, by what, and how devices divide it."""

    seq: Tokens = option(TRAINING.seq, "Sequence length in tokens: 2048, 8k.", metavar="TOKENS")
    micro_batch: Annotated[Count, Field(ge=1, le=2**16)] = option(
        TRAINING.micro_batch, "Micro-batch size: number of sequences in one forward pass of a device.", metavar="N")
    source: Tokens | None = option(TRAINING.source, "Length of the encoder input in tokens; --seq when not given.",
                                   metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO
    dtype: str = option(TRAINING.dtype, DTYPE)
    quant: str | None = option(TRAINING.quant, "Number format of frozen weights, with --lora-rank: nf4, mxfp4.")
    compute_dtype: str | None = option(
        TRAINING.compute_dtype, "Number format of matrix products and activations; that of the weights when not "
                                "given. fp8: matrix products only, as torchao computes them.")
    grad_dtype: str | None = option(
        TRAINING.grad_dtype, "Number format of gradients; that of the weights when not given.")
    master: bool = option(TRAINING.master, "Keep a float32 master copy of weights in narrower formats.")
    optimizer: str = option(TRAINING.optimizer, "Optimizer; `paramcalc list optimizers` lists the names.")
    loss: Loss = option(
        TRAINING.loss, "Implementation of the loss. compiled: one kernel reads logits and writes their gradients "
                       "(torch.compile); fused: chunked cross-entropy, logits are never materialised.")
    method: Method = option(
        TRAINING.method, "Training method, which adds models to the trained one. dpo: a frozen reference model, and "
                         "pairs of sequences; grpo: a frozen reference model; ppo: a reference model, a reward model "
                         "and a critic.")
    recompute: Recompute = option(
        TRAINING.recompute, "Activations to recompute in the backward pass. selective: those of attention; per-op: "
                            "all of a layer except every second matrix product and the attention output, as "
                            "torchtitan does.")
    attention: AttentionKernel = option(
        TRAINING.attention, "Attention implementation. flash: one fused kernel, as on a GPU, and one for scans; sdpa: "
                            "PyTorch's math kernel; eager: one operation after another.")
    activations: Library = option(
        TRAINING.activations, "Implementation to account for: transformers or Megatron.")
    zero: Annotated[int, Field(ge=0, le=3)] = option(
        TRAINING.zero, "ZeRO stage. 1: divide optimizer states among ranks; 2: gradients too; 3: weights too (FSDP).")
    zero_shards: Devices | None = option(
        TRAINING.zero_shards, "Number of ranks that ZeRO divides among; all when not given.")
    tp: Devices = option(TRAINING.tp, TP)
    pp: Stages = option(TRAINING.pp, PP)
    ep: Devices = option(TRAINING.ep, EP)
    cp: Stages = option(TRAINING.cp, "Context parallel size: number of devices that each sequence is divided among.")
    dp: Devices | None = option(None, "Data parallel size: number of replicas of the model, each divided by --tp, "
                                      "--pp and --cp.")
    sequence_parallel: bool = option(
        TRAINING.sequence_parallel, "Divide along the sequence the activations that --tp replicates.")
    interleave: Annotated[int, Field(ge=1, le=64)] = option(
        TRAINING.interleave, "Number of chunks of layers on each pipeline stage (interleaved schedule).")
    schedule: ScheduleName = option(
        TRAINING.schedule, "Pipeline schedule. zb1p: weight gradients fill the bubbles of 1f1b; dualpipe: "
                           "micro-batches run in both directions, and each device holds two stages.")
    micro_batches: Annotated[Count, Field(ge=1, le=2**20)] | None = option(
        TRAINING.micro_batches, "Number of micro-batches in a step.", metavar="N")
    lora_rank: Annotated[int, Field(ge=1, le=2**14)] | None = option(
        TRAINING.lora_rank, "Train LoRA adapters of this rank.")
    lora_targets: Annotated[tuple[str, ...], BeforeValidator(_names)] = option(
        ("all-linear",), "Modules to add adapters to.", metavar="NAME[,…]")
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = option(
        TRAINING.lora_dropout, "Dropout probability of the adapters' inputs.")
    dora: bool = option(TRAINING.dora, "Also train a magnitude for each output of an adapted module (DoRA).")
    freeze: Annotated[tuple[str, ...], BeforeValidator(_names)] = option(
        TRAINING.freeze, "Towers to freeze: vision, audio, projector.", metavar="NAME[,…]")


class TrainingKeywords(TypedDict, total=False):
    """`TrainingSettings` without `seq`, as keyword arguments."""

    micro_batch: int | str
    source: int | str | None
    image: ImageSizes
    video: VideoSizes
    audio: AudioLengths
    dtype: str
    quant: str | None
    compute_dtype: str | None
    grad_dtype: str | None
    master: bool
    optimizer: str
    loss: Loss
    method: Method
    recompute: Recompute
    attention: AttentionKernel
    activations: Library
    zero: int
    zero_shards: int | None
    tp: int
    pp: int
    ep: int
    cp: int
    dp: int | None
    sequence_parallel: bool
    interleave: int
    schedule: ScheduleName
    micro_batches: int | str | None
    lora_rank: int | None
    lora_targets: str | Sequence[str]
    dora: bool
    lora_dropout: float
    freeze: str | Sequence[str]
