"""compressed-tensors: groups of targets, each with a scheme; the bytes follow the format, not the bits.

Sources: vllm-project/compressed-tensors@ac8e2ba82f4e:src/compressed_tensors/utils/match.py#L344-L466, compressors/.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import whole_or_regex
from paramcalc.readers.config.quantization.modelopt import cache_notes
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import QuantRule
    from paramcalc.transforms.quantize import Kind

CLASSES: dict[str, tuple[Kind, ...]] = {"Linear": ("linear", "head"), "Embedding": ("embedding",)}
"""What a class's name takes: of the language model, whose layers the library quantizes one after the other."""
MARLIN_24, DENSE = "marlin-24", ("", "dense")
SCALES = {"nvfp4-pack-quantized": "torch.float8_e4m3fn", "mxfp4-pack-quantized": "torch.uint8",
          "mxfp8-quantized": "torch.uint8", "mxfp6-pack-quantized": "torch.uint8"}
"""The type of the scales that a layout's bytes have room for; another one leaves `scale_dtype` unused."""
SPARSE = ("sparse-24-bitmask", "sparse-bitmask")


def compressed_tensors(settings: Settings) -> Quantized:
    """`ignore` wins over a target; a name is a whole one, a class, or `re:` from the start."""
    ignored = settings.names("ignore") or []
    layout = settings.text("format", default="")
    settings.get("transform_config", "tp_plan")
    notes = cache_notes(settings)
    caveats: list[Caveat] = []
    rules: list[QuantRule] = []
    groups = settings.mapping("config_groups")
    sparsity = settings.mapping("sparsity_config")
    for name in groups.data if groups else ():
        scheme = groups.inner(groups.get(name), name) if groups else settings
        format_, why = _scheme(scheme, scheme.text("format") or layout, _sparse(sparsity))
        caveats += why
        if format_:
            rules += _targets(format_, scheme.names("targets") or ["Linear"])
    unquantized = keep(whole_or_regex(_heads(name for name in ignored if name not in CLASSES)))
    if sparsity is not None and not (groups and groups.data):
        rules += _only_sparse(sparsity, caveats)
        unquantized = keep(whole_or_regex(sparsity.names("ignore") or ignored))
    return Quantized((*unquantized, *rules), tuple(caveats), notes)


def _heads(names: Iterable[str]) -> Iterator[str]:
    """The names, and `lm_head` inside a model that holds another: files of such models list the inner name."""
    for name in names:
        yield name
        if name == "lm_head":
            yield r"re:.*\.lm_head$"


def _targets(format_: str, targets: list[str]) -> list[QuantRule]:
    """The modules a group takes; those named before those of a class."""
    names = [target for target in targets if target not in CLASSES]
    rules = [take(format_, (), whole_or_regex(names))] if names else []
    return rules + [take(format_, CLASSES[target]) for target in targets if target in CLASSES]


def _scheme(scheme: Settings, layout: str, sparse: str) -> tuple[str, list[Caveat]]:
    """The format of a group's weights, empty where they are not quantized."""
    weights = scheme.mapping("weights")
    scheme.get("input_activations", "output_activations", "targets")
    if weights is None:
        return "", []
    bits, strategy = weights.number("num_bits", default=8), weights.text("strategy")
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
    return _bytes(weights, kind, strategy, word, symmetric, bits, sparse)


def _bytes(weights: Settings, kind: str, strategy: str, word: str, symmetric: bool, bits: int, sparse: str,
           ) -> tuple[str, list[Caveat]]:
    """A byte a weight (`int-quantized`, `float-quantized`, `naive-quantized`), whatever its bits."""
    if bits > 8:
        return "", [weights.caveat("num_bits", f"{bits} bits in bytes are not known")]
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
        raise weights.error("expected two sizes of a block", "block_structure")
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
        return _targets("sparse24_bitmask", targets)
    if layout == SPARSE[1]:
        share = sparsity.share("global_sparsity")
        density = 1 - share if share and share < 1 else Fraction(1)
        caveats.append(sparsity.caveat("global_sparsity", "the mean over all matrices is counted for each", "estimate"))
        return _targets(f"sparse_bitmask-{float(16 * density):.4g}bpw", targets)
    caveats.append(sparsity.caveat("format", f"{layout!r} is not known"))
    return []
