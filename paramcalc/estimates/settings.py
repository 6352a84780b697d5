"""The settings of serving and of FLOPs: what can be said, its default, and its help.

The command line, Python and `expect:` read these. `ServingKeywords` and `FlopsKeywords` repeat the names and types,
without defaults, for type checkers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from pydantic import BeforeValidator, Field

from paramcalc.defaults import SERVING, WORKLOAD, Convention, Recompute
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need
from paramcalc.estimates.media import media_of, parse_durations, parse_sizes, parse_videos
from paramcalc.estimates.runtimes import RuntimeName
from paramcalc.estimates.towers import TowerParallel
from paramcalc.measures.flops import Workload
from paramcalc.settings import CachedTokens, Count, Devices, Settings, Share, Stages, Tokens, option
from paramcalc.sizes import parse_memory, parse_tokens

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec

Batch = Annotated[Count, Field(ge=1, le=2**20)]


def _texts(value: object) -> object:
    """A list for a tuple of texts; a single text is one of them."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Images = Annotated[tuple[tuple[int, int], ...], BeforeValidator(parse_sizes)]
Videos = Annotated[tuple[tuple[int, int, int], ...], BeforeValidator(parse_videos)]
TOWER_PARALLEL = ("What --tp divides of towers: weights, where the runtime does, or data: each device holds whole "
                  "towers and takes a share of the pictures; the runtime's default when not given.")
Durations = Annotated[tuple[Fraction, ...], BeforeValidator(parse_durations)]
IMAGE = option((), "Width and height in pixels of a picture in each sequence, beside its other tokens; repeatable.",
               metavar="WxH")
VIDEO = option((), "Width and height in pixels of a video in each sequence, and its frames; repeatable.",
               metavar="WxHxFRAMES")
AUDIO = option((), "Length of a recording in each sequence, beside its other tokens: 30s, 1m30s; repeatable.",
               metavar="TIME")
ImageSizes = str | Sequence[str | tuple[int, int]]
VideoSizes = str | Sequence[str | tuple[int, int, int]]
AudioLengths = str | float | Sequence[str | float]


def _contexts(value: object) -> object:
    """`4k,32k`, one number, or a sequence of either."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else (value,)
    return tuple(parse_tokens(part) for part in parts)


def _parts(value: object) -> object:
    """`17,13`, or a sequence of whole numbers."""
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(parts) if isinstance(parts, list | tuple) else (parts,)


TensorSplit = Annotated[tuple[Annotated[int, Field(ge=0, le=2**20)], ...], BeforeValidator(_parts)]


class FormatSettings(Settings):
    """In which formats a model is held, and how devices divide it."""

    dtype: str = option(SERVING.dtype, "Format of weights that are not quantized: bf16, fp16, fp32.")
    quant: str | None = option(
        SERVING.quant, "Number format or GGUF mix of the weights: q4_k_m, gptq, awq, nf4, mxfp4, none; fit: all.")
    imatrix: bool | None = option(
        SERVING.imatrix, "GGUF mix made with an importance matrix; IQ types are, others are not, when not given.")
    tp: Devices | None = option(SERVING.tp, "Tensor parallel size: devices among which each matrix is divided.")
    pp: Stages | None = option(SERVING.pp, "Pipeline parallel size: stages among which the layers are divided.")
    ep: Devices | None = option(SERVING.ep, "Expert parallel size: devices among which the experts are divided.")
    gpus: Devices | None = option(
        SERVING.gpus, "Number of devices; divided as the runtime does where no parallel size is given.")


class RuntimeSettings(FormatSettings):
    """By which runtime a model is served."""

    kv_dtype: str | None = option(SERVING.kv_dtype, "Format of keys and values: fp8, q8_0, or one for each: q8_0,q4_0.",
                                  metavar="D[,D]")
    runtime: RuntimeName | None = option(None, "Runtime whose KV cache layout to use; exact: what the mathematics "
                                         "needs, a lower bound. Not given: for fit all that serve the model, for rows "
                                         "with a device the first with room for it, else exact.")
    runtime_options: Texts = option((), "Setting of the runtime: ubatch=2048, unified=true, batched_tokens=4096.",
                                    "--runtime-option", "-R", metavar="KEY=VALUE")
    tower_parallel: TowerParallel | None = option(SERVING.tower_parallel, TOWER_PARALLEL)
    draft: str | None = option(None, "What drafts tokens: mtp for the model's own multi-token prediction layers, or a "
                               "MODEL beside it: its weights and cache, and copies of recurrent states.",
                               metavar="mtp|MODEL")
    draft_tokens: Annotated[int, Field(ge=1, le=64)] | None = option(
        None, f"Tokens drafted at once, with --draft; {SERVING.draft_tokens} when not given.")
    loras: Annotated[int, Field(ge=0, le=2**12)] = option(
        SERVING.loras, "LoRA adapters a device has room for at once, on every linear layer of the text model.")
    lora_rank: Annotated[int, Field(ge=1, le=2**12)] = option(SERVING.lora_rank, "Rank of --loras.")
    dp: Devices | None = option(SERVING.dp, "Data parallel size: devices, or groups of --tp, that each serve a part of "
                                "the batch; a mixture's experts are divided among all of them.")


class ServingSettings(RuntimeSettings):
    """How a model is served, and how much at once."""

    context: Tokens = option(SERVING.context, "Tokens of each sequence, prompt and answer: 8192, 8k, 1M.",
                             metavar="TOKENS")
    batch: Batch = option(SERVING.batch, "Number of sequences at once.", metavar="N")
    source: Tokens | None = option(
        SERVING.source, "Tokens of the encoder's input; as many as --context when not given.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class PageSettings(Settings):
    """What the one page of a model is about."""

    context: Tokens = option(SERVING.context, "Tokens of the sequence: 8192, 8k, 128k, 1M.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class DeviceSettings(Settings):
    """On which accelerator."""

    gpu: str | None = option(None, "Accelerator: h100, rtx-4090; `paramcalc list gpus` shows the names. fit takes "
                             "several unlike ones: rtx-3090,rtx-3060-12gb.", metavar="NAME")
    gpu_memory_utilization: Share | None = option(None, "Share of a device's memory that is used: 0.9 or 90%.",
                                                  metavar="SHARE")
    accelerators: Path | None = option(None, "YAML file with devices of your own.", metavar="FILE")


    @property
    def share(self) -> tuple[int, int] | None:
        """The share of a device that is used, as a ratio; the runtime's own where none is given."""
        share = self.gpu_memory_utilization
        return None if share is None else (share.numerator, share.denominator)

    def need_gpu(self) -> None:
        """Raise UsageError for what has no effect where no accelerator is named."""
        need(self, ("gpu_memory_utilization", "accelerators"), present=self.gpu is not None, what="--gpu",
             hint="--gpu h100")


