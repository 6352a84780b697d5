"""FLOPs for a training loop's MFU: one call, from whatever describes the model.

Frameworks print MFU by two conventions. PaLM (arXiv:2204.02311, appendix B), llm-foundry, torchtitan and nanoGPT count
all query-key pairs of attention: `full`. Megatron-Core and Megatron-Bridge count only the pairs that the causal mask
allows: `causal`; they leave out the matrices that route tokens to experts (num_floating_point_operations of
megatron/training/training.py).
"""

from __future__ import annotations

import warnings
from math import inf
from typing import TYPE_CHECKING, Any, cast, get_args

from paramcalc.arguments import checked
from paramcalc.defaults import TRAINING, WORKLOAD, Convention, Recompute
from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many
from paramcalc.settings import Devices
from paramcalc.sizes import MOST_TOKENS

if TYPE_CHECKING:
    from paramcalc.measures.flops import Flops
    from paramcalc.readers.sources import Source
    from paramcalc.tree import Node

FRAMEWORKS: dict[str, Convention] = {
    "palm": "full", "llm-foundry": "full", "torchtitan": "full", "nanogpt": "full", "megatron-core": "causal",
    "megatron-bridge": "causal"}
"""Whose printed MFU follows which convention."""
HEAD_AGAIN = frozenset({"llm-foundry"})
"""Frameworks whose printed HFU is 4/3 of the MFU, as if the head, too, were computed again."""
NO_ROUTER = frozenset({"megatron-core", "megatron-bridge"})
"""Frameworks that do not count the matrices that route tokens to experts."""
MTP = "mtp"
"""Of the parts beside the model, the heads of multi-token prediction."""
USED: dict[str, Any] = {"tokens_per_second": float, "gpu": str | float, "gpus": Devices, "convention": str,
                        "dtype": str, "mtp": bool, "scans": bool}
"""Types of the arguments of a utilization."""


@checked(convention=str, training=bool, mtp=bool, scans=bool)
def flops_per_token(
    model: Source, seq: int, *, convention: str = WORKLOAD.convention, training: bool = True, mtp: bool = False,
    scans: bool = False,
) -> int:
    """FLOPs of one token in a sequence of `seq`, a multiply-add counted as two.

    `model`: a ModelSpec, a dict (a spec or a config.json), a config object with `to_dict()`, a path or a preset's
    name. `convention`: `full` counts all query-key pairs of attention, `causal` only the pairs that the causal mask
    allows; or the name of a framework, see `FRAMEWORKS`. `training`: forward and backward, without recomputation; else
    forward. `mtp`: the heads of multi-token prediction are trained too. `scans`: elementwise scans of state-space
    models count. The sequence's FLOPs are divided by `seq` and rounded down.

    Raises PCError for what cannot be read, UsageError for an unknown convention.
    """
    return _sequence(model, seq, convention, training=training, mtp=mtp, scans=scans) // seq


@checked(**USED)
def mfu(
    model: Source, tokens_per_second: float, gpu: str | float, gpus: int = 1, *, seq: int = TRAINING.seq,
    convention: str = WORKLOAD.convention, dtype: str = TRAINING.dtype, mtp: bool = False, scans: bool = False,
) -> float:
    """Model FLOPs utilization: 0.41 where 41% of the peak is used.

    `tokens_per_second`: of all devices together. `gpu`: an accelerator's name, or FLOPs a second of one. `dtype`: the
    arithmetic whose dense peak counts (`bf16`, `fp8`). The rest as `flops_per_token`. Warns above 1, which cannot be.
    """
    return _used(_sequence(model, seq, convention, mtp=mtp, scans=scans) / seq, tokens_per_second, gpu, gpus, dtype)


