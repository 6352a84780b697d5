"""llama.cpp's mixes (`Q4_K_M`, `IQ3_XS` …): which block type its quantizer gives each tensor.

Rules read off ggml-org/llama.cpp@007dbbf3fd17:src/llama-quant.cpp (`llama_tensor_get_type_impl`,
`tensor_allows_quantization`, `tensor_type_fallback`). A mix's name is a default type and exceptions: the head and the
tables, values (`v`), the last projection of attention, the last of the feed-forward, each by layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import Format, find_format, is_mix
from paramcalc.catalog.gguf_architectures import gguf_architectures
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.transforms.quantize import Choose
    from paramcalc.tree import Node, Tensor

DEFAULT: dict[str, str] = {
    "q4_0": "q4_0", "q4_1": "q4_1", "q5_0": "q5_0", "q5_1": "q5_1", "q8_0": "q8_0", "f16": "fp16", "bf16": "bf16",
    "f32": "fp32", "q1_0": "q1_0", "q2_0": "q2_0", "mxfp4_moe": "ggml_mxfp4", "nvfp4": "ggml_nvfp4",
    "q2_k": "q2_k", "q2_k_s": "q2_k", "iq3_xs": "iq3_s", "q3_k_s": "q3_k", "q3_k_m": "q3_k", "q3_k_l": "q3_k",
    "q4_k_s": "q4_k", "q4_k_m": "q4_k", "q5_k_s": "q5_k", "q5_k_m": "q5_k", "q6_k": "q6_k", "tq1_0": "tq1_0",
    "tq2_0": "tq2_0", "iq2_xxs": "iq2_xxs", "iq2_xs": "iq2_xs", "iq2_s": "iq2_xs", "iq2_m": "iq2_s",
    "iq3_xxs": "iq3_xxs", "iq1_s": "iq1_s", "iq1_m": "iq1_m", "iq4_nl": "iq4_nl", "iq4_xs": "iq4_xs",
    "iq3_s": "iq3_s", "iq3_m": "iq3_s",
}
"""Mix to the type of what no exception names (`llama_ftype_get_default_type`)."""
WIDER = {"q2_k_l": "q2_k", "q3_k_xl": "q3_k_l", "q4_k_l": "q4_k_m", "q5_k_l": "q5_k_m", "q6_k_l": "q6_k"}
"""Mixes of publishers: another one with the token table and the head in Q8_0 (`--token-embedding-type q8_0
--output-tensor-type q8_0` of llama.cpp's quantizer), as bartowski's model cards say."""
LOW = ("iq2_xxs", "iq2_xs", "iq1_s", "iq2_s", "iq2_m", "iq1_m")
FALLBACK = {
    **dict.fromkeys(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"), "iq4_nl"),
    **dict.fromkeys(("q2_0", "q2_k", "q3_k", "tq1_0", "tq2_0"), "q4_0"),
    "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0",
}
"""What takes the place of a type whose block does not divide the rows."""
KINDS = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "qkv_proj": "qkv", "o_proj": "o", "gate_proj": "gate",
         "up_proj": "up", "gate_up_proj": "up", "down_proj": "down"}
"""Our words for parts to the quantizer's categories; what is not here is `other`."""


class Facts(NamedTuple):
    """What the quantizer knows of a model besides the tensor at hand."""

    layers: int
    experts: int
    group: int
    """Query heads for each key head."""
    values: int
    """How many layers have a value projection of their own or fused."""
    tied: bool
    falcon: bool
    """Whether llama.cpp knows the model as a Falcon, for which its quantizer has choices of its own."""
    imatrix: bool


def is_file_type(name: str, *, gguf: bool = False) -> bool:
    """Whether a name is that of a whole GGUF file, one of llama.cpp's or of publishers' mixes. What other files hold
    under the same name (`bf16`, `nvfp4`) is meant as theirs, unless the weights are those of a GGUF file."""
    key = _key(name)
    return key in WIDER or (key in DEFAULT and (gguf or is_mix(key) or find_format(key).family == "gguf"))


def with_matrix(name: str, imatrix: bool | None) -> bool:
    """Whether a file of this mix is taken to be made with an importance matrix: as said, else as published ones are:
    with one where the type is an IQ type, which is hardly usable without."""
    return _key(name).startswith("iq") if imatrix is None else imatrix


def mix(name: str, tree: Node, *, family: str = "", imatrix: bool | None = None) -> Choose:
    """The choice of formats for a mix. Raises UsageError for a name llama.cpp does not know.

    `imatrix`: an importance matrix was given, which the smallest types need and some choices depend on; None where
    nothing is said.
    """
    widened = _key(name) in WIDER
    key = WIDER.get(_key(name), _key(name))
    if key not in DEFAULT:
        raise UsageError(Problem(f"unknown GGUF mix {name[:60]!r}", hint=f"known: {', '.join((*DEFAULT, *WIDER))}"))
    facts = _facts(tree, family, with_matrix(key, imatrix) or key in (*LOW, "iq3_xxs"))
    numbers: dict[str, dict[int, int]] = {}
    """Category to layer to its number among the layers that have one."""

    def choose(path: str, tensor: Tensor, layer: int) -> Format | None:
        kind = category(tensor)
        if widened and kind in ("head", "table"):
            return _fitting("q8_0", tensor.shape[-1])
        layers = numbers.setdefault(kind, {})
        number = layers.setdefault(layer, len(layers))
        return _format(key, facts, tensor, kind, number if kind in ("v", "qkv") else layer)

    return choose


def _key(name: str) -> str:
    return name.lower().replace("-", "_")


def category(tensor: Tensor) -> str:
    """The quantizer's word for a tensor: q, k, v, qkv, o, gate, up, down, table, head, other, or kept."""
    if tensor.role not in ("matmul", "lookup") or len(tensor.shape) + tensor.stacked < 2:
        return "kept"
    if tensor.component in ("position_embedding", "other_embedding", "moe_router"):
        return "kept"
    if tensor.component == "lm_head":
        return "head"
    if tensor.component == "token_embedding":
        return "table"
    if tensor.component not in ("attention", "ffn", "moe_experts", "moe_shared"):
        return "other"
    return KINDS.get(tensor.part.rsplit(".", 1)[-1], "other")


def _facts(tree: Node, family: str, imatrix: bool) -> Facts:
    layers, experts, values = tree.depth, 0, 0
    group, tied = 1, True
    for _, node, stored, _ in tree.walk():
        for tensor in node.tensors:
            if tensor.component == "lm_head" and tensor.stored and tensor.role == "matmul":
                tied = False
            if tensor.component == "moe_experts":
                experts = max(experts, tensor.stored)
            values += stored * (category(tensor) in ("v", "qkv"))
        part = node.part
        heads, kv_heads = getattr(part, "num_heads", None), getattr(part, "num_kv_heads", None)
        if isinstance(heads, int) and isinstance(kv_heads, int):
            group = max(group, heads // kv_heads)
    return Facts(layers, experts, group, values, tied, "falcon" in (family, *gguf_architectures(family)), imatrix)


def _format(mix_name: str, facts: Facts, tensor: Tensor, kind: str, layer: int) -> Format:
    if kind == "kept":
        return find_format("fp32")
    default = DEFAULT[mix_name]
    if default in ("fp16", "bf16", "fp32"):
        return find_format(default)
    columns = tensor.shape[-2] if tensor.transposed else tensor.shape[-1]
    if kind == "head" or (kind == "table" and facts.tied):
        word = _head(mix_name, default, facts, columns)
    elif mix_name == "mxfp4_moe":
        word = "ggml_mxfp4" if tensor.component == "moe_experts" else "q8_0"
    elif kind == "table":
        word = _table(mix_name, default)
    else:
        word = _body(mix_name, default, facts, kind, layer)
    return _fitting(word, columns)


def _fitting(name: str, columns: int) -> Format:
    candidate = find_format(name, family="gguf")
    if columns % candidate.block == 0:
        return candidate
    candidate = find_format(FALLBACK.get(name, "fp16"))
    return candidate if columns % candidate.block == 0 else find_format("fp16")


def _head(mix_name: str, default: str, facts: Facts, columns: int) -> str:
    if mix_name == "mxfp4_moe" or facts.falcon or columns % find_format(default, family="gguf").block:
        return "q8_0"
    if mix_name in (*LOW, "iq3_xxs"):
        return "q5_k"
    return default if default == "q8_0" else "q6_k"


def _table(mix_name: str, default: str) -> str:
    if mix_name in ("iq2_xxs", "iq2_xs", "iq1_s", "iq1_m"):
        return "q2_k"
    if mix_name in ("iq2_s", "iq2_m", "iq3_xxs"):
        return "iq3_s"
    return "q4_k" if mix_name in ("tq1_0", "tq2_0", "q2_0") else default


def _body(mix_name: str, default: str, facts: Facts, kind: str, layer: int) -> str:
    if mix_name in LOW:
        return _low(mix_name, default, facts, kind, layer)
    if kind == "k" and facts.experts == 8:
        return "q8_0"
    middle = facts.layers // 8 <= layer < 7 * facts.layers // 8
    near = {"iq3_xs": "iq3_xxs", "iq3_xxs": "iq2_s"}.get(mix_name, default)
    inner = "iq3_xxs" if mix_name == "iq3_xs" and middle else default
    formats = {"q": near, "k": near, "gate": inner, "up": inner, "o": _output(mix_name, default, facts),
              "down": _down(mix_name, default, facts, layer)}
    return _values(mix_name, default, facts, layer) if kind in ("v", "qkv") else formats.get(kind, default)


def more_bits(layer: int, layers: int) -> bool:
    """The first and last eighth and every third between (`use_more_bits`)."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _low(mix_name: str, default: str, facts: Facts, kind: str, layer: int) -> str:
    better = "iq3_s" if mix_name in ("iq2_s", "iq2_m") else "q2_k"
    if kind in ("v", "qkv"):
        return "q4_k" if facts.group >= 4 or facts.experts >= 4 else better
    if kind == "k" and facts.experts == 8:
        return "q4_k"
    if kind == "down":
        return better if layer < facts.layers // 8 else default
    if kind == "o":
        if facts.experts == 8:
            return "q5_k"
        return {"iq1_s": "iq2_xxs", "iq1_m": "iq2_xxs", "iq2_s": "iq3_s", "iq2_m": "iq3_s"}.get(mix_name, default)
    return default


def _values(mix_name: str, default: str, facts: Facts, number: int) -> str:
    grouped = facts.group >= 4
    word = {
        "q2_k": "q4_k" if grouped else "q3_k", "q2_k_s": "q4_k" if grouped else default,
        "iq3_xxs": "q4_k" if grouped else "iq3_xxs" if facts.imatrix else "iq3_s",
        "iq3_xs": "q4_k" if grouped else default, "iq3_s": "q4_k" if grouped else default, "iq3_m": "q4_k",
        "q3_k_m": "q5_k" if number < 2 else "q4_k", "q3_k_l": "q5_k",
        "iq4_nl": "q5_k" if grouped else default, "iq4_xs": "q5_k" if grouped else default,
        "q4_k_m": "q6_k" if more_bits(number, facts.values) else default,
        "q5_k_m": "q6_k" if more_bits(number, facts.values) else default,
        "q4_k_s": "q5_k" if number < 4 else default,
    }.get(mix_name, default)
    if facts.layers == 80 and facts.group > 1 and word in ("q3_k", "q4_k"):
        word = "q5_k"  # what the quantizer calls a 70B: its values are an eighth of its queries
    return "q8_0" if facts.experts == 8 else word


def _down(mix_name: str, default: str, facts: Facts, layer: int) -> str:
    layers, falcon = facts.layers, facts.falcon
    first, more = layer < layers // 8, more_bits(layer, layers)
    very_first = layer < layers // 16
    return {
        "q2_k": "q3_k", "q2_k_s": "q4_k" if first else default,
        "iq3_xxs": default if facts.imatrix else "q4_k" if first else "q3_k",
        "q3_k_m": "q5_k" if very_first else "q4_k" if not falcon or more else "q3_k",
        "iq3_m": "q4_k" if first or (facts.experts == 8 and more) else default,
        "q3_k_l": "q4_k" if falcon else "q5_k",
        "q4_k_m": ("q6_k" if very_first else "q5_k" if more else "q4_k") if falcon else "q6_k" if more else default,
        "iq4_nl": "q5_k" if first and not facts.imatrix else default,
        "iq4_xs": "q5_k" if first and not facts.imatrix else default,
        "q5_k_m": "q6_k" if more else default, "q4_k_s": "q5_k" if first and not falcon else default,
        "q4_0": "q4_1" if first and facts.imatrix else default,
        "q5_0": "q5_1" if first and facts.imatrix else default,
    }.get(mix_name, default)


def _output(mix_name: str, default: str, facts: Facts) -> str:
    if facts.falcon:
        return "q4_k" if mix_name == "q3_k_l" else default
    if facts.experts == 8:
        raised = ("q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m",
                  "iq4_xs")
        return "q5_k" if mix_name in raised else default
    return {"q2_k": "q3_k", "iq3_xxs": "iq3_s", "q3_k_m": "q4_k", "q3_k_l": "q5_k", "iq3_m": "q4_k"}.get(
        mix_name, default)
