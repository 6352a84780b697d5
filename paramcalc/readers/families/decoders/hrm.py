"""Hierarchical reasoning models: two stacks, a slow and a fast one, that a token visits in cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Repeat
from paramcalc.components.linear import Head, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config


def hrm_text(config: Config) -> ModelSpec:
    """HRM-Text, arXiv:2506.21734: `H_cycles` times `L_cycles` visits of the fast stack and one of the slow.

    Every visit keeps keys and values of its own.
    """
    slow, fast = config.integer("H_cycles"), config.integer("L_cycles")
    modules: dict[str, Component] = {
        "model.embed_tokens": Embedding(), "positions": Positions(kind="rotary"),
        "model.z_L_init": Parameter(shape=(config.integer("hidden_size"),), frozen=True),
    }
    layers = _layers(config)
    modules |= _stack("model.L_module", layers, slow * fast) | _stack("model.H_module", layers, slow)
    if not config.bare:
        modules["lm_head"] = Head(tied=config.tied)
    config.note("the backward pass is counted through every cycle; the class trains through the last L_bp_cycles only")
    return ModelSpec(
        hidden_size=config.integer("hidden_size"), vocab_size=config.integer("vocab_size"),
        blocks={"layer": Block(parts=_parts(config))},
        modules={config.rooted(path): part for path, part in modules.items()},
    )


def _layers(config: Config) -> int:
    """Of one stack; a file that does not say it means num_hidden_layers by it."""
    return config.depth("num_layers_per_stack" if config.optional("num_layers_per_stack") else "num_hidden_layers")


def _stack(path: str, layers: int, visits: int) -> dict[str, Component]:
    return {f"{path}.layers": Stack(of=(Repeat(repeat=layers, of=("layer",)),), uses=visits),
            f"{path}.final_norm": Norm(kind="rmsnorm", scale=False, uses=visits)}


def _parts(config: Config) -> dict[str, Component]:
    """A layer. Files fuse the weights of gate, q, k and v, and of gate and up, but keep their biases apart."""
    heads, head, size = config.integer("num_attention_heads"), config.head_dim, config.integer("intermediate_size")
    attention_bias, mlp_bias = config.flag("attention_bias"), config.flag("mlp_bias")
    attention = Attention(num_heads=heads, head_dim=head, output_gate="full", fused="gqkv",
                          bias=("o",) if attention_bias else ())
    parts: dict[str, Component] = {"input_layernorm": Norm(kind="rmsnorm", scale=False), "attn": attention}
    if attention_bias:
        vector = Parameter(shape=(heads * head,), component="attention")
        parts |= {f"self_attn.{name}_proj.bias": vector for name in ("gate", "q", "k", "v")}
    parts |= {"post_attention_layernorm": Norm(kind="rmsnorm", scale=False),
              "mlp": FeedForward(intermediate_size=size, fused=True, down_bias=mlp_bias)}
    if mlp_bias:
        parts |= {f"mlp.{name}_proj.bias": Parameter(shape=(size,), component="ffn") for name in ("gate", "up")}
    return parts


ROWS: dict[str, Builder] = {"hrm_text": hrm_text}
