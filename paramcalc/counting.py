"""Parameters of one component, from its sizes: what is in an attention layer, a feed-forward, a mixture of experts.

Each function is the sum over the tensors of the component that a whole model counts with. Arguments are named as in
the specification language; a wrong one is a SpecError. Nothing here knows a formula of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.problems import problem_of
from paramcalc.errors import Problem, SpecError
from paramcalc.tree import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.components.attention import Gate, QKNorm
    from paramcalc.components.base import Component
    from paramcalc.components.norm import NormKind


def component_parameters(kind: str, *, active: bool = False, vocab_size: int = 0, **fields: object) -> int:
    """Parameters of a component of any registered kind, its fields by name.

    `active` counts what one token visits: of a mixture of experts, `top_k` of them. Buffers are not parameters.
    Raises SpecError for an unknown kind or a field that cannot be.
    """
    tensors = (t for t in _component(kind, fields).tensors(Context(0, vocab_size)) if not t.buffer)
    return sum((min(t.used, t.stored) if active else t.stored) * t.numel for t in tensors)


def _component(kind: str, fields: dict[str, object]) -> Component:
    from pydantic import ValidationError

    from paramcalc.components import KINDS, component_class, nearest

    if kind not in KINDS:
        raise SpecError(Problem(f"unknown kind {kind!r}", hint=nearest(kind, KINDS)))
    try:
        return component_class(kind).model_validate({"kind": kind, **fields})
    except ValidationError as error:
        raise SpecError(*map(problem_of, error.errors())) from error


def embedding_parameters(rows: int, hidden_size: int) -> int:
    """A table `(rows, hidden_size)` of tokens or learned positions. Source: torch.nn.Embedding."""
    return component_parameters("embedding", rows=rows, hidden_size=hidden_size)


def attention_parameters(
    hidden_size: int, num_heads: int, num_kv_heads: int | None = None, head_dim: int | None = None, *,
    v_head_dim: int | None = None, bias: Sequence[str] = (), qk_norm: QKNorm = "none", output_gate: Gate = "none",
    sinks: bool = False,
) -> int:
    """q `(num_heads·head_dim, hidden_size)`, k and v `(num_kv_heads·head_dim, hidden_size)`, o
    `(hidden_size, num_heads·v_head_dim)`; `bias` names projections of q, k, v, o that have one.

    Source: arXiv:1706.03762; fewer key heads: arXiv:1911.02150, arXiv:2305.13245.
    """
    return component_parameters("attention", hidden_size=hidden_size, num_heads=num_heads, num_kv_heads=num_kv_heads,
                                head_dim=head_dim, v_head_dim=v_head_dim, bias=tuple(bias), qk_norm=qk_norm,
                                output_gate=output_gate, sinks=sinks)


def latent_attention_parameters(
    hidden_size: int, num_heads: int, kv_lora_rank: int, qk_nope_head_dim: int, qk_rope_head_dim: int, v_head_dim: int,
    *, q_lora_rank: int | None = None, bias: Sequence[str] = (),
) -> int:
    """Parameters of kv_a `(kv_lora_rank + qk_rope_head_dim, hidden_size)`, kv_b
    `(num_heads·(qk_nope + v), kv_lora_rank)`, queries direct or through `q_lora_rank`, o
    `(hidden_size, num_heads·v_head_dim)`, the norms of the latents.

    Source: arXiv:2405.04434 section 2.1.
    """
    return component_parameters("latent_attention", hidden_size=hidden_size, num_heads=num_heads,
                                kv_lora_rank=kv_lora_rank, qk_nope_head_dim=qk_nope_head_dim,
                                qk_rope_head_dim=qk_rope_head_dim, v_head_dim=v_head_dim, q_lora_rank=q_lora_rank,
                                bias=tuple(bias))


def feed_forward_parameters(
    hidden_size: int, intermediate_size: int, *, gated: bool = True, bias: bool = False,
) -> int:
    """Parameters of up and, when gated, gate `(intermediate_size, hidden_size)`; down
    `(hidden_size, intermediate_size)`.

    Source: arXiv:1706.03762 section 3.3; gated: arXiv:2002.05202.
    """
    return component_parameters("ffn", hidden_size=hidden_size, intermediate_size=intermediate_size, gated=gated,
                                bias=bias)


def moe_parameters(
    hidden_size: int, experts: int, top_k: int, intermediate_size: int, *, gated: bool = True, bias: bool = False,
    router_bias: bool = False, shared_size: int | None = None, shared_gate: bool = False, active: bool = False,
) -> int:
    """Parameters of a router `(experts, hidden_size)`, `experts` feed-forwards of `intermediate_size`, one of
    `shared_size` that every token visits; with `active`, only the `top_k` experts one token visits.

    Source: arXiv:1701.06538; shared experts: arXiv:2401.06066.
    """
    return component_parameters("moe", active=active, hidden_size=hidden_size, experts=experts, top_k=top_k,
                                intermediate_size=intermediate_size, gated=gated, bias=bias, router_bias=router_bias,
                                shared_size=shared_size, shared_gate=shared_gate)


def mamba_parameters(
    hidden_size: int, inner_size: int, state_size: int, dt_rank: int, *, conv_kernel: int = 4, bias: bool = False,
    conv_bias: bool = True, dt_norms: bool = False,
) -> int:
    """Parameters of in `(2·inner_size, hidden_size)`, convolution `(inner_size, 1, conv_kernel)`, x
    `(dt_rank + 2·state_size, inner_size)`, dt `(inner_size, dt_rank)` with bias, A `(inner_size, state_size)`, D
    `(inner_size)`, out `(hidden_size, inner_size)`.

    Source: arXiv:2312.00752; norms on dt, B and C: arXiv:2403.19887.
    """
    return component_parameters("mamba", hidden_size=hidden_size, inner_size=inner_size, state_size=state_size,
                                dt_rank=dt_rank, conv_kernel=conv_kernel, bias=bias, conv_bias=conv_bias,
                                dt_norms=dt_norms)


def mamba2_parameters(
    hidden_size: int, num_heads: int, head_dim: int, state_size: int, *, groups: int = 1, conv_kernel: int = 4,
    bias: bool = False, conv_bias: bool = True,
) -> int:
    """Parameters of in `(2·inner + 2·groups·state_size + num_heads, hidden_size)` with `inner = num_heads·head_dim`,
    convolution over `inner + 2·groups·state_size` channels, decay, skip and dt bias a head, gated norm `(inner)`, out.

    Source: arXiv:2405.21060.
    """
    return component_parameters("mamba2", hidden_size=hidden_size, num_heads=num_heads, head_dim=head_dim,
                                state_size=state_size, groups=groups, conv_kernel=conv_kernel, bias=bias,
                                conv_bias=conv_bias)


def gated_delta_parameters(
    hidden_size: int, key_heads: int, value_heads: int, key_dim: int, value_dim: int, *, conv_kernel: int = 4,
) -> int:
    """Parameters of q and k `(key_heads·key_dim, hidden_size)`, v and its gate `(value_heads·value_dim, hidden_size)`,
    two values a value head and token, a convolution over q, k and v, decay, gated norm `(value_dim)`, out.

    Source: arXiv:2412.06464.
    """
    return component_parameters("gated_delta", hidden_size=hidden_size, key_heads=key_heads, value_heads=value_heads,
                                key_dim=key_dim, value_dim=value_dim, conv_kernel=conv_kernel)


def short_conv_parameters(hidden_size: int, conv_kernel: int, *, bias: bool = False) -> int:
    """Parameters of in `(3·hidden_size, hidden_size)`, depthwise convolution `(hidden_size, 1, conv_kernel)`, out.

    Source: LFM2, as transformers' Lfm2ShortConv."""
    return component_parameters("short_conv", hidden_size=hidden_size, conv_kernel=conv_kernel, bias=bias)


def norm_parameters(hidden_size: int, kind: NormKind = "rmsnorm", *, bias: bool | None = None,
                    ) -> int:
    """Parameters of a scale `(hidden_size)`; LayerNorm has a shift too unless `bias` is off.

    Source: arXiv:1910.07467, 1607.06450."""
    return component_parameters(kind, hidden_size=hidden_size, bias=bias)


def head_parameters(rows: int, hidden_size: int, *, bias: bool = False, tied: bool = False) -> int:
    """Logits `(rows, hidden_size)`; a tied matrix is the embedding's and counts nothing here, its bias does.

    Source: arXiv:1608.05859.
    """
    return component_parameters("head", rows=rows, hidden_size=hidden_size, bias=bias, tied=tied)