@checked(**USED, recompute=str)
def hfu(
    model: Source, tokens_per_second: float, gpu: str | float, gpus: int = 1, *, seq: int = TRAINING.seq,
    convention: str = WORKLOAD.convention, dtype: str = TRAINING.dtype,
    recompute: Recompute = "full", mtp: bool = False, scans: bool = False,
) -> float:
    """Hardware FLOPs utilization: as `mfu`, with what backward computes again (`recompute`): `full`, the forward pass
    of all layers, and of the head where `convention` is a framework that prints it so. Raises PCError as `mfu`,
    UsageError for another word for `recompute`."""
    if recompute not in get_args(Recompute):
        raise UsageError(Problem(f"recompute {recompute!r} is not known",
                                 hint=f"one of {', '.join(get_args(Recompute))}"))
    return _used(_sequence(model, seq, convention, recompute=recompute, mtp=mtp, scans=scans) / seq, tokens_per_second,
                 gpu, gpus, dtype)


def _used(flops: float, tokens_per_second: float, gpu: str | float, gpus: int, dtype: str) -> float:
    """A share of the peak of all devices; warns where it is more than all of it."""
    if not 0 <= tokens_per_second < inf or gpus < 1:
        raise UsageError(Problem(f"{tokens_per_second} tokens a second on {many(gpus, 'device')} cannot be"))
    share = flops * tokens_per_second / (gpus * peak(gpu, dtype))
    if share > 1:
        warnings.warn(f"{share:.1%} of the peak cannot be used: is it the rate of all devices together, and their "
                      f"arithmetic {dtype}?", UserWarning, stacklevel=4)
    return share


def peak(gpu: str | float, dtype: str = TRAINING.dtype) -> float:
    """Dense FLOPs a second of a device. Raises UsageError where none is known."""
    if not isinstance(gpu, str):
        if not 0 < gpu < inf:
            raise UsageError(Problem(f"a device of {gpu} FLOPs a second cannot be"))
        return float(gpu)
    from paramcalc.catalog.accelerators import find_accelerator

    device = find_accelerator(gpu)
    rating = device.peak(dtype)
    if rating is None or (rating[0] != dtype and dtype != "bf16"):
        raise UsageError(Problem(f"no arithmetic of {device.name} is known for {dtype}{device.why_unknown('flops')}",
                                 hint="give FLOPs a second in place of the name"))
    return float(rating[1])


def _sequence(
    model: Source, seq: int, convention: str, *, training: bool = True, recompute: Recompute = WORKLOAD.recompute,
    mtp: bool, scans: bool,
) -> int:
    """FLOPs of one sequence: forward and, in training, backward and what that computes again."""
    from paramcalc.build import build
    from paramcalc.measures.flops import Workload, flops
    from paramcalc.readers.sources import spec_of
    from paramcalc.spec.media import NO_MEDIA

    if type(seq) is not int or not 1 <= seq <= MOST_TOKENS:
        raise UsageError(Problem(f"seq: expected a number of tokens, found {str(seq)[:40]}"))
    full_model = build(spec_of(model))
    trees: list[Node] = [full_model.tree]
    if mtp:
        if MTP not in full_model.apart:
            raise UsageError(Problem(f"{full_model.spec.name or 'the model'} has no heads of multi-token prediction",
                                     hint="leave mtp out"))
        trees.append(full_model.apart[MTP])
    load = Workload(1, seq, 0, NO_MEDIA.attended(full_model.spec.source_tokens(), seq), _convention(convention))
    total = 0
    for tree in trees:
        work = flops(tree, load, fused=scans)
        head_again = recompute == "full" and convention.lower() in HEAD_AGAIN
        again = work.forward if head_again else work.again(recompute)
        total += work.forward + (work.backward + again if training else 0)
        if convention.lower() in NO_ROUTER:
            total -= _router(work, training=training, again=recompute == "full")
    return total


def _router(work: Flops, *, training: bool, again: bool) -> int:
    """What routes tokens to experts, of all that is counted."""
    forward, backward = (part.get("moe_router", 0) for part in (work.components, work.backward_components))
    return forward + (backward + forward * again if training else 0)


def _convention(name: str) -> Convention:
    """A convention by its own name or a framework's."""
    convention = FRAMEWORKS.get(name.lower(), name)
    if convention not in get_args(Convention):
        raise UsageError(Problem(f"convention {name!r} is not known",
                                 hint=f"{', '.join(get_args(Convention))}, or one of {', '.join(FRAMEWORKS)}"))
    return cast("Convention", convention)
