"""compressed-tensors: groups of targets, each with a scheme; the bytes follow the format, not the bits.

Sources: vllm-project/compressed-tensors@ac8e2ba82f4e:src/compressed_tensors/utils/match.py#L344-L466, compressors/.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import names_or_regexes
from paramcalc.readers.config.quantization.modelopt import cache_notes
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import Kind, QuantRule

CLASSES: dict[str, tuple[Kind, ...]] = {"Linear": ("linear", "head"), "Embedding": ("embedding",)}
"""What a class's name takes: of the language model, whose layers the library quantizes one after the other."""
MARLIN_24, DENSE = "marlin-24", ("", "dense")
MIXED = "mixed-precision"
"""Says that each group has a layout of its own; one that names none is packed by its type and bits."""
SCALES = {"nvfp4-pack-quantized": "torch.float8_e4m3fn", "mxfp4-pack-quantized": "torch.uint8",
          "mxfp8-quantized": "torch.uint8", "mxfp6-pack-quantized": "torch.uint8"}
"""The type of the scales that a layout's bytes have room for; another one leaves `scale_dtype` unused."""
SPARSE = ("sparse-24-bitmask", "sparse-bitmask")
CODES = "codes"
"""The format of what is known to have bits and nothing else."""
ONLINE = ("input", "output", "q_attn", "k_cache")
"""Where a transform is applied while the model runs, by a matrix that files hold; elsewhere it is in the weights."""
BYTES = ("int-quantized", "float-quantized", "naive-quantized", *DENSE, *SPARSE)
"""A byte a weight; where no layout is named the type and the bits say it."""


def compressed_tensors(settings: Settings) -> Quantized:
    """`ignore` wins over a target; a name is a whole one, a class, or `re:` from the start. Of several groups that fit
    a module a whole name counts first, then the expressions by the alphabet, then its class (`match_targets`)."""
    ignored = settings.names("ignore") or []
    layout = settings.text("format", default="")
    settings.get("tp_plan")
    notes = cache_notes(settings)
    caveats = _transforms(settings)
    targets: dict[str, str] = {}
    groups = settings.mapping("config_groups")
    sparsity = settings.mapping("sparsity_config")
    for name in groups.data if groups else ():
        scheme = groups.inner(groups.get(name), name) if groups else settings
        own = scheme.text("format")
        format_, why = _scheme(scheme, own or layout.replace(MIXED, ""), _sparse(sparsity))
        if format_.startswith(CODES) and not why:
            why = [(scheme if own else settings).caveat("format", f"{own or layout!r:.42} is not known: codes alone")]
        caveats += why
        targets |= dict.fromkeys(scheme.names("targets") or ["Linear"], format_ or KEEP)
    rules = _targets(targets)
    unquantized = [*keep(names_or_regexes(_heads(name for name in ignored if name not in CLASSES))),
                   *(take(KEEP, CLASSES[name]) for name in ignored if name in CLASSES)]
    if sparsity is not None and not (groups and groups.data):
        rules += _only_sparse(sparsity, caveats)
        unquantized = list(keep(names_or_regexes(sparsity.names("ignore") or ignored)))
    return Quantized((*unquantized, *rules), tuple(caveats), notes)


def _transforms(settings: Settings) -> list[Caveat]:
    """What transforms add to the files (compressed_tensors/transform/transform_args.py, TransformLocation)."""
    config = settings.mapping("transform_config")
    groups = config.mapping("config_groups") if config else None
    places: set[str] = set()
    for name in groups.data if groups else ():
        scheme = groups.inner(groups.get(name), name) if groups else settings
        scheme.get(*scheme.data)
        steps = scheme.data.get("apply")
        places |= {str(step.get("location")) for step in steps if type(step) is dict} if type(steps) is list else set()
    return [settings.caveat("transform_config", "matrices of transforms that are applied online are not counted")
            ] if places.intersection(ONLINE) else []


def _heads(names: Iterable[str]) -> Iterator[str]:
    """The names, and `lm_head` inside a model that holds another: files of such models list the inner name."""
    for name in names:
        yield name
        if name == "lm_head":
            yield r"re:.*\.lm_head$"


def _targets(formats: dict[str, str]) -> list[QuantRule]:
    """The format of each target, in the order in which one of them counts; neighbours of one format are one rule."""
    names = sorted(formats.keys() - CLASSES.keys(), key=lambda name: (name.startswith("re:"), name))
    rules = [take(format_, (), names_or_regexes(fitting)) for format_, fitting in groupby(names, formats.__getitem__)]
    return rules + [take(format_, CLASSES[name]) for name, format_ in formats.items() if name in CLASSES]


