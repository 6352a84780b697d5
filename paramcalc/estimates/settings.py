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

from paramcalc.defaults import SERVING, WORKLOAD, Convention, Recompute, TowerParallel
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need
from paramcalc.estimates.media import media_of, parse_durations, parse_sizes, parse_videos
from paramcalc.estimates.runtimes import RuntimeName
from paramcalc.measures.flops import Workload
from paramcalc.settings import DTYPE, EP, PP, TP, CachedTokens, Count, Devices, Settings, Share, Stages, Tokens, option
from paramcalc.sizes import NearMissError, parse_memory, parse_tokens

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec

HeadPositions = Literal["all", "last"]
Batch = Annotated[Count, Field(ge=1, le=2**20)]


def _texts(value: object) -> object:
    """A list for a tuple of texts; a single text is one of them."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Images = Annotated[tuple[tuple[int, int], ...], BeforeValidator(parse_sizes)]
Videos = Annotated[tuple[tuple[int, int, int], ...], BeforeValidator(parse_videos)]
TOWER_PARALLEL = ("How --tp divides vision and audio towers. weights: divide their matrices, where the runtime does; "
                  "data: replicate the towers and divide the images among the devices. The runtime's default when not "
                  "given.")
Durations = Annotated[tuple[Fraction, ...], BeforeValidator(parse_durations)]
IMAGE = option((), "Width and height in pixels of an image in each sequence, in addition to its other tokens; "
                   "repeatable.",
               metavar="WxH")
VIDEO = option((), "Width and height in pixels and number of frames of a video in each sequence; repeatable.",
               metavar="WxHxFRAMES")
AUDIO = option((), "Duration of an audio recording in each sequence, in addition to its other tokens: 30s, 1m30s; "
                   "repeatable.",
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


def _layers(value: object) -> object:
    """A number of layers; llama.cpp also takes words and -1 for all of them."""
    if str(value).strip().lower() in ("all", "max", "auto", "-1"):
        raise NearMissError(f"expected a number of layers, found {str(value)[:40]!r}", "999")
    return value


Layers = Annotated[int, BeforeValidator(_layers), Field(ge=0, le=2**16)]
TensorSplit = Annotated[tuple[Annotated[int, Field(ge=0, le=2**20)], ...], BeforeValidator(_parts)]


class FormatSettings(Settings):
    """In which formats a model is held, and how devices divide it."""

    dtype: str = option(SERVING.dtype, DTYPE)
    quant: str | None = option(
        SERVING.quant, "Number format or GGUF mix of the weights: q4_k_m, gptq, awq, nf4, mxfp4, none; fit also takes "
                       "all.")
    imatrix: bool | None = option(
        SERVING.imatrix, "Assume that the GGUF mix was made with an importance matrix; when not given, only IQ types "
                         "are.")
    tp: Devices | None = option(SERVING.tp, TP)
    pp: Stages | None = option(SERVING.pp, PP)
    ep: Devices | None = option(SERVING.ep, EP)
    gpus: Devices | None = option(
        SERVING.gpus, "Number of devices; when no parallel size is given, the model is divided as the runtime does by "
                      "default.")


class RuntimeSettings(FormatSettings):
    """By which runtime a model is served."""

    kv_dtype: str | None = option(
        SERVING.kv_dtype, "Number format of the KV cache: fp8, q8_0; or one each for keys and values: q8_0,q4_0.",
        metavar="D[,D]")
    runtime: RuntimeName | None = option(
        None, "Runtime whose KV cache layout to use; exact: the theoretical minimum, a lower bound. When not given, "
        "fit tries each runtime that serves the model, sweep and compare use the first that fits the device, and "
        "anything else uses exact.")
    runtime_options: Texts = option((), "Runtime setting: ubatch=2048, unified=true, batched_tokens=4096; repeatable.",
                                    "--runtime-option", "-R", metavar="KEY=VALUE")
    tower_parallel: TowerParallel | None = option(SERVING.tower_parallel, TOWER_PARALLEL)
    draft: str | None = option(None, "Speculative decoding with the model's own multi-token prediction layers (mtp) "
                                     "or with a draft MODEL; adds its weights and cache, and copies of recurrent "
                                     "states.",
                               metavar="mtp|MODEL")
    draft_tokens: Annotated[int, Field(ge=1, le=64)] | None = option(
        None, f"Number of tokens to draft in each step, with --draft; {SERVING.draft_tokens} when not given.")
    loras: Annotated[int, Field(ge=0, le=2**12)] = option(
        SERVING.loras, "Number of LoRA adapters that a device holds at once, on every linear layer of the text model.")
    lora_rank: Annotated[int, Field(ge=1, le=2**12)] = option(SERVING.lora_rank, "Rank of the adapters of --loras.")
    dp: Devices | None = option(
        SERVING.dp, "Data parallel size: number of replicas, each of --tp devices, that serve a part of the batch; the "
        "experts of a mixture are divided among all devices.")


class ServingSettings(RuntimeSettings):
    """How a model is served, and how much at once."""

    context: Tokens = option(SERVING.context, "Sequence length in tokens, prompt and output together: 8192, 8k, 1M.",
                             metavar="TOKENS")
    batch: Batch = option(SERVING.batch, "Batch size: number of sequences processed together.", metavar="N")
    source: Tokens | None = option(
        SERVING.source, "Length of the encoder input in tokens; --context when not given.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class PageSettings(Settings):
    """What the one page of a model is about."""

    context: Tokens = option(SERVING.context, "Sequence length in tokens: 8192, 8k, 128k, 1M.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class DeviceSettings(Settings):
    """On which accelerator."""

    gpu: str | None = option(None, "Accelerator: h100, rtx-4090; `paramcalc list gpus` lists the names. fit also "
                                   "takes several different ones: rtx-3090,rtx-3060-12gb.", metavar="NAME")
    gpu_memory_utilization: Share | None = option(
        None, "Share of a device's memory that the runtime may use: 0.9 or 90%.", metavar="SHARE")
    accelerators: Path | None = option(None, "YAML file that defines additional accelerators.", metavar="FILE")


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

    gpu_layers: Layers | None = option(
        None, "Number of layers to offload to GPUs, the output layer included; the others stay in host memory "
              "(llama.cpp).",
        "--gpu-layers", "--n-gpu-layers", metavar="N")
    cpu_moe: Layers = option(
        0, "Keep the routed experts of the first N layers in host memory (llama.cpp).", "--cpu-moe", "--n-cpu-moe",
        metavar="N")
    tensor_split: TensorSplit = option(
        (), "Proportion of the model to place on each GPU, in order (llama.cpp): 17,13.", metavar="N[,…]")

    @property
    def is_requested(self) -> bool:
        """Whether any of it was said."""
        return bool(self.model_fields_set)

    def need_alone(self, other: bool, option: str) -> None:
        """Raise UsageError where an option was said that has no effect beside a placement."""
        if other and self.is_requested:
            raise UsageError(Problem(f"{option} has no effect beside --gpu-layers, --cpu-moe and --tensor-split",
                                     hint="`paramcalc fit --gpu NAME --ram SIZE` finds a placement"))


class HostSettings(Settings):
    """What the host adds to the cards."""

    ram: Annotated[int, BeforeValidator(parse_memory)] | None = option(
        None, "Host memory for what does not fit on the GPUs: 64GiB (llama.cpp).", metavar="SIZE")


class FitSettings(RuntimeSettings):
    """How a model is served, at one context or several."""

    context: Annotated[tuple[int, ...], BeforeValidator(_contexts), Field(min_length=1)] = option(
        (SERVING.context,), "Sequence length in tokens; several lengths make a curve, and the last one decides the "
                            "verdict: 4k,32k,128k.",
        metavar="TOKENS[,…]")
    batch: Batch = option(SERVING.batch, "Batch size: number of sequences processed together.", metavar="N")
    source: Tokens | None = option(
        SERVING.source, "Length of the encoder input in tokens; --context when not given.", metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO


class FlopsSettings(Settings):
    """What runs through a model at once, and how its FLOPs are counted."""

    batch: Batch = option(WORKLOAD.batch, "Batch size: number of sequences processed together.", metavar="N")
    seq: Tokens = option(WORKLOAD.seq, "Number of new tokens in each sequence: 2048, 8k.", metavar="TOKENS")
    past: CachedTokens = option(
        WORKLOAD.past, "Number of tokens of each sequence that are already in the cache.", metavar="TOKENS")
    source: Tokens | None = option(WORKLOAD.source, "Length of the encoder input in tokens; --seq when not given.",
                                   metavar="TOKENS")
    image: Images = IMAGE
    video: Videos = VIDEO
    audio: Durations = AUDIO
    convention: Convention = option(
        WORKLOAD.convention, "Attention scores to count. full: all query-key pairs; causal: only the pairs that the "
                             "causal mask allows.")
    head: HeadPositions = option(WORKLOAD.head, "Positions to compute logits for.")
    recompute: Recompute = option(WORKLOAD.recompute, "Activations that the training step recomputes.")

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
    head: HeadPositions
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
