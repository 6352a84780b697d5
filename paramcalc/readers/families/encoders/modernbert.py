"""ModernBERT (arXiv:2412.13663) as encoder and decoder, and its kin with rotary positions: EuroBERT, UltraBERT.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import FULL, SLIDING, every, mixers
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.shared import first_full
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import CHOSEN, ENDS, LABELLED, TAGGED, Dense
from paramcalc.readers.families.spellings import LLAMA_ENCODER
from paramcalc.spec.layer import Block

if TYPE_CHECKING:

    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

AS_DECODER = {"embed_tokens": "model.embeddings.tok_embeddings", "embedding_norm": "model.embeddings.norm",
              "norm": "model.final_norm", "lm_head": "decoder", "input_layernorm": "attn_norm", "self_attn": "attn",
              "post_attention_layernorm": "mlp_norm", "gate_up_proj": "Wi", "o_proj": "Wo", "down_proj": "Wo"}


def _modernbert_layers(config: Config) -> list[str]:
    """The first layer has no norm before attention: the embeddings' norm stands for it."""
    words = mixers(config, first_full(config, config.integer("global_attn_every_n_layers", 3)))
    return [f"first_{words[0]}", *words[1:]]


def _modernbert_layer(config: Config, word: str, _: str) -> dict[str, Any]:
    """A sliding layer sees `sliding_window`, by default half of `local_attention`, which counts both sides of a token.

    A window of none or less is no window.
    """
    fields: dict[str, Any] = {"norm_placement": "ffn"} if word.startswith("first_") else {}
    half = (config.optional("local_attention", least=0) or 0) // 2
    reach = config.optional("sliding_window", least=-1) if config.get("sliding_window") is not None else half
    return fields | {"window": reach if reach and reach > 0 else None} if word.endswith(SLIDING) else fields


def _modernbert_head(config: Config) -> dict[str, Any]:
    """The head's transform, counted as head."""
    classifies = config.task == "classification"
    fields: dict[str, Any] = {"fused_gate_up": True, "embedding_norm": True}
    if config.bare:
        return fields
    place = "head" if classifies else "lm_head"
    return fields | {"outputs": {
        f"{place}.dense": Linear(bias=config.flag("classifier_bias"), component="lm_head", activated=True),
        f"{place}.norm": Norm(kind="layernorm", bias=config.flag("norm_bias"), component="lm_head")}}


def _modernbert_bias(config: Config, fields: dict[str, Any]) -> None:
    if config.task == "classification":
        fields["head_bias"] = config.flag("classifier_bias")


MODERN = {
    "tokens": "embeddings.tok_embeddings", "types": "", "embedding_norm": "embeddings.norm", "layers": "layers",
    "final_norm": "final_norm", "attention": "attn", "qkv_proj": "Wqkv", "o_proj": "Wo", "attention_norm": "attn_norm",
    "ffn_norm": "mlp_norm",
}


def modern_words(config: Config) -> list[str]:
    """`full` or `sliding` for each layer; the first has a word of its own, since it has no norm before it."""
    period = config.integer("global_attn_every_n_layers", 3)
    words = mixers(config, [FULL if i % period == 0 else SLIDING for i in range(config.layers)])
    return [f"first_{words[0]}", *words[1:]]


def modern_window(config: Config, word: str) -> int | None:
    """Half the window on each side, and the token itself."""
    return config.integer("local_attention") // 2 * 2 + 1 if word.endswith(SLIDING) else None


def modern_feed(config: Config, _: str) -> Parts:
    """Gate and up are one matrix."""
    return {"mlp": FeedForward(intermediate_size=config.integer("intermediate_size"), fused=True,
                               bias=config.flag("mlp_bias"), names={"gate_up_proj": "Wi", "down_proj": "Wo"})}


def transform(config: Config) -> Parts:
    """The dense layer and norm before a prediction or a label."""
    return {"head.dense": Linear(bias=config.flag("classifier_bias"), component="lm_head", activated=True),
            "head.norm": Norm(kind="layernorm", bias=config.flag("norm_bias"), component="lm_head")}


def pooled_transform(config: Config) -> Parts:
    """The same, of one position or of their mean."""
    parts = transform(config)
    return parts | {"head.dense": parts["head.dense"].model_copy(update={"per": "sequence"})}


