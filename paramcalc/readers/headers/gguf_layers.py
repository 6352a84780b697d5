"""What each layer of a GGUF file keeps between tokens, as its metadata says it.

A file names its architecture and gives counts under that name; how they work together is in llama.cpp, one function an
architecture. `PLAIN`, `WINDOWS`, `RECURRENT` and `ENCODERS` say the same as rows. An architecture that stands in none
of them, or whose keys are missing, is unknown.

Source: ggml-org/llama.cpp@00342301d01a:src/llama-model.cpp (load_hparams), @01b77b579398:src/llama-hparams.cpp;
newer ones: src/models/*.cpp (load_arch_hparams) @02ebd8f7f24f.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.components.attention import Attention
from paramcalc.components.layout import MAX_LAYERS
from paramcalc.readers.headers.header import named, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Component

Layer = tuple["Component", ...]

PLAIN = frozenset([
    "apertus", "arcee", "arctic", "baichuan", "bailingmoe", "bailingmoe2", "bitnet", "bloom", "chatglm",
    "codeshell", "command-r", "dbrx", "deci", "deepseek", "dots1", "ernie4_5", "ernie4_5-moe", "exaone", "falcon",
    "gemma", "glm4", "glm4moe", "gpt2", "gptneox", "granite", "granitemoe", "grok", "grovemoe", "hunyuan-dense",
    "hunyuan-moe", "internlm2", "jais", "llama", "minicpm", "minimax-m2", "mistral3", "mpt", "nemotron", "olmo",
    "olmoe", "openelm", "orion", "phi2", "phimoe", "plamo", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3",
    "qwen3moe", "qwen3vl", "qwen3vlmoe", "refact", "seed_oss", "smollm3", "stablelm", "starcoder", "starcoder2",
    "xverse",
])
"""Every layer attends to all tokens."""
ENCODERS = frozenset([
    "bert", "dream", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "llada", "llada-moe",
    "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe", "rnd1",
])
"""Nothing is kept: a token also sees those after it, in encoders and where text is made by diffusion."""
LATENT = frozenset(["deepseek2", "kimi-linear"])
"""Attention keeps a latent, in files that have its projections apart."""


class Windows(NamedTuple):
    """Which layers see a window; the file's own pattern goes before the period."""

    period: int
    """Every so many layers one sees everything: the last, or the first; with 0 none does."""
    size: int = 0
    """Where the file says none; 0: there are no windows then."""
    fixed: int = 0
    """Whatever the file says."""
    full_first: bool = False
    chunked: bool = False


WINDOWS: dict[str, Windows] = {
    "afmoe": Windows(4), "cohere2": Windows(4), "exaone4": Windows(4), "gemma2": Windows(2, 4096), "gemma3": Windows(6),
    "gemma3n": Windows(5), "gemma4": Windows(0), "gpt-oss": Windows(2), "llama4": Windows(4, 8192, 8192, chunked=True),
    "mimo2": Windows(0), "olmo2": Windows(4), "phi3": Windows(0), "smallthinker": Windows(4, 0, 4096, full_first=True),
}
PATTERNED = frozenset(["gemma4", "mimo2"])
"""The file must say which layers see a window."""
SHARED_AFTER = {"gemma3n": 20}
"""Layers with keys and values of their own, where the file does not say how many share others'."""


class UnknownLayersError(Exception):
    """The metadata does not decide it; the message says why."""


class Keys:
    """Metadata under the architecture's name. Raises UnknownLayersError for what is missing, InputError for what is no
    such value."""

    def __init__(self, metadata: dict[str, Any], source: str) -> None:
        self.metadata, self.source = metadata, source
        self.architecture = str(metadata.get("general.architecture", ""))

    def has(self, key: str) -> bool:
        """Whether the file says it."""
        return f"{self.architecture}.{key}" in self.metadata

    def each(self, key: str, layers: int, default: int | None = None) -> list[int]:
        """A whole number for each layer: one for all, or a list. Raises InputError for another type, or too few."""
        value = self._value(key, default)
        if not isinstance(value, list):
            return [self._integer(key, value)] * layers
        if len(value) < layers:
            raise refuse(self.source, f"{self.architecture}.{key}: expected {layers:,} values, one a layer, "
                                      f"found {len(value):,}")
        return [self._integer(key, item) for item in value[:layers]]

    def number(self, key: str, default: int | None = None, least: int = 0) -> int:
        """One whole number. Raises InputError for another type, or one below `least`."""
        value = self._integer(key, self._value(key, default))
        if value < least:
            raise refuse(self.source, f"{self.architecture}.{key}: expected at least {least:,}, found {value:,}")
        return value

    def _value(self, key: str, default: int | None) -> Any:  # noqa: ANN401 - whatever the file holds
        name = f"{self.architecture}.{key}"
        if name not in self.metadata and default is None:
            raise UnknownLayersError(f"the file does not say {name}")
        return self.metadata.get(name, default)

    def _integer(self, key: str, value: object) -> int:
        if not isinstance(value, int) or not 0 <= value <= 2**30:
            raise refuse(self.source, f"{self.architecture}.{key}: expected an integer between 0 and {2**30:,}, "
                                      f"found {named(str(value))}")
        return int(value)


