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
from paramcalc.settings import Count, Devices, Settings, Stages, Tokens, option

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

    seq: Tokens = option(TRAINING.seq, "Tokens of each sequence: 2048, 8k.", metavar="TOKENS")
    micro_batch: Annotated[Count, Field(ge=1, le=2**16)] = option(
        TRAINING.micro_batch, "Sequences of one forward pass of a device.", metavar="N")
    source: Tokens | None = option(TRAINING.source, "Tokens of the encoder's input; as many as --seq when not given.",
                                   metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO
    dtype: str = option(TRAINING.dtype, "Format of weights that are not quantized: bf16, fp16, fp32.")
    quant: str | None = option(TRAINING.quant, "Number format of frozen weights, with --lora-rank: nf4, mxfp4.")
    compute_dtype: str | None = option(
        TRAINING.compute_dtype, "Format of products and activations; that of the weights when not given. fp8: products "
        "alone, as torchao computes them.")
    grad_dtype: str | None = option(TRAINING.grad_dtype, "Format of gradients; that of the weights when not given.")
    master: bool = option(TRAINING.master, "Keep a float32 copy of weights held in fewer bits.")
    optimizer: str = option(TRAINING.optimizer, "Optimizer; `paramcalc list optimizers` shows the names.")
    loss: Loss = option(
        TRAINING.loss, "compiled: one kernel reads logits and writes their gradients (torch.compile); fused: chunked "
        "cross-entropy, logits are never materialised.")
    method: Method = option(
        TRAINING.method, "Models beside the trained one. dpo, grpo: a frozen reference, and dpo pairs of sequences; "
        "ppo: a reference, a reward model and a critic.")
    recompute: Recompute = option(
        TRAINING.recompute, "Activations to recompute in backward. selective: attention's; per-op: all of a layer but "
        "every other product and what attention gives, as torchtitan does.")
    attention: AttentionKernel = option(
        TRAINING.attention, "flash: one fused kernel, as on a GPU, and one for scans; sdpa: torch's own arithmetic; "
        "eager: written out.")
    activations: Library = option(
        TRAINING.activations, "Implementation to account for: transformers or Megatron.")
    zero: Annotated[int, Field(ge=0, le=3)] = option(
        TRAINING.zero, "ZeRO stage. 1: optimizer states are divided among ranks, 2: gradients too, 3: weights too "
        "(FSDP).")
    zero_shards: Devices | None = option(TRAINING.zero_shards, "Number of ranks among which ZeRO divides, if not all.")
    tp: Devices = option(TRAINING.tp, "Tensor parallel size: devices among which each matrix is divided.")
    pp: Stages = option(TRAINING.pp, "Pipeline parallel size: stages among which the layers are divided.")
    ep: Devices = option(TRAINING.ep, "Expert parallel size: devices among which the experts are divided.")
    cp: Stages = option(TRAINING.cp, "Context parallel size: devices among which each sequence is divided.")
    dp: Devices | None = option(None, "Data parallel size: copies of the model that is divided by --tp, --pp and --cp.")
    sequence_parallel: bool = option(TRAINING.sequence_parallel, "Divide by sequence what --tp replicates.")
    interleave: Annotated[int, Field(ge=1, le=64)] = option(
        TRAINING.interleave, "Chunks of layers on each pipeline stage.")
    schedule: ScheduleName = option(
        TRAINING.schedule, "How micro-batches pass the stages of a pipeline. zb1p: gradients of weights fill what 1f1b "
        "waits; dualpipe: they pass in both directions, each device holds two stages.")
    micro_batches: Annotated[Count, Field(ge=1, le=2**20)] | None = option(
        TRAINING.micro_batches, "Micro-batches of a step.", metavar="N")
    lora_rank: Annotated[int, Field(ge=1, le=2**14)] | None = option(
        TRAINING.lora_rank, "Train LoRA adapters of this rank.")
    lora_targets: Annotated[tuple[str, ...], BeforeValidator(_names)] = option(
        ("all-linear",), "Modules that get adapters.", metavar="NAME[,…]")
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = option(
        TRAINING.lora_dropout, "Dropout of what the adapters read.")
    dora: bool = option(TRAINING.dora, "Train a magnitude for each output of an adapter as well (DoRA).")
    freeze: Annotated[tuple[str, ...], BeforeValidator(_names)] = option(
        TRAINING.freeze, "Towers that are not trained: vision, audio, projector.", metavar="NAME[,…]")


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
