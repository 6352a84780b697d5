"""What multi-head latent attention keeps for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scores import Heads, attend
from paramcalc.activations.tape import tape
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.latent_attention import LatentAttention


def latent_attention(part: LatentAttention, run: Forward) -> list[SavedActivation]:
    """Inputs of five projections, norms of the latents, the core, and the output's input."""
    t = tape(run, "attention")
    if run.policy.recompute == "full":
        return []
    x, heads = t.stream(part.width(run.context)), part.num_heads
    key = part.qk_nope_head_dim + part.qk_rope_head_dim
    _latent_queries(part, t, x)
    latent = t.linear(x, part.kv_lora_rank + part.qk_rope_head_dim, "latent", weight="kv_a_proj_with_mqa")
    normed = t.norm(latent, "rmsnorm", (part.kv_lora_rank,)) if part.norms else latent
    expanded = part.qk_nope_head_dim + part.v_head_dim
    values = t.linear(normed, heads * expanded, axis("heads", heads, expanded), "key-value latent", "kv_b_proj")
    rope = part.qk_rope_head_dim
    if rope and run.rotary:
        t.rotate((heads, key), rope, windowed=part.window is not None, like=x)
    q, k = (t.new((heads, key), ("heads", "head_dim")) for _ in range(2))
    if t.facts.temperature == "all":
        t.keep(t.new((1,), ("one",), "position"), "temperature")
    apart = run.policy.library == "transformers" and rope > 0
    context = attend(t, q, k, values, Heads(heads, heads, key, part.v_head_dim, sinks=part.sinks, laid_apart=apart))
    if part.output_gate != "none":
        each = 1 if part.output_gate == "head" else part.v_head_dim
        gate = t.new((heads * each,), (axis("heads", heads, each),))
        if t.facts.float_gate:
            t.keep(t.to(gate, "float32"), "sigmoid")
        context = t.multiply(context, gate, ("context", "gate"))
    out = t.linear(context, part.width(run.context), "hidden", "output", "o_proj")
    t.dropout(out, t.facts.hidden_dropout, "output")
    return t.saved


def _latent_queries(part: LatentAttention, t: Tape, x: Value) -> None:
    head = part.qk_nope_head_dim + part.qk_rope_head_dim
    size, heads = part.num_heads * head, axis("heads", part.num_heads, head)
    if part.q_lora_rank is None:
        t.linear(x, size, heads, weight="q_proj")
        return
    latent = t.linear(x, part.q_lora_rank, "latent", weight="q_a_proj")
    t.linear(t.norm(latent, "rmsnorm") if part.norms else latent, size, heads, "query latent", "q_b_proj")
