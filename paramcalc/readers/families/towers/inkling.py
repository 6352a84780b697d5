"""Inkling's towers: matrices that fold patches step by step, a table of codes of sound, and Inkling 2's transformer."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, inf, log, prod
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.parts import ROTARY, dense, down, embedded, norm, positioned, rms, table, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

Scale = tuple[int, int, int]
"""Frames, patch side and channels after a fold."""
LAYER2 = Layer("layernorm_before", "self_attn", "layernorm_after", scale1="lambda_1", scale2="lambda_2")


def _primes(number: int) -> list[int]:
    """Prime factors, the largest first."""
    factors, prime = [], 2
    while prime * prime <= number:
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    return ([number] if number > 1 else []) + factors[::-1]


def _products(number: int) -> list[int]:
    factors = _primes(number)
    return [prod(factors[: index + 1]) for index in range(len(factors))]


def scales(frames: int, side: int, count: int, channels: int) -> list[Scale]:
    """What is left between `count` folds of a patch: each the known scale whose size is nearest to an even progression.

    Source: `plan_out_scales` of the library's modeling_inkling.py. With fewer folds than scales each scale is taken
    once at most; in one dimension the cheapest such choice keeps the order, so that it is found from left to right.
    """
    sides, times = _products(side), _products(frames)
    longest = sides[-1] if sides else 1
    candidates = [(1, 1, channels), *((1, one, ceil(one**2 * channels / 64) * 64) for one in sides),
             *((time, longest, longest**2 * channels * time * 64) for time in times)]
    sizes = [log(scale[0] * scale[1]**2) for scale in candidates]
    ideal = [index * log(side * side * frames * channels) / count for index in range(count + 1)]
    if count >= len(candidates):
        chosen = [min(range(len(candidates)), key=lambda index: abs(sizes[index] - aim)) for aim in ideal]
    else:
        chosen = _once(sizes, ideal)
    chosen[0], chosen[-1] = 0, len(candidates) - 1
    return [candidates[index] for index in chosen]


def _once(sizes: list[float], ideal: list[float]) -> list[int]:
    """The increasing choice of sizes, one for each ideal, that is nearest to them in sum."""
    best: list[tuple[float, list[int]]] = [(0.0, [])] * (len(sizes) + 1)
    for aim in ideal:
        row: list[tuple[float, list[int]]] = [(inf, [])]
        for index, size in enumerate(sizes):
            cost, before = best[index]
            row.append(min(row[-1], (cost + abs(size - aim), [*before, index])))
        best = row
    return best[-1][1]


def folded(config: Config, at: str) -> Tower:
    """Inkling's vision tower: no attention, matrices on ever larger parts of a patch."""
    count, out = config.layers, config.integer("text_hidden_size")
    plan = scales(config.integer("temporal_patch_size"), config.integer("patch_size"), count,
                  config.integer("num_channels"))
    modules: Parts = {}
    for index, (before, after) in enumerate(pairwise(plan)):
        into = before[2] * (after[0] // before[0]) * (after[1] // before[1])**2
        last = index == count - 1
        width = out if last else after[2]
        modules[f"encoder_layers.{index}.projection"] = dense(width, into, bias=False)
        if not last:
            modules[f"encoder_layers.{index}.layer_norm"] = rms(width)
    return tower("vision", out, {**modules, "final_norm": rms(out)}, at=at)


def codes(config: Config, at: str) -> Tower:
    """Inkling's audio tower: one row for each code of each codebook."""
    width, rows = config.integer("text_hidden_size"), config.integer("num_codebooks") * config.integer("codebook_size")
    modules: Parts = {"embed_audio_tokens.embed_audio_tokens": table(rows, width, "other_embedding"),
                      "norm": rms(width)}
    return tower("audio", width, modules, at=at)


def vision2(config: Config, at: str) -> Tower:
    """Inkling 2's vision transformer, with what merges its patches."""
    width, patch, inner = config.integer("hidden_size"), config.integer("patch_size"), config.integer(
        "projection_hidden_dim")
    bias, square = config.flag("projector_bias"), width * config.integer("spatial_merge_size")**2
    modules: Parts = {
        "embeddings.patch_embedding": dense(width, config.integer("num_channels") * patch**2, bias=False,
                                            component="other_embedding"),
        "embeddings.position_embedding": table(config.integer("posemb_grid_size")**2, width),
        "embeddings.class_embedding": embedded(width),
        "embeddings.cls_position_embedding": positioned(width),
        "pre_layernorm": norm(width), "positions": ROTARY, "layers": layers(config.layers),
        "merger.linear_1": up(inner, square, bias=bias),
        "merger.linear_2": down(config.integer("text_hidden_size"), inner, bias=bias)}
    block = LAYER2.of(config)
    return tower("vision", width, modules, {"layer": block}, at)


def inkling(model: Composite) -> Towers:
    """Both towers end in the text model's width, whatever their own configs say."""
    width = {"text_hidden_size": model.text.hidden_size}
    return {**model.tower("vision_config", "vision_tower", "inkling_vision", width),
            **model.tower("audio_config", "audio_tower", "inkling_audio", width)}


def inkling2(model: Composite) -> Towers:
    """The tower alone."""
    return model.tower("vision_config", "vision_tower", "inkling2_vision", {"text_hidden_size": model.text.hidden_size})
