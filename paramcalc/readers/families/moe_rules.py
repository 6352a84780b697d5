"""Rules of single mixture-of-experts families: where their experts, windows and indexers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.indexer import Indexer
from paramcalc.components.linear import Parameter
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING, every, sparse_layers
from paramcalc.readers.families.latent import latent

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Config

INDEXER = {"q_proj": "wq_b", "k_proj": "wk"}


def qwen2_moe_sliding(config: Config) -> list[str]:
    """Every other of the first `max_window_layers` slides, if `use_sliding_window`."""
    slides = config.flag("use_sliding_window")
    last = config.integer("max_window_layers", config.layers, least=0)
    return [SLIDING if slides and i % 2 == 0 and i < last else FULL for i in range(config.layers)]


def indexer(config: Config, mixer: str, _: str) -> dict[str, Any]:
    """The indexer of a layer that has one of its own."""
    if mixer == "shared":
        return {}
    return {"beside": {"self_attn.indexer": Indexer(
        num_heads=config.integer("index_n_heads"), head_dim=config.integer("index_head_dim"),
        query_size=config.optional("q_lora_rank"), names=INDEXER)}}


def indexed(config: Config) -> list[str]:
    """Every layer has an indexer of its own."""
    return ["indexed"] * config.layers


def indexer_types(config: Config) -> list[str]:
    """Layers whose indexer is their own, and those that take the choice of an earlier one (GLM-5)."""
    config.read |= {"index_topk_pattern", "index_topk_freq", "index_skip_topk_offset"}
    types = config.listed("indexer_types", str, config.layers)
    if types is None and (pattern := config.get("index_topk_pattern")) is not None:
        types = [{"F": "full", "S": "shared"}.get(word, word) for word in pattern]
    if types is None:
        period = max(config.integer("index_topk_freq", 1, least=0), 1)
        offset = config.integer("index_skip_topk_offset", 2, least=0)
        types = ["full" if max(i - offset + 1, 0) % period == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def llama4_experts(config: Config) -> list[str]:
    """The layers `moe_layers` names, else every `interleave_moe_layer_step`-th."""
    named = config.listed("moe_layers", int)
    step = config.integer("interleave_moe_layer_step", 1)
    sparse = set(range(step - 1, config.layers, step) if named is None else named)
    return ["moe" if i in sparse else "dense" for i in range(config.layers)]


def llama4_chunks(config: Config) -> list[str]:
    """Layers with rotary positions attend within chunks, those without to everything."""
    interval = config.integer("no_rope_layer_interval", 4)
    rotary = config.listed("no_rope_layers", int) or [(i + 1) % interval for i in range(config.layers)]
    return ["chunked" if rotates else FULL for rotates in rotary]


def ernie_layers(config: Config) -> list[str]:
    """Every `moe_layer_interval`-th layer between a first and a last."""
    every_nth, first = config.integer("moe_layer_interval", 1), config.integer("moe_layer_start_index", 0, least=0)
    last = config.integer("moe_layer_end_index", -1, least=-1)
    last = config.layers - 1 if last == -1 else last
    return ["moe" if (i + 1) % every_nth == 0 and first <= i <= last else "dense" for i in range(config.layers)]


def granite(prefix: str, **more: str) -> dict[str, str]:
    """Names relative to the layer: the shared feed-forward stands beside the experts, not among them."""
    return {"router": f"{prefix}.router", "shared_experts.gate_up_proj": "shared_mlp.input_linear",
            "shared_experts.down_proj": "shared_mlp.output_linear", **more}


def granite_sliding(config: Config) -> list[str]:
    """One full layer, three that slide."""
    return [SLIDING if i % 4 else FULL for i in range(config.layers)]


def deepseek_layers(config: Config) -> list[str]:
    """DeepSeekMoE's class is dense where no experts are given."""
    return ["dense"] * config.layers if config.get("n_routed_experts") is None else sparse_layers(config)


def times(count: str, size: str) -> Callable[[Config], int]:
    """Shared experts: `count` of them are one feed-forward of so many times `size`."""
    return lambda config: config.integer(count, 0, least=0) * config.integer(size)


def afmoe_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """The values that steer the choice of experts, which AFMoE keeps beside its router."""
    if ffn != "moe":
        return {}
    bias = Parameter(shape=(config.integer("num_experts"),), component="ffn", frozen=True)
    return {"beside": {"mlp.expert_bias": bias}}


