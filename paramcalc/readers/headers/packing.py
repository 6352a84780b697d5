"""Which tensors of a checkpoint stand for one packed matrix, and the shape it has when it is unpacked.

A rule says by which parts a packing is known (`qweight` and `scales`) and how the shape follows from the shapes of the
parts, or from what small ones say: an index, a JSON text. What no rule can tell is asked of the config.json beside the
file; what that does not say either is kept as it is stored, and the count is a lower bound.

The layouts are the libraries' own: AutoGPTQ and GPTQModel, AutoAWQ, compressed-tensors 0.18, bitsandbytes 0.50, MLX
0.32, ModelOpt, gpt-oss, HQQ 0.2, AQLM 1.1, VPTQ 0.0.5, ExLlamaV2 and V3, torchao, optimum-quanto 0.2, transformers.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.readers.headers.header import StoredTensor
from paramcalc.readers.headers.names import collapsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paramcalc.readers.headers.header import Header

Shape = tuple[int, ...]
PARTS = re.compile(
    r"(?P<part>weight\.quant_state\.\w+|weight\._data\._data|weight\._(?:data|scale|shift)"
    r"|_?weight_(?:packed|scale|scale_2|scale_inv|zero_point|shape|g_idx|global_scale|qdata|format)"
    r"|weight\.(?:absmax|quant_map|nested_absmax|nested_quant_map)|(?:res_|outlier_)?centroids\.weight"
    r"|qweight|qzeros|scales|biases|qbiases|g_idx|SCB|weight_format|W_q|scale|zero|shape|meta|codes|codebooks|indices"
    r"|res_indices|perm|weight_bias|q_weight|q_scale|q_scale_max|q_groups|q_invperm|q_perm|q_group_map|trellis|suh|svh"
    r"|su|sv|mcg|mul1|tables2?|lookup_table|compressed|bitmask|scale_packed|input_(?:scale|global_scale)|act_scale"
    r"|activation_scale|pre_quant_scale|[kv]_scale|blocks|dense_weights|row_offsets|col_vals|in_perm|output_scale"
    r"|nbits|group_size|axis|channel_wise|compute_dtype|encoded_state_dict|offload_meta|optimize|packing|quant_scale"
    r"|quant_zero|round_zero|stores_quant_config|unpack_view_dtype|view_as_float|weight)")
"""What a tensor is of its module."""
WORDS = 3
"""Of such a name, at most."""
LEADING = ("weight", "quant_state", "_data", "centroids")
"""How all pieces but the last end of a part of several."""
SMALL = re.compile(r"\.(weight_shape|shape|quant_state\.\w+)$")
"""Tensors whose values say a shape."""
MOST_SMALL = 4096
"""Bytes of such a tensor at most."""
BLOCKS = re.compile(r"(?P<module>.*)_(?P<part>blocks|scales)")
"""gpt-oss writes a matrix's parts without a dot."""
PLAIN = ("fp64", "fp32", "bf16", "fp16")


class Packed(NamedTuple):
    """The parts of one module, by their word."""

    module: str
    parts: dict[str, StoredTensor]
    values: Mapping[str, bytes]
    """What small tensors hold, by name."""

    def shape(self, part: str) -> Shape:
        """The stored shape of a part; empty where there is none."""
        return self.parts[part].shape if part in self.parts else ()

    def numbers(self, part: str) -> Shape:
        """What an int64 part says."""
        raw = self.values.get(self.parts[part].name, b"") if part in self.parts else b""
        return tuple(int.from_bytes(raw[place:place + 8], "little", signed=True) for place in range(0, len(raw), 8))

    @property
    def bytes(self) -> int:
        """Bytes that the file holds of all parts: values, scales, zero points."""
        return sum(part.bytes for part in self.parts.values())


class Hints(NamedTuple):
    """What other tensors of a file say."""

    group: int = 0
    """Weights that share a scale, as a table as wide as the norms shows; 0 where none does."""