def modern_head(config: Config) -> Parts:
    """Transform and decoder."""
    return transform(config) | {"decoder": Head(tied=config.tied, bias=config.flag("decoder_bias"))}


MODERN_TOPS: Tops = {
    "Model": (), "MaskedLM": ("head",), "SequenceClassification": (pooled_transform, LABELLED),
    "TokenClassification": (transform, TAGGED), "QuestionAnswering": (transform, TAGGED),
    "MultipleChoice": (pooled_transform, CHOSEN),
}
MODERNBERT = Encoder("model", MODERN, modern_head, MODERN_TOPS, norm_bias="norm_bias", pre=True, learned=False,
                     rotary=True, qkv_bias="attention_bias", o_bias="attention_bias", fused=True, feed=modern_feed,
                     words=modern_words, window=modern_window)


def without_first_norm(spec: ModelSpec, norm: str) -> ModelSpec:
    """The first layer takes what the embedding's norm gives."""
    blocks = {
        word: Block(parts={key: part for key, part in (block.parts or {}).items() if key != norm})
        if word.startswith("first_") else block for word, block in spec.blocks.items()
    }
    return spec.model_copy(update={"blocks": blocks})


def modernbert(config: Config) -> ModelSpec:
    """ModernBERT."""
    return without_first_norm(MODERNBERT(config), MODERN["attention_norm"])


def euro_head(config: Config) -> Parts:
    """Its bias is that of the feed-forwards."""
    return {"lm_head": Head(tied=config.tied, bias=config.flag("mlp_bias"))}


def ultra_words(config: Config) -> list[str]:
    """`full` or `sliding`, from the layers' windows where an older file lists them; each third is full by default."""
    windows = config.listed("attention_windows", int)
    listed = None if windows is None else [SLIDING if window else FULL for window in windows]
    return mixers(config, listed or every(config, 3))


def ultra_window(config: Config, word: str) -> int | None:
    """That many tokens on each side, and the token itself."""
    windows = config.listed("attention_windows", int) or []
    size = next((window for window in windows if window), config.integer("sliding_window"))
    return 2 * size + 1 if word == SLIDING else None


def ultra_head(config: Config) -> Parts:
    """A bottleneck before the decoder."""
    return bottleneck(config, "head") | {"cls": Head(tied=config.tied)}


def bottleneck(config: Config, at: str) -> Parts:
    """Down and up again without biases."""
    inner = config.integer("prediction_head_size")
    return {f"{at}.linear1": Linear(out_features=inner, component="lm_head"),
            f"{at}.linear2": Linear(in_features=inner, component="lm_head")}


EURO_TOPS: Tops = {
    "Model": (), "MaskedLM": ("head",), "TokenClassification": (TAGGED,),
    "SequenceClassification": (Dense("dense", component="other"), LABELLED),
}
ULTRA_TOPS: Tops = {
    "Model": (), "MaskedLM": ("head",), "TokenClassification": (TAGGED,), "SequenceClassification": (LABELLED,),
    "QuestionAnswering": (ENDS,),
}
EUROBERT = Encoder("model", LLAMA_ENCODER, euro_head, EURO_TOPS, norm="rmsnorm", pre=True, learned=False, rotary=True,
                   qkv_bias="attention_bias", o_bias="attention_bias", mlp_bias="mlp_bias", gated=True)
ULTRABERT = Encoder("ultrabert", LLAMA_ENCODER, ultra_head, ULTRA_TOPS, norm="rmsnorm", pre=True, learned=False,
                    rotary=True, qkv_bias="attention_bias", o_bias="attention_bias", mlp_bias="mlp_bias", gated=True,
                    words=ultra_words, window=ultra_window)


def eurobert(config: Config) -> ModelSpec:
    """EuroBERT."""
    return EUROBERT(config)


def ultrabert(config: Config) -> ModelSpec:
    """UltraBERT."""
    return ULTRABERT(config)


ROWS: dict[str, Builder] = {
    "modernbert": modernbert,
    "modernbert-decoder": Row(
        "attention_bias", "attention_bias", "mlp_bias", "decoder_bias", norm="layernorm", norm_bias="norm_bias",
        mixers=_modernbert_layers, block=_modernbert_layer, more=_modernbert_head, names=AS_DECODER,
        classifier="classifier", adjust=_modernbert_bias),
    "eurobert": eurobert,
    "ultrabert": ultrabert,
}
