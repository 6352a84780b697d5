"""Families that have BART's skeleton: a row each, saying how they differ. Sources: the library's modeling file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.readers.config.defaults import library_version
from paramcalc.readers.families.encoder_decoder import Scheme, Seq2Seq, Side
from paramcalc.readers.families.spellings import FC

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

PROPHET = {
    "shared": "word_embeddings", "embed_tokens": "word_embeddings", "embed_positions": "position_embeddings",
    "layernorm_embedding": "embeddings_layer_norm", "encoder_attn": "cross_attn", "q_proj": "query_proj",
    "encoder_attn_layer_norm": "cross_attn_layer_norm", "k_proj": "key_proj", "v_proj": "value_proj",
    "final_layer_norm": "feed_forward_layer_norm", "up_proj": "feed_forward.intermediate",
    "down_proj": "feed_forward.output",
}


def mvp_prompts(config: Config, side: Side) -> Parts:
    """MVP's prompts: a table and two projections to keys and values of every layer, for each kind of attention."""
    if config.task == "causal" or not config.flag("use_prompt"):
        return {}
    if side == "encoder":
        config.notes.append("use_prompt: the encoder's prompts are counted, which files hold; release "
                            f"{library_version()} of the library leaves them out of the class")
    width, middle, layers = config.integer("d_model"), config.integer("prompt_mid_dim"), config.depth(f"{side}_layers")
    parts: Parts = {}
    for kind in ("self_attn_prompt",) if side == "encoder" else ("self_attn_prompt", "cross_attn_prompt"):
        parts |= {
            f"{kind}.prompt_embedding": Embedding(rows=config.integer("prompt_length"), component="other_embedding"),
            f"{kind}.prompt_trans.0": Linear(out_features=middle, bias=True),
            f"{kind}.prompt_trans.2": Linear(in_features=middle, out_features=layers * 2 * width, bias=True),
        }
    return parts


def big_bird_attention(config: Config, _: str) -> Parts:
    """BigBird-Pegasus's encoder attention, sparse or not: BERT's names."""
    heads = config.dividing("encoder_attention_heads", config.integer("d_model"))
    names = {"q_proj": "self.query", "k_proj": "self.key", "v_proj": "self.value", "o_proj": "output"}
    return {"self_attn": Attention(num_heads=heads, bias=QKVO if config.flag("use_bias") else (), causal=False,
                                   names=names)}


def led_windows(config: Config, side: Side, count: int) -> list[str]:
    """Layers told apart by how many tokens each can see, which one number or one a layer says."""
    if side == "decoder":
        return [""] * count
    windows = config.per_layer("attention_window", count)
    for index, window in enumerate(windows):
        if window < 1:
            raise config.error("attention_window", f"must be at least 1, found {window}",
                               index=index if isinstance(config.get("attention_window"), list) else None)
    return [str(window) for window in windows]


def led_attention(config: Config, word: str) -> Parts:
    """Longformer's attention: a window, half of it on each side of the token itself, and a second query, key and value
    for tokens that see everything."""
    heads = config.dividing("encoder_attention_heads", config.integer("d_model"))
    here = "longformer_self_attn"
    names = {"q_proj": f"{here}.query", "k_proj": f"{here}.key", "v_proj": f"{here}.value", "o_proj": "output"}
    parts: Parts = {"self_attn": Attention(num_heads=heads, bias=QKVO, causal=False, window=int(word) + 1, names=names)}
    return parts | {f"self_attn.{here}.{name}_global": Linear(bias=True, component="attention")
                    for name in ("query", "key", "value")}


def nllb_words(config: Config, side: Side, count: int) -> list[str]:
    """`moe` at each `{side}_sparse_step`-th layer; none where that is 0."""
    step = config.integer(f"{side}_sparse_step", least=0)
    return ["moe" if step and (i + 1) % step == 0 else "dense" for i in range(count)]


def nllb_feed(config: Config, side: Side, word: str) -> tuple[str, Component]:
    """NLLB-MoE's feed-forward, dense or of experts of which a token visits two."""
    inner = config.integer(f"{side}_ffn_dim")
    if word != "moe":
        return "ffn", FeedForward(intermediate_size=inner, gated=False, bias=True,
                                  names=FC)
    experts = config.integer("num_experts")
    return "ffn", MixtureOfExperts(
        experts=experts, top_k=min(2, experts), intermediate_size=inner, gated=False, bias=True,
        router_bias=config.flag("router_bias"),
        names={"router": "router.classifier", "experts.*.up_proj": "experts.expert_*.fc1",
               "experts.*.down_proj": "experts.expert_*.fc2"})


def pegasus_x_global(config: Config, side: Side) -> Parts:
    """Pegasus-X's table of global tokens."""
    rows = config.integer("num_global_tokens")
    return {"embed_global": Embedding(rows=rows, component="other_embedding")} if side == "encoder" else {}


def pegasus_x_norm(_: Config, side: Side) -> Parts:
    """A second norm before the encoder's attention, for global tokens."""
    return {"global_self_attn_layer_norm": Norm(kind="layernorm")} if side == "encoder" else {}


def prophet_tables(config: Config, side: Side) -> Parts:
    """ProphetNet's table of the n-grams it predicts."""
    return {} if side == "encoder" else {
        "ngram_embeddings": Embedding(rows=config.integer("ngram"), component="other_embedding")}


def prophet_relative(config: Config, side: Side) -> Parts:
    """Relative positions as a projection of the hidden state: buckets for each head."""
    if side == "encoder":
        return {}
    rows = config.integer("num_buckets") * config.integer("num_decoder_attention_heads")
    return {"self_attn.relative_pos_embeddings": Linear(out_features=rows, bias=True, component="position_embedding")}