def _scheme(scheme: Settings, layout: str, sparse: str) -> tuple[str, list[Caveat]]:
    """The format of a group's weights, empty where they are not quantized."""
    weights = scheme.mapping("weights")
    scheme.get("input_activations", "output_activations", "targets")
    if weights is None:
        return "", []
    bits, strategy = weights.bits("num_bits", default=8), weights.text("strategy")
    group = weights.number("group_size", default=-1)
    symmetric = weights.get("symmetric") is not False
    kind = weights.text("type", default="int")
    ordered = weights.text("actorder") in ("group", "true") or weights.get("actorder") is True
    if not strategy:
        strategy = "group" if group > 0 else "channel" if group == -1 and "group_size" in weights.data else "tensor"
    word = group_word(group if strategy in ("group", "tensor_group") else -1)
    if layout == MARLIN_24:
        return f"marlin24-{bits}bit-{word}", []
    if layout == "pack-quantized" or (not layout and kind == "int" and bits < 8):
        variants = ("" if symmetric else "-zp") + ("-gidx" if ordered else "")
        return f"pack_quantized-{bits}bit-{word}{variants}", []
    floating = {"nvfp4-pack-quantized": "nvfp4_pack_quantized", "mxfp4-pack-quantized": "mxfp4",
                "mxfp8-quantized": "mxfp8", "mxfp6-pack-quantized": "mxfp6"}.get(layout)
    if floating:
        if weights.data.get("scale_dtype") == SCALES[layout]:
            weights.get("scale_dtype")
        weight_only = "-a16" if "nvfp4" in floating and scheme.data.get("input_activations") is None else ""
        return floating + weight_only, []
    if layout not in BYTES:
        return f"{CODES}-{bits}bpw", []
    return _bytes(weights, kind, strategy, word, symmetric, bits, sparse)


def _bytes(weights: Settings, kind: str, strategy: str, word: str, symmetric: bool, bits: int, sparse: str,
           ) -> tuple[str, list[Caveat]]:
    """A byte a weight (`int-quantized`, `float-quantized`, `naive-quantized`), whatever its bits."""
    if bits > 8:
        return "", [weights.caveat("num_bits", f"{bits} bits in bytes are not known")]
    if kind == "float" and bits < 8:
        return f"{CODES}-{bits}bpw", [weights.caveat("num_bits", f"bytes hold no floats of {bits} bits: codes alone")]
    if strategy == "block":
        size = weights.get("block_structure", "block_size")
        rows, columns = _block(weights, size)
        return f"byte_block-b{rows}x{columns}", []
    tail = "" if symmetric else "-zp"
    scale = {"tensor": "byte_tensor", "channel": "byte_channel", "token": "byte_channel"}.get(strategy)
    return f"{scale or f'byte_group-{word}'}{tail}{sparse}", []


def _block(weights: Settings, size: object) -> tuple[int, int]:
    if size is None:
        return 128, 128
    parts = size if type(size) is list else str(size).split("x")
    if len(parts) != 2 or not all(str(part).isdecimal() and 0 < int(part) <= 2**17 for part in parts):
        raise weights.expected("two sizes of a block", "block_structure", size)
    return int(parts[0]), int(parts[1])


def _sparse(sparsity: Settings | None) -> str:
    """How a byte format's name says that half of the weights are left out."""
    if sparsity is None:
        return ""
    sparsity.get("registry_requires_subclass", "global_sparsity", "sparsity_structure", "targets", "ignore")
    return "-sparse24" if sparsity.text("format") == SPARSE[0] else ""


def _only_sparse(sparsity: Settings, caveats: list[Caveat]) -> list[QuantRule]:
    """Weights that are pruned and not quantized."""
    layout = sparsity.text("format", default="dense")
    sparsity.get("registry_requires_subclass", "global_sparsity", "sparsity_structure")
    targets = sparsity.names("targets") or ["Linear"]
    if layout in DENSE:
        return []
    if layout == SPARSE[0]:
        return _targets(dict.fromkeys(targets, "sparse24_bitmask"))
    if layout == SPARSE[1]:
        share = sparsity.share("global_sparsity")
        density = 1 - share if share and share < 1 else Fraction(1)
        caveats.append(sparsity.caveat("global_sparsity", "the mean over all matrices is counted for each", "estimate"))
        return _targets(dict.fromkeys(targets, f"sparse_bitmask-{float(16 * density):.4g}bpw"))
    caveats.append(sparsity.caveat("format", f"{layout!r} is not known"))
    return []