def gguf_layers(metadata: dict[str, Any], source: str) -> list[Layer]:
    """For each layer, what mixes its tokens; nothing where a layer keeps nothing. Raises UnknownLayersError where
    the metadata does not decide it, InputError where it is damaged."""
    keys = Keys(metadata, source)
    if not keys.architecture:
        raise UnknownLayersError("the file does not say general.architecture")
    if keys.architecture not in PLAIN | ENCODERS | LATENT | WINDOWS.keys() | RECURRENT.keys():
        raise UnknownLayersError(f"which layers of the GGUF architecture {named(keys.architecture)} keep what is not "
                                 "known")
    layers = keys.number("block_count", least=1) - keys.number("nextn_predict_layers", 0)
    if not 0 < layers <= MAX_LAYERS:
        raise refuse(source, f"{keys.architecture}.block_count: expected 1 to {MAX_LAYERS:,} layers, found {layers:,}")
    attending, recurrent = _attending(keys, layers), _recurrent(keys, layers)
    return [(*attention, *state) for attention, state in zip(attending, recurrent, strict=True)]


def _attending(keys: Keys, layers: int) -> list[Layer]:
    """The attention of each layer: none where it has no key and value heads, or where they are another layer's."""
    rule = RECURRENT.get(keys.architecture)
    if rule is not None and rule.where == "every":
        return [()] * layers
    heads = keys.each("attention.head_count", layers)
    kv_heads = keys.each("attention.head_count_kv", layers) if keys.has("attention.head_count_kv") else heads
    shared = max(0, layers - SHARED_AFTER.get(keys.architecture, layers))
    own = layers - keys.number("attention.shared_kv_layers", shared)
    mixers = [_attention(keys, heads, place, kv_heads[place], reach)
              if kv_heads[place] and heads[place] and place < own else ()
              for place, reach in enumerate(_windows(keys, layers))]
    if rule is None or rule.where != "interval":
        return mixers
    return [() if state else mixer for mixer, state in zip(mixers, _by_interval(keys, layers), strict=True)]


def _attention(keys: Keys, heads: list[int], place: int, kv_heads: int, reach: int) -> Layer:
    if keys.architecture in LATENT and keys.has("attention.key_length_mla"):
        return (_latent(keys, heads[place]),)
    sliding = "_swa" if reach and keys.has("attention.key_length_swa") else ""
    usual = keys.number("embedding_length", least=1) // heads[0] if heads[0] else None
    chunked = reach > 0 and WINDOWS[keys.architecture].chunked
    return (Attention(
        num_heads=heads[place], num_kv_heads=kv_heads, uneven_groups=True, without_weights=True,
        head_dim=keys.number(f"attention.key_length{sliding}", usual, least=1),
        v_head_dim=keys.number(f"attention.value_length{sliding}", usual, least=1),
        causal=keys.architecture not in ENCODERS, window=None if chunked else reach or None,
        chunk=reach if chunked else None),)


def _latent(keys: Keys, heads: int) -> Component:
    from paramcalc.components.latent_attention import LatentAttention

    rope = keys.number("rope.dimension_count")
    return LatentAttention(
        num_heads=heads, kv_lora_rank=keys.number("attention.kv_lora_rank", least=1), qk_rope_head_dim=rope,
        qk_nope_head_dim=max(1, keys.number("attention.key_length_mla") - rope), without_weights=True,
        v_head_dim=keys.number("attention.value_length_mla", least=1))


def _windows(keys: Keys, layers: int) -> list[int]:
    """How far each layer sees; 0 for everything."""
    rule = WINDOWS.get(keys.architecture)
    if rule is None:
        return [0] * layers
    size = keys.number("attention.sliding_window", rule.size)
    size = size and (rule.fixed or size)
    pattern = "attention.sliding_window_pattern"
    if keys.architecture in PATTERNED or isinstance(keys.metadata.get(f"{keys.architecture}.{pattern}"), list):
        return [size if slides else 0 for slides in keys.each(pattern, layers)]
    period = keys.number(pattern, rule.period)
    full = 0 if rule.full_first else period - 1
    return [size if not period or place % period != full else 0 for place in range(layers)]