def conv(shape: tuple[int, ...], component: str, uses: int = 1) -> tuple[Parameter, Parameter]:
    """A convolution's kernel and bias over the encoder's input, done `uses` times for one output position."""
    parameters = [Parameter.model_validate({"shape": s, "component": component, "role": role, "per": "source",
                                            "uses": uses}) for s, role in ((shape, "conv"), (shape[:1], "vector"))]
    return parameters[0], parameters[1]


def whisper_stem(config: Config, side: Side) -> Parts:
    """Two convolutions over the spectrogram; the second halves its length."""
    if side == "decoder":
        return {}
    width, bins = config.integer("d_model"), config.integer("num_mel_bins")
    first = conv((width, bins, 3), "other_embedding", uses=2)
    second = conv((width, width, 3), "other_embedding")
    return {"conv1.weight": first[0], "conv1.bias": first[1], "conv2.weight": second[0], "conv2.bias": second[1]}


def speech_stem(config: Config, side: Side) -> Parts:
    """Convolutions over the features, each halving the length; gated, so that half the channels go on."""
    if side == "decoder":
        return {}
    width, middle = config.integer("d_model"), config.integer("conv_channels", least=2)
    count = config.integer("num_conv_layers")
    kernels = config.listed("conv_kernel_sizes", int, count) or []
    into = config.integer("input_feat_per_channel") * config.integer("input_channels")
    parts: Parts = {}
    for index, kernel in enumerate(kernels):
        out = middle if index < count - 1 else 2 * width
        weight, bias = conv((out, into if index == 0 else middle // 2, kernel), "other", uses=2 ** (count - 1 - index))
        parts |= {f"conv.conv_layers.{index}.weight": weight, f"conv.conv_layers.{index}.bias": bias}
    return parts


def whisper_positions(_: Config, side: Side) -> Scheme:
    """The encoder's table holds sinusoids."""
    return "frozen" if side == "encoder" else "learned"


def trocr_positions(config: Config, _: Side) -> Scheme:
    """A table, unless the config says otherwise."""
    return "learned" if config.flag("use_learned_position_embeddings", default=True) else "computed"



ROWS: dict[str, Seq2Seq] = {
    "bart": Seq2Seq(position_offset=2, embedding_norm=True),
    "plbart": Seq2Seq(position_offset=2, embedding_norm=True),
    "mvp": Seq2Seq(position_offset=2, embedding_norm=True, modules=mvp_prompts),
    "mbart": Seq2Seq(position_offset=2, embedding_norm=True, pre=True),
    "blenderbot": Seq2Seq(pre=True),
    "blenderbot-small": Seq2Seq(embedding_norm=True),
    "pegasus": Seq2Seq(pre=True, positions="frozen"),
    "marian": Seq2Seq(positions="frozen", shared="share_encoder_decoder_embeddings", decoder_rows="decoder_vocab_size"),
    "m2m_100": Seq2Seq(pre=True, positions="computed", logits_bias=False),
    "nllb-moe": Seq2Seq(pre=True, positions="computed", logits_bias=False, words=nllb_words, feed=nllb_feed,
                        names={"encoder_attn": "cross_attention", "final_layer_norm": "ff_layer_norm",
                               "encoder_attn_layer_norm": "cross_attention_layer_norm"}),
    "bigbird_pegasus": Seq2Seq(pre=True, attention_bias="use_bias", attention=big_bird_attention, alone_ties=False,
                               names={"layer_norm": "layernorm_embedding"}),
    "pegasus_x": Seq2Seq(pre=True, positions="computed", attention_bias=False, logits_bias=False,
                         more=pegasus_x_norm, modules=pegasus_x_global),
    "led": Seq2Seq(embedding_norm=True, prefix="led", attention=led_attention, words=led_windows,
                   position_keys={"encoder": "max_encoder_position_embeddings",
                                  "decoder": "max_decoder_position_embeddings"}),
    "prophetnet": Seq2Seq(heads="num_{side}_attention_heads", layers="num_{side}_layers", embedding_norm=True,
                          prefix="prophetnet", shared_alone=True, cross="add_cross_attention", logits_bias=False,
                          names=PROPHET, more=prophet_relative, modules=prophet_tables),
    "whisper": Seq2Seq(pre=True, key_bias=False, positions=whisper_positions, shared=False, encoder_tokens=False,
                       position_keys={"encoder": "max_source_positions", "decoder": "max_target_positions"},
                       head="proj_out", logits_bias=False, modules=whisper_stem),
    "speech_to_text": Seq2Seq(pre=True, positions="computed", shared=False, encoder_tokens=False, logits_bias=False,
                              modules=speech_stem),
    "trocr": Seq2Seq(encoder=False, positions=trocr_positions, position_offset=2, embedding_norm="layernorm_embedding",
                     cross_size="cross_attention_hidden_size", head="output_projection", head_component="other"),
    "biogpt": Seq2Seq(heads="num_attention_heads", layers="num_hidden_layers", inner="intermediate_size",
                      encoder=False, pre=True, cross=False, position_offset=2, prefix="biogpt", within="",
                      head="output_projection", head_component="other"),
    "musicgen_decoder": Seq2Seq(heads="num_attention_heads", layers="num_hidden_layers", inner="ffn_dim",
                                encoder=False, pre=True, attention_bias=False, mlp_bias=False, positions="computed",
                                tables="num_codebooks", head="lm_heads"),
    "musicgen_melody_decoder": Seq2Seq(heads="num_attention_heads", layers="num_hidden_layers", inner="ffn_dim",
                                       encoder=False, pre=True, attention_bias=False, mlp_bias=False, cross=False,
                                       positions="computed", tables="num_codebooks", head="lm_heads"),
}