class PlacementSettings(Settings):
    """Which layers stand on cards, as a command line of llama.cpp says it."""

    gpu_layers: Annotated[int, Field(ge=0, le=2**16)] | None = option(
        None, "Layers on cards, the output as one more; the others stay in the host's memory (llama.cpp).",
        "--gpu-layers", "--n-gpu-layers", metavar="N")
    cpu_moe: Annotated[int, Field(ge=0, le=2**16)] = option(
        0, "First layers whose routed experts stay in the host's memory (llama.cpp).", "--cpu-moe", "--n-cpu-moe",
        metavar="N")
    tensor_split: TensorSplit = option((), "Part of each card, in order (llama.cpp): 17,13.", metavar="N[,…]")

    @property
    def is_requested(self) -> bool:
        """Whether any of it was said."""
        return bool(self.model_fields_set)

    def need_alone(self, other: bool, option: str) -> None:
        """Raise UsageError where an option was said that has no effect beside a placement."""
        if other and self.is_requested:
            raise UsageError(Problem(f"{option} has no effect beside --gpu-layers, --cpu-moe and --tensor-split",
                                     hint="`paramcalc fit --gpu NAME --ram SIZE` finds a placement for cards"))


class HostSettings(Settings):
    """What the host adds to the cards."""

    ram: Annotated[int, BeforeValidator(parse_memory)] | None = option(
        None, "Memory of the host for what the cards have no room for: 64GiB (llama.cpp).", metavar="SIZE")


class FitSettings(RuntimeSettings):
    """How a model is served, at one context or several."""

    context: Annotated[tuple[int, ...], BeforeValidator(_contexts), Field(min_length=1)] = option(
        (SERVING.context,), "Tokens of each sequence; several make a curve, of which the last decides: 4k,32k,128k.",
        metavar="TOKENS[,…]")
    batch: Batch = option(SERVING.batch, "Number of sequences at once.", metavar="N")
    source: Tokens | None = option(
        SERVING.source, "Tokens of the encoder's input; as many as --context when not given.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class FlopsSettings(Settings):
    """What runs through a model at once, and how its FLOPs are counted."""

    batch: Batch = option(WORKLOAD.batch, "Number of sequences at once.", metavar="N")
    seq: Tokens = option(WORKLOAD.seq, "New tokens of each sequence: 2048, 8k.", metavar="TOKENS")
    past: CachedTokens = option(WORKLOAD.past, "Tokens of each sequence already in the cache.", metavar="TOKENS")
    source: Tokens | None = option(WORKLOAD.source, "Tokens of the encoder's input; as many as --seq when not given.",
                                   metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO
    convention: Convention = option(
        WORKLOAD.convention, "full: attention's whole square; causal: only the pairs a query may see.")
    head: Literal["all", "last"] = option(WORKLOAD.head, "Positions that get logits.")
    recompute: Recompute = option(WORKLOAD.recompute, "What the training step recomputes.")

    def workload(self, spec: ModelSpec) -> Workload:
        """The workload, with pictures and recordings as a model's processor cuts them. Raises UsageError where that
        cannot be."""
        media = media_of(self, spec)
        source = media.attended(spec.source_tokens(self.source), self.seq)
        seq = media.sequence(self.seq)
        return Workload(self.batch, seq, self.past, source, self.convention, self.head, media,
                        absorbed=seq == 1 and self.past > 0)


class FlopsKeywords(TypedDict, total=False):
    """`FlopsSettings` without `seq`, as keyword arguments."""

    batch: int | str
    past: int | str
    source: int | str | None
    image: ImageSizes
    video: VideoSizes
    audio: AudioLengths
    convention: Convention
    head: Literal["all", "last"]
    recompute: Recompute


class ServingKeywords(TypedDict, total=False):
    """`ServingSettings` without `context`, as keyword arguments."""

    batch: int | str
    source: int | str | None
    image: ImageSizes
    video: VideoSizes
    audio: AudioLengths
    dtype: str
    quant: str | None
    kv_dtype: str | None
    runtime: RuntimeName | None
    runtime_options: Sequence[str]
    tower_parallel: TowerParallel | None
    draft: str | None
    draft_tokens: int | None
    loras: int
    lora_rank: int
    dp: int | None
    tp: int | None
    pp: int | None
    ep: int | None
    gpus: int | None
    imatrix: bool | None