def axk1_block(_: Config, __: str, ffn: str) -> dict[str, Any]:
    """A norm after the experts."""
    return {"beside": {"post_mlp_layernorm": Norm(kind="rmsnorm")}} if ffn == "moe" else {}


def cohere2_moe_sliding(config: Config) -> list[str]:
    """The dense layers have a period of their own, and the count starts anew after them."""
    dense = config.integer("first_k_dense_replace", 0, least=0)
    prefix = config.integer("prefix_dense_sliding_window_pattern", 1)
    words = [FULL if (i + 1) % prefix == 0 else SLIDING for i in range(min(dense, config.layers))]
    return words + every(config, config.integer("sliding_window_pattern"))[: config.layers - len(words)]


def cohere2_moe_norm(config: Config, fields: dict[str, Any]) -> None:
    """RMSNorm where its epsilon is given, else LayerNorm without shift."""
    if config.get("rms_norm_eps") is None:
        fields |= {"norm": "layernorm", "norm_bias": False}


def exaone_moe_sliding(config: Config) -> list[str]:
    """Every n-th layer is full; all are where no window is given."""
    if config.optional("sliding_window") is None:
        return [FULL] * config.layers
    pattern = config.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:
        return [SLIDING if pattern[i % len(pattern)] == "L" else FULL for i in range(config.layers)]
    return every(config, config.integer("sliding_window_pattern"))


def hunyuan_experts(config: Config) -> list[str]:
    """Experts and choices may be given for each layer."""
    counts = config.per_layer("num_experts", config.layers)
    chosen = config.per_layer("moe_topk", config.layers)
    return [f"{top_k}_of_{experts}" for experts, top_k in zip(counts, chosen, strict=True)]


def hunyuan_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """The experts of a layer with so many."""
    top_k, experts = (int(word) for word in ffn.split("_of_"))
    fields = {"experts": experts, "top_k": top_k, "intermediate_size": config.integer("intermediate_size"),
              "shared_size": config.integer("intermediate_size")}
    return {"moe": fields}


def laguna_heads(config: Config) -> list[str]:
    """Window and number of query heads of each layer."""
    types = config.listed("layer_types", str, config.layers) or ["full_attention"] * config.layers
    heads = config.per_layer("num_attention_heads_per_layer", config.layers, config.integer("num_attention_heads"))
    return [f"{'sliding' if kind == 'sliding_attention' else 'full'}_{n}" for kind, n in zip(types, heads, strict=True)]


def laguna_attention(config: Config, word: str) -> Attention:
    """Gated attention with a number of query heads of its own."""
    kind, heads = word.split("_")
    per_head = config.get("gating") is True or config.get("gating") == "per-head"
    return Attention(num_heads=int(heads), num_kv_heads=config.kv_heads, head_dim=config.head_dim, qk_norm="head",
                     bias=("q", "k", "v", "o") if config.flag("attention_bias") else (),
                     output_gate="head" if per_head else "full",
                     window=config.integer("sliding_window") if kind == SLIDING else None)


def mimo_layers(config: Config) -> list[str]:
    """The first layer and every sixth are full, unless the published pattern says otherwise (1 slides)."""
    pattern = config.listed("hybrid_layer_pattern", int, config.layers)
    if pattern is not None:
        return [SLIDING if slides else FULL for slides in pattern]
    return [FULL if i == 0 or (i + 1) % 6 == 0 else SLIDING for i in range(config.layers)]


def mimo_attention(config: Config, word: str) -> Attention:
    """Sliding layers have sinks and twice the key and value heads."""
    slides, heads, kv_heads = word == SLIDING, config.integer("num_attention_heads"), config.kv_heads
    if slides:
        kv_heads = config.integer("swa_num_key_value_heads", 2 * kv_heads)
    if heads % kv_heads:
        config.note(f"{kv_heads} key and value heads do not divide {heads} query heads: this model cannot run")
    given = config.optional("sliding_window_size")
    return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=config.head_dim,
                     uneven_groups=bool(heads % kv_heads), v_head_dim=config.integer("v_head_dim"), sinks=slides,
                     bias=("q", "k", "v") if config.flag("attention_bias") else (),
                     window=(given + 1 if given else config.integer("sliding_window")) if slides else None)


M3_SPARSE = {"index_n_heads": "sparse_num_index_heads", "index_head_dim": "sparse_index_dim",
             "index_block_size": "sparse_block_size", "index_topk_blocks": "sparse_topk_blocks"}