class Rule(NamedTuple):
    """A packing: the parts it is known by, and the shape they stand for, None where they do not say it."""

    name: str
    signs: tuple[str, ...]
    shape: Callable[[Packed, Hints], Shape | None]
    """From the parts and what the rest of the file shows."""


def _gptq(packed: Packed, _: Hints) -> Shape | None:
    codes, scales = packed.shape("qweight"), packed.shape("scales")
    if len(codes) != 2 or len(scales) != 2:
        return None
    if codes[1] != scales[1]:  # AWQ packs along the outputs
        return scales[1], codes[0]
    if "g_idx" in packed.parts:
        return codes[1], packed.shape("g_idx")[0]
    zeros = packed.shape("qzeros")
    bits = zeros[1] * 32 // codes[1] if len(zeros) == 2 and codes[1] else 0
    return (codes[1], codes[0] * 32 // bits) if bits else None


def _table_of_rows(packed: Packed, _: Hints) -> Shape | None:
    codes, table = packed.shape("qweight"), packed.shape("lookup_table")
    bits = (table[-1] - 1).bit_length() if table else 0
    return (codes[1], codes[0] * 32 // bits) if bits and len(codes) == 2 else None


def _stated(part: str) -> Callable[[Packed, Hints], Shape | None]:
    """A part whose values are the shape."""
    def shape(packed: Packed, _: Hints) -> Shape | None:
        numbers = packed.numbers(part)
        return numbers if len(numbers) > 1 and all(0 < number < 2**32 for number in numbers) else None

    return shape


def _compressed(packed: Packed, hints: Hints) -> Shape | None:
    """compressed-tensors says the shape of integers; of 4-bit floats two stand in a byte."""
    if stated := _stated("weight_shape")(packed, hints):
        return stated
    codes = packed.parts["weight_packed"]
    return (*codes.shape[:-1], 2 * codes.shape[-1]) if codes.format == "uint8" and codes.shape else None


def _quant_state(packed: Packed, _: Hints) -> Shape | None:
    """bitsandbytes: a JSON text beside the codes."""
    state = next((part for part in packed.parts if part.startswith("weight.quant_state.")), None)
    raw = packed.values.get(packed.parts[state].name, b"") if state else b""
    try:
        shape = json.loads(raw)["shape"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    valid = type(shape) is list and len(shape) > 1 and all(type(n) is int and 0 < n < 2**32 for n in shape)
    return tuple(shape) if valid else None


def _mlx(packed: Packed, hints: Hints) -> Shape | None:
    """Codes in words of 32 bits: floats are told by scales of a byte, whole numbers by the group of the file."""
    codes, scales = packed.shape("weight"), packed.shape("scales")
    if not codes or not scales or not scales[-1] or codes[-1] % scales[-1]:
        return None
    words = codes[-1] // scales[-1]
    if packed.parts["scales"].format == "uint8":
        bits = {2: 4, 4: 4, 8: 8}.get(words, 0)
    else:
        bits = words * 32 // hints.group if hints.group and words * 32 % hints.group == 0 else 0
    return (*codes[:-1], codes[-1] * 32 // bits) if 2 <= bits <= 8 else None


def _bytes(packed: Packed, _: Hints) -> Shape | None:
    """A weight in bytes: 8 bits each, or two or four in one, which its scales tell."""
    weight = packed.parts["weight"]
    shape, scale = weight.shape, packed.parts.get("weight_scale")
    if weight.format in PLAIN or len(shape) < 2:
        return None
    if weight.format != "uint8" or scale is None or len(scale.shape) < 1:
        return shape
    if scale.shape in ((), (1,)):
        return (4 * shape[-2], shape[-1])  # BitNet
    if scale.shape[-2:-1] == shape[-2:-1]:
        return (*shape[:-1], 2 * shape[-1])
    return (*shape[:-2], 2 * shape[-2], shape[-1])


def _higgs(packed: Packed, _: Hints) -> Shape | None:
    codes, scales = packed.shape("weight"), packed.shape("scales")
    return (scales[0], codes[1]) if len(codes) == len(scales) == 2 else None


def _blocks(packed: Packed, _: Hints) -> Shape | None:
    """gpt-oss: `[experts, out, groups, 16]` bytes of two."""
    codes = packed.shape("blocks")
    return (*codes[:-2], 2 * codes[-2] * codes[-1]) if len(codes) > 2 else None


def _aqlm(packed: Packed, _: Hints) -> Shape | None:
    codes, books = packed.shape("codes"), packed.shape("codebooks")
    return (codes[0] * books[2], codes[1] * books[3]) if len(codes) == 3 and len(books) == 4 else None


def _vptq(packed: Packed, _: Hints) -> Shape | None:
    """Entries are powers of two: their number follows from the bits of an index, then the length of a vector."""
    codes, inputs = packed.shape("indices"), (packed.shape("weight_scale") or packed.shape("perm"))
    first, second = packed.shape("centroids.weight"), packed.shape("res_centroids.weight")
    if len(codes) != 3 or len(inputs) != 1 or len(first) != 2 or not inputs[0]:
        return None
    bits = codes[2] * 32 // inputs[0]
    more = (first[1] // second[1]).bit_length() - 1 if second and second[1] and first[1] >= second[1] else 0
    address = (bits + more) // 2 if second else bits
    length = first[1] >> address if 0 < address < 40 else 0
    return (codes[1] * length, inputs[0]) if length else None


def _exl2(packed: Packed, _: Hints) -> Shape | None:
    codes, order = packed.shape("q_weight"), (packed.shape("q_invperm") or packed.shape("q_perm"))
    return (codes[1], order[0]) if len(codes) == 2 and order else None


def _exl3(packed: Packed, _: Hints) -> Shape | None:
    codes = packed.shape("trellis")
    return (16 * codes[1], 16 * codes[0]) if len(codes) == 3 else None


def _quanto(packed: Packed, _: Hints) -> Shape | None:
    return packed.shape("weight._data") or None


def _torchao(packed: Packed, _: Hints) -> Shape | None:
    codes = packed.parts["_weight_qdata"]
    return codes.shape if codes.format in ("int8", "fp8_e4m3", "fp8_e5m2") and len(codes.shape) == 2 else None


def _nothing(packed: Packed, hints: Hints) -> Shape | None:
    return None


RULES = (
    Rule("SqueezeLLM", ("qweight", "lookup_table"), _table_of_rows), Rule("GPTQ or AWQ", ("qweight", "scales"), _gptq),
    Rule("compressed-tensors", ("weight_packed", "weight_scale"), _compressed),
    Rule("marlin-24", ("weight_packed", "scale_packed"), _nothing),
    Rule("sparse", ("compressed", "bitmask"), _stated("shape")), Rule("HQQ", ("W_q", "scale"), _stated("shape")),
    Rule("bitsandbytes", ("weight", "weight.absmax"), _quant_state), Rule("bitsandbytes", ("weight", "SCB"), _bytes),
    Rule("HIGGS", ("weight", "scales", "tables"), _higgs), Rule("MLX", ("weight", "scales"), _mlx),
    Rule("MXFP4", ("blocks", "scales"), _blocks), Rule("AQLM", ("codes", "codebooks"), _aqlm),
    Rule("VPTQ", ("indices", "centroids.weight"), _vptq), Rule("EXL2", ("q_weight", "q_scale"), _exl2),
    Rule("EXL3", ("trellis",), _exl3), Rule("quanto", ("weight._data._data", "weight._scale"), _nothing),
    Rule("quanto", ("weight._data", "weight._scale"), _quanto), Rule("torchao", ("_weight_qdata",), _torchao),
    Rule("SpQR", ("dense_weights", "row_offsets"), _nothing),
    Rule("scaled", ("weight", "weight_scale_inv"), _bytes), Rule("scaled", ("weight", "weight_scale"), _bytes),
    Rule("scaled", ("weight", "scale"), _bytes),
)
"""In the order they are tried."""


class Unpacked(NamedTuple):
    """A checkpoint's matrices as they are when unpacked."""

    tensors: tuple[StoredTensor, ...]
    packings: dict[str, int]
    """Name of a packing to how many matrices it holds."""
    from_config: int
    """Matrices whose shape only the config beside the file says."""
    unknown: tuple[str, ...]
    """Modules whose shape nothing says."""


def unpacked(header: Header, expected: Callable[[], Mapping[str, Shape]] = dict) -> Unpacked:
    """The header's tensors, each packed matrix as one of its true shape with all its bytes.

    `expected` gives the shapes a config says, by the name of the weight with `*` for its numbers; it is asked only
    where the file itself does not say a shape.
    """
    if "gguf.version" in header.metadata:  # its blocks are types of its own
        return Unpacked(header.tensors, {}, 0, ())
    shapes: Mapping[str, Shape] | None = None
    hints = _hints(header.tensors)
    modules: dict[str, dict[str, StoredTensor]] = {}
    for tensor in header.tensors:
        module, part = _split(tensor.name)
        if part:
            modules.setdefault(module, {})[part] = tensor
    used: dict[str, StoredTensor | None] = {}
    packings: dict[str, int] = {}
    from_config, unknown = 0, []
    for module, parts in modules.items():
        rule = _rule(frozenset(parts))
        if rule is None or (rule.name == "scaled" and parts["weight"].format in PLAIN):
            continue
        name = module if rule.name == "MXFP4" else f"{module}.weight"
        shape = rule.shape(Packed(module, parts, header.values), hints)
        if shape is None:
            shapes = expected() if shapes is None else shapes
            shape = shapes.get(collapsed(name))
            from_config += shape is not None
        if shape is None:
            unknown.append(module)
            continue
        size = 0
        for tensor in parts.values():
            used[tensor.name] = None
            size += tensor.bytes
        used[parts[rule.signs[0]].name] = StoredTensor(name, shape, _listed(shape, size), size)
        packings[rule.name] = packings.get(rule.name, 0) + 1
    tensors = (used.get(tensor.name, tensor) for tensor in header.tensors)
    return Unpacked(tuple(tensor for tensor in tensors if tensor is not None), packings, from_config, tuple(unknown))


def _split(name: str) -> tuple[str, str]:
    """A tensor's module and what it is of it; no word for what is no part of a module."""
    if name.endswith(("_blocks", "_scales")) and (blocks := BLOCKS.fullmatch(name)):
        return blocks["module"], blocks["part"]
    module, dot, word = name.rpartition(".")
    if not module.endswith(LEADING):  # most names: a word of one piece, if any
        return (module, word) if dot and _is_part(word) else (name, "")
    pieces = name.rsplit(".", WORDS)
    for first in range(1, len(pieces)):  # longer words stand first
        if _is_part(part := ".".join(pieces[first:])):
            return ".".join(pieces[:first]), part
    return name, ""


@lru_cache(maxsize=2**16)
def _is_part(words: str) -> bool:
    return PARTS.fullmatch(words) is not None


@lru_cache(maxsize=4096)
def _rule(words: frozenset[str]) -> Rule | None:
    """The rule for the parts of a module; modules are many, and few differ in their parts."""
    return next((rule for rule in RULES if words.issuperset(rule.signs)), None)


@lru_cache(maxsize=4096)
def _listed(shape: Shape, size: int) -> str:
    """The number format of one matrix, or of each of a stack of them: its share of the bytes."""
    return f"listed-{max(size // max(prod(shape[:-2]), 1), 1)}B"


def _hints(tensors: Sequence[StoredTensor]) -> Hints:
    """The group of a token table in words of 32 bits, from the width of a norm, which no packing touches."""
    norms = (t.shape[0] for t in tensors if len(t.shape) == 1 and "norm" in t.name and t.name.endswith("weight"))
    width = next(norms, 0)
    tables = (t.shape[-1] for t in tensors if t.name.endswith(("embed_tokens.scales", "embeddings.scales", "wte.scales",
                                                               "q_proj.scales", "gate_proj.scales")) and t.shape)
    return next((Hints(width // groups) for groups in tables if groups and width % groups == 0), Hints())
