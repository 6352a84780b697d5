"""Google's Gemma 1 to 4, VaultGemma and RecurrentGemma.

Gemma 3n and 4 have layers that attend to an earlier layer's keys, per-layer embeddings and several streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.components.altup import AltUp
from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.components.rg_lru import RecurrentBlock
from paramcalc.errors import LAYERS
from paramcalc.numbers import many
from paramcalc.readers.config.patterns import FULL, LINEAR, SLIDING, cycled, every, mixers, own_layers, unique_names
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.shared import patterned

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config


def _both_ways(config: Config, word: str, _: str) -> dict[str, Any]:
    """`use_bidirectional_attention` lets a token see what follows, within half the window where there is one.

    A class that generates sees both ways in its prefix only, and keeps keys and values like any other."""
    if not config.flag("use_bidirectional_attention") or config.task in ("causal", "seq2seq"):
        return {}
    reach = config.optional("sliding_window") if word == SLIDING else None
    return {"causal": False} | ({"window": two_sided(reach)} if reach else {})


def two_sided(window: int) -> int:
    """Tokens seen where the class halves its window, rounds up, and looks so far to both sides."""
    return 2 * (window // 2) + 1


class Layer(NamedTuple):
    """What differs between layers."""

    mixer: str
    shares_kv: bool
    head_dim: int
    kv_heads: int
    intermediate_size: int
    sparse: bool = False


def _named(layers: list[Layer]) -> list[str]:
    return unique_names(layers, [f"{layer.mixer}_shared" if layer.shares_kv else layer.mixer for layer in layers])


def _drafts(config: Config) -> bool:
    """Whether it is the text model of an assistant, which reads the keys of the model that it drafts for."""
    return config.outer is not None and str(config.outer.get("model_type")).endswith("_assistant")


def _shared_from(config: Config) -> int:
    """The first layer without keys of its own; every kind of layer must stand before it, but in an assistant."""
    shared = config.integer("num_kv_shared_layers", 0, least=0)
    if _drafts(config):
        if shared not in (0, config.layers):
            raise config.error("num_kv_shared_layers", f"an assistant shares all {many(config.layers, 'layer')}, "
                               f"found {shared:,}", code=LAYERS)
        return 0
    if shared >= config.layers:
        raise config.error("num_kv_shared_layers", f"must be less than the {many(config.layers, 'layer')}, "
                           f"found {shared:,}", code=LAYERS)
    return config.layers - shared


def _attention(config: Config, layer: Layer, value: str = "own") -> Attention:
    bidirectional = config.get("use_bidirectional_attention") == "all"
    window = config.optional("sliding_window", least=0) if layer.mixer == SLIDING else None
    if window and bidirectional:
        window = two_sided(window)
    return Attention.model_validate({
        "num_heads": config.integer("num_attention_heads"), "num_kv_heads": layer.kv_heads, "head_dim": layer.head_dim,
        "bias": QKVO if config.flag("attention_bias") else (), "qk_norm": "head", "window": window or None,
        "shares_kv": layer.shares_kv, "causal": not bidirectional, "value": value,
    })


def _per_layer_parts(config: Config) -> dict[str, Component]:
    """How a layer takes in its own embedding of the token."""
    size = config.integer("hidden_size_per_layer_input")
    return {"per_layer_input_gate": Linear(out_features=size, activated=True, multiplied=True),
            "per_layer_projection": Linear(in_features=size),
            "post_per_layer_input_norm": Norm(kind="rmsnorm")}


def _per_layer_inputs(config: Config, *, own_indices: bool = False) -> dict[str, Component]:
    """The table of every layer's embeddings, and their projection from the token's."""
    size = config.integer("hidden_size_per_layer_input")
    table = Embedding(rows=config.integer("vocab_size_per_layer_input"), hidden_size=config.layers * size,
                      own_indices=own_indices)
    parts: dict[str, Component] = {
        "embed_tokens_per_layer": table,
        "per_layer_model_projection": Linear(out_features=config.layers * size, multiplied=True,
                                             reads="embedding"),
        "per_layer_projection_norm": Norm(kind="rmsnorm", hidden_size=size, vectors=config.layers),
    }
    return {config.rooted(f"model.{name}"): part for name, part in parts.items()}


def _layers_3n(config: Config) -> list[Layer]:
    words = mixers(config, every(config, 5))
    first, head, kv_heads = _shared_from(config), config.head_dim, config.kv_heads
    sizes, sparse = config.per_layer("intermediate_size", config.layers), _sparse(config)
    return [Layer(word, i >= first, head, kv_heads, sizes[i], sparse[i]) for i, word in enumerate(words)]


def _sparse(config: Config) -> list[bool]:
    """The layers whose feed-forward cuts its gate off; where nothing is said, the first ten of more than ten."""
    pattern = config.get("activation_sparsity_pattern")
    values = pattern if isinstance(pattern, list) else [pattern] * config.layers
    if pattern is None or len(values) != config.layers:
        return [i < 10 < config.layers for i in range(config.layers)]
    return [type(value) in (int, float) and value > 0 for value in values]


def _block_3n(config: Config, word: str, _: str) -> dict[str, Any]:
    layers = _layers_3n(config)
    layer = layers[_named(layers).index(word)]
    rank = config.integer("laurel_rank")
    beside: dict[str, Component] = {
        "altup": AltUp(streams=config.integer("altup_num_inputs"),
                       clipped=config.get("altup_coef_clip") is not None,
                       scaled=config.flag("altup_correct_scale", default=True)),
        "laurel.linear_left": Linear(out_features=rank, parallel=True), "laurel.linear_right": Linear(in_features=rank),
        "laurel.post_laurel_norm": Norm(kind="rmsnorm"),
    }
    feed = FeedForward(intermediate_size=layer.intermediate_size, sparse=True) if layer.sparse else None
    return {"mixer": _attention(config, layer), "intermediate_size": layer.intermediate_size, "ffn": feed,
            "beside": beside | _per_layer_parts(config)}


def _more_3n(config: Config) -> dict[str, Any]:
    inputs, outputs = _per_layer_inputs(config, own_indices=True), {}
    streams = config.integer("altup_num_inputs")
    if streams > 1:
        each = Linear(copies=streams - 1, reads="embedding", rescaled=True)
        inputs[config.rooted("model.altup_projections.*")] = each
        outputs[config.rooted("model.altup_unembed_projections.*")] = each.model_copy(update={"reads": "streams"})
    return {"inputs": inputs, "outputs": outputs}


def _layers_4(config: Config) -> list[Layer]:
    words = _ends_in_full(config)
    own = _overrides(config, words, config.optional("num_global_key_value_heads")
                     if config.flag("attention_k_eq_v") else None)
    first, size = _shared_from(config), config.integer("intermediate_size")
    factor = 2 if config.flag("use_double_wide_mlp") else 1
    return [Layer(word, i >= first, *own[i], size * (factor if i >= first else 1)) for i, word in enumerate(words)]


def _ends_in_full(config: Config) -> list[str]:
    words = mixers(config, every(config, 6))
    words[-1] = FULL
    return words


LAYER_KEYS = ("head_dim", "num_key_value_heads")
"""What a layer may say of its own."""


def _overrides(config: Config, words: list[str], global_heads: int | None) -> list[tuple[int, int]]:
    """head_dim and kv_heads of each layer: `per_layer_config`, or the global values for layers of full attention."""
    usual = (config.head_dim, config.kv_heads)
    if config.get("per_layer_config") is None:
        broad = (config.integer("global_head_dim", 512), global_heads or usual[1])
        return [broad if word == FULL else usual for word in words]
    own = own_layers(config, LAYER_KEYS)
    return [(layer.get("head_dim", usual[0]), layer.get("num_key_value_heads", usual[1]))
            for layer in (own.get(index, {}) for index in range(len(words)))]


def _block_4(config: Config, word: str, _: str) -> dict[str, Any]:
    layers = _layers_4(config)
    layer = layers[_named(layers).index(word)]
    same = config.flag("attention_k_eq_v") and layer.mixer != SLIDING
    beside: dict[str, Component] = {"layer_scalar": Parameter(shape=(1,), buffer=True)}
    if config.optional("hidden_size_per_layer_input", least=0):
        beside |= _per_layer_parts(config)
    if config.flag("enable_moe_block"):
        beside |= _experts(config)
    return {"mixer": _attention(config, layer, "key" if same else "own"), "beside": beside,
            "intermediate_size": layer.intermediate_size}


def _block_4_unified(config: Config, word: str, ffn: str) -> dict[str, Any]:
    """Without per-layer embeddings and experts."""
    fields = _block_4(config, word, ffn)
    return fields | {"beside": {"layer_scalar": fields["beside"]["layer_scalar"]}}


def _experts(config: Config) -> dict[str, Component]:
    """Experts beside the feed-forward, between norms of their own."""
    experts, size = config.integer("num_experts"), config.integer("moe_intermediate_size")
    mixture = MixtureOfExperts(
        experts=experts, top_k=config.integer("top_k_experts"), intermediate_size=size,
        layout="stacked", fused=True, stacked_transposed=False, names={"router": "router.proj"}, path="",
    )
    scale = Parameter(shape=(config.integer("hidden_size"),), component="moe_router", added=True)
    norm = Norm(kind="rmsnorm")
    return {"pre_feedforward_layernorm_2": norm, "router.scale": scale, "experts": mixture,
            "router.per_expert_scale": Parameter(shape=(experts,), component="moe_router", added=True),
            "post_feedforward_layernorm_1": norm, "post_feedforward_layernorm_2": norm}


def _more_4(config: Config) -> dict[str, Any]:
    return {"inputs": _per_layer_inputs(config)} if config.optional("hidden_size_per_layer_input", least=0) else {}


def _layers_diffusion(config: Config) -> list[Layer]:
    words, size = _ends_in_full(config), config.integer("intermediate_size")
    own = _overrides(config, words, config.optional("num_global_key_value_heads"))
    return [Layer(word, False, *own[i], size) for i, word in enumerate(words)]


def _block_diffusion(config: Config, word: str, _: str) -> dict[str, Any]:
    """DiffusionGemma's: Gemma 4's with experts, whose full attention has keys that are its values."""
    layers = _layers_diffusion(config)
    layer = layers[_named(layers).index(word)]
    beside: dict[str, Component] = {"layer_scalar": Parameter(shape=(1,), buffer=True)}
    return {"mixer": _attention(config, layer, "own" if layer.mixer == SLIDING else "key"),
            "beside": beside | _experts(config), "intermediate_size": layer.intermediate_size}


def _more_diffusion(config: Config) -> dict[str, Any]:
    """An encoder of what stands before the canvas, whose weights are the decoder's; and, within a whole model, what
    the decoder makes of its last guess. Raises SpecError where the two have weights of their own."""
    if not config.tied:
        raise config.error("tie_word_embeddings", "an encoder with weights of its own is not described")
    if config.outer is None:
        return {}
    at = "model.self_conditioning"
    scalars = Parameter(shape=(config.layers,), buffer=True, path="model.encoder.language_model.layers.*.layer_scalar")
    guess = FeedForward(intermediate_size=config.integer("intermediate_size"))
    return {"inputs": {f"{at}.pre_norm": Norm(kind="rmsnorm"), at: guess, "encoder_scalars": scalars,
                       **(_encoder_biases(config) if config.flag("attention_bias") else {})}}


def _encoder_biases(config: Config) -> dict[str, Component]:
    """Of what the encoder shares with the decoder, biases are not."""
    layers, heads, hidden = _layers_diffusion(config), config.integer("num_attention_heads"), config.integer(
        "hidden_size")
    parts: dict[str, Component] = {}
    for layer in dict.fromkeys(layers):
        sizes = {"q": heads * layer.head_dim, "k": layer.kv_heads * layer.head_dim, "o": hidden}
        if layer.mixer == SLIDING:
            sizes["v"] = sizes["k"]
        for word, size in sizes.items():
            parts[f"encoder_bias_{len(parts)}"] = Parameter(
                shape=(size,), component="attention", copies=layers.count(layer),
                path=f"model.encoder.language_model.layers.*.self_attn.{word}_proj.bias")
    return parts


def _layers_embedding(config: Config) -> list[Layer]:
    words, size = _ends_in_full(config), config.integer("intermediate_size")
    own = _overrides(config, words, config.integer("num_global_key_value_heads", 1))
    return [Layer(word, False, *own[i], size) for i, word in enumerate(words)]


def _block_embedding(config: Config, word: str, _: str) -> dict[str, Any]:
    """EmbeddingGemma 2's: as Gemma 4's, every token seeing the others on both sides, `sliding_window` of each."""
    layers = _layers_embedding(config)
    layer = layers[_named(layers).index(word)]
    window = config.optional("sliding_window", least=0) if layer.mixer == SLIDING else None
    reach: dict[str, Any] = {"causal": False, "window": 2 * window + 1 if window else None}
    beside: dict[str, Component] = {"layer_scalar": Parameter(shape=(1,), buffer=True)}
    beside |= {f"ple_block.{name}": part for name, part in _per_layer_parts(config).items()}
    return {"mixer": _attention(config, layer).model_copy(update=reach), "beside": beside,
            "intermediate_size": layer.intermediate_size}


def _more_embedding(config: Config) -> dict[str, Any]:
    """Each layer's embedding comes from the token's alone; the output has a width of its own."""
    size, projection = config.integer("hidden_size_per_layer_input"), "embedding_projection"
    out = Linear(out_features=config.integer("embedding_dim"), component="other_embedding", per="sequence")
    ple: dict[str, Component] = {
        "per_layer_model_projection": Linear(out_features=config.layers * size, reads="embedding"),
        "per_layer_projection_norm": Norm(kind="rmsnorm", hidden_size=size, vectors=config.layers)}
    return {"inputs": {config.rooted(f"model.ple.{name}"): part for name, part in ple.items()},
            "outputs": {config.rooted(f"model.{projection}"): out}}


GRIFFIN = {"input_layernorm": "temporal_pre_norm", "post_attention_layernorm": "channel_pre_norm",
           "norm": "model.final_norm", "self_attn": "temporal_block", "mlp": "mlp_block"}


def _griffin_mixer(config: Config, word: str) -> RecurrentBlock | None:
    if word == SLIDING:
        return None
    return RecurrentBlock(lru_width=config.optional("lru_width") or config.integer("hidden_size"),
                          num_heads=config.integer("num_attention_heads"), conv_kernel=config.integer("conv1d_width"))


ROWS: dict[str, Row] = {
    "gemma": Row("attention_bias", "attention_bias", block=_both_ways),
    "gemma2": Row("attention_bias", "attention_bias", placement="sandwich", pattern=lambda c: every(c, 2)),
    "gemma3_text": Row("attention_bias", "attention_bias", placement="sandwich", qk_norm="head",
                       pattern=lambda c: patterned(c, 6), block=_both_ways),
    "vaultgemma": Row("attention_bias", "attention_bias", pattern=lambda c: every(c, 2),
                      names={"post_attention_layernorm": "pre_feedforward_layernorm"}),
    "recurrent_gemma": Row(
        "attention_bias", o_bias=True, mlp_bias=True, uneven_heads=True, names=GRIFFIN, mixer=_griffin_mixer,
        mixers=lambda c: cycled(c, "block_types", {"recurrent": LINEAR, "attention": SLIDING}),
        size=lambda c: c.integer("intermediate_size") // 2),
    "gemma3n_text": Row(placement="sandwich", mixers=lambda c: _named(_layers_3n(c)), block=_block_3n, more=_more_3n),
    "gemma4_text": Row(placement="sandwich", mixers=lambda c: _named(_layers_4(c)), block=_block_4, more=_more_4),
    "gemma4_unified_text": Row(placement="sandwich", mixers=lambda c: _named(_layers_4(c)), block=_block_4_unified),
    "diffusion_gemma_text": Row(placement="sandwich", mixers=lambda c: _named(_layers_diffusion(c)),
                                block=_block_diffusion, more=_more_diffusion),
    "embedding_gemma2_text": Row(placement="sandwich", mixers=lambda c: _named(_layers_embedding(c)),
                                 block=_block_embedding, more=_more_embedding),
}