def _m3(config: Config, key: str) -> int:
    published = config.get("sparse_attention_config")
    value = published.get(M3_SPARSE[key]) if isinstance(published, dict) else None
    return value if type(value) is int and value > 0 else config.integer(key)


def minimax_m3_layers(config: Config) -> list[str]:
    """Sparse where the published `sparse_attention_freq` says so."""
    published = config.get("sparse_attention_config")
    flags = published.get("sparse_attention_freq") if isinstance(published, dict) else None
    if flags is None:
        return [FULL] * config.layers
    if type(flags) is not list or len(flags) != config.layers:
        raise config.error("sparse_attention_config", f"sparse_attention_freq must list {config.layers} layers",
                           code=LAYERS)
    return ["indexed" if flag else FULL for flag in flags]


def minimax_m3_block(config: Config, mixer: str, _: str) -> dict[str, Any]:
    """An indexer that chooses blocks of keys."""
    if mixer != "indexed":
        return {}
    indexer = Indexer(num_heads=_m3(config, "index_n_heads"), head_dim=_m3(config, "index_head_dim"), query_norm=True,
                      key_norm="rmsnorm", head_weights=False)
    return {"top_k": _m3(config, "index_topk_blocks") * _m3(config, "index_block_size"),
            "beside": {"self_attn.indexer": indexer}}


SWA_DEFAULTS = {"num_attention_heads": 64, "q_lora_rank": 1024, "kv_lora_rank": 1024, "head_dim": 256,
                "qk_nope_head_dim": 192, "v_head_dim": 128}


def dots3_layers(config: Config) -> list[str]:
    """Two full layers, then one of four; full layers are indexed unless `use_dsa` says no."""
    dsa = config.get("use_dsa", None if "per_layer_config" in config.data else True)
    types = config.listed("layer_types", str, config.layers)
    if types is None:
        slides = config.flag("use_sliding_window", default=True)
        types = ["full_attention" if not slides or i < 2 or i % 4 == 1 else "sliding_attention"
                 for i in range(config.layers)]
        dsa = dsa is not False
    words = {"full_attention": FULL, "indexed_attention": "indexed", "sliding_attention": SLIDING}
    if dsa is not None:
        words |= dict.fromkeys(("full_attention", "indexed_attention"), "indexed" if dsa else FULL)
    return [words.get(kind, kind) for kind in types]


def _own(config: Config, given: object) -> dict[int, dict[str, int]]:
    """What layers say otherwise than the rest."""
    if not isinstance(given, dict) or not all(key.isdecimal() and isinstance(own, dict) for key, own in given.items()):
        raise config.error("per_layer_config", "expected a mapping of layers to what differs in them")
    if not all(type(value) is int and 0 < value <= 2**24 for own in given.values() for value in own.values()):
        raise config.error("per_layer_config", "expected integers of at least 1")
    return {int(key): own for key, own in given.items()}


def _dots3_own(config: Config, word: str) -> dict[str, int]:
    """What sliding layers say otherwise than the rest: by layer, or in the published `swa_` keys."""
    given = config.get("per_layer_config")
    if given is not None:
        return _own(config, given).get(dots3_layers(config).index(word), {})
    if word != SLIDING:
        return {}
    own = {key: config.integer(f"swa_{key}", default) for key, default in SWA_DEFAULTS.items()}
    rope = config.integer("swa_qk_rope_head_dim", own["head_dim"] - own["qk_nope_head_dim"])
    return own | {"qk_rope_head_dim": rope}


def dots3_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention with a gate a head and a norm on the rotary key; sliding layers have sizes of their own."""
    own = _dots3_own(config, word)
    sizes = {"num_heads" if key == "num_attention_heads" else key: value for key, value in own.items()
             if key in SWA_DEFAULTS.keys() - {"head_dim"} | {"qk_rope_head_dim"}}
    window = config.optional("sliding_window") or config.integer("sliding_window_size", 512)
    return latent(config, word).model_copy(update={
        **sizes, "output_gate": "head", "rope_norm": True, "window": window if word == SLIDING else None})


def indexer_if_indexed(config: Config, mixer: str, ffn: str) -> dict[str, Any]:
    """The indexer, on the layers that are sparse; its keys come out of fp32 rotary tables."""
    if mixer != "indexed":
        return {}
    found = indexer(config, mixer, ffn)["beside"]["self_attn.indexer"]
    return {"beside": {"self_attn.indexer": found.model_copy(update={"key_dtype": "float32"})}}