class Recurrent(NamedTuple):
    """Which layers keep a state, and how it is made from the file's numbers."""

    make: Callable[[Keys, int], Component]
    where: str
    """`every` layer; `beside` attention in every layer; those with no `kv_heads`, or with neither these nor a
    feed-forward (`alone`); all but one in an `interval`."""


def _recurrent(keys: Keys, layers: int) -> list[Layer]:
    rule = RECURRENT.get(keys.architecture)
    if rule is None:
        return [()] * layers
    if rule.where == "interval":
        recurrent = _by_interval(keys, layers)
    elif rule.where in ("every", "beside"):
        recurrent = [True] * layers
    else:
        recurrent = [heads == 0 for heads in keys.each("attention.head_count_kv", layers)]
    if rule.where == "alone":
        sizes = keys.each("feed_forward_length", layers)
        recurrent = [state and not size for state, size in zip(recurrent, sizes, strict=True)]
    heads = keys.each("attention.head_count", layers, 0)
    return [(rule.make(keys, heads[place]),) if state else () for place, state in enumerate(recurrent)]


def _by_interval(keys: Keys, layers: int) -> list[bool]:
    if keys.has("attention.recurrent_layers"):
        return [bool(state) for state in keys.each("attention.recurrent_layers", layers)]
    interval = keys.number("full_attention_interval", 4, least=1)
    return [(place + 1) % interval != 0 for place in range(layers)]


def _mamba(keys: Keys, _: int) -> Component:
    from paramcalc.components.mamba import Mamba

    return Mamba(inner_size=keys.number("ssm.inner_size"), state_size=keys.number("ssm.state_size"),
                 dt_rank=keys.number("ssm.time_step_rank"), conv_kernel=keys.number("ssm.conv_kernel"),
                 without_weights=True)


def _mamba2(keys: Keys, _: int) -> Component:
    from paramcalc.components.mamba import Mamba2

    heads = keys.number("ssm.time_step_rank", least=1)
    return Mamba2(num_heads=heads, head_dim=keys.number("ssm.inner_size") // heads,
                  state_size=keys.number("ssm.state_size"), groups=keys.number("ssm.group_count"),
                  conv_kernel=keys.number("ssm.conv_kernel"), without_weights=True)


def _delta(keys: Keys, _: int) -> Component:
    from paramcalc.components.delta_rule import GatedDelta

    heads = keys.number("ssm.time_step_rank", least=1)
    return GatedDelta(key_heads=keys.number("ssm.group_count"), value_heads=heads,
                      key_dim=keys.number("ssm.state_size"), value_dim=keys.number("ssm.inner_size") // heads,
                      conv_kernel=keys.number("ssm.conv_kernel"), without_weights=True)


def _kimi_delta(keys: Keys, heads: int) -> Component:
    from paramcalc.components.delta_rule import KimiDelta

    return KimiDelta(num_heads=heads, head_dim=keys.number("kda.head_dim"), conv_kernel=keys.number("ssm.conv_kernel"),
                     without_weights=True)


def _short_conv(keys: Keys, _: int) -> Component:
    from paramcalc.components.short_conv import ShortConv

    return ShortConv(hidden_size=keys.number("embedding_length"), conv_kernel=keys.number("shortconv.l_cache"),
                     without_weights=True)


RECURRENT: dict[str, Recurrent] = {
    "falcon-h1": Recurrent(_mamba2, "beside"), "granitehybrid": Recurrent(_mamba2, "kv_heads"),
    "jamba": Recurrent(_mamba, "kv_heads"), "kimi-linear": Recurrent(_kimi_delta, "kv_heads"),
    "lfm2": Recurrent(_short_conv, "kv_heads"), "lfm2moe": Recurrent(_short_conv, "kv_heads"),
    "mamba": Recurrent(_mamba, "every"), "mamba2": Recurrent(_mamba2, "every"),
    "nemotron_h": Recurrent(_mamba2, "alone"), "nemotron_h_moe": Recurrent(_mamba2, "alone"),
    "qwen3next": Recurrent(_delta, "interval"), "qwen35": Recurrent(_delta, "interval"),
    "qwen35moe": Recurrent(_delta, "interval"),
}
