"""Xiaomi's MiMo: Qwen2 with a layer that predicts a further token.

Source: XiaomiMiMo/MiMo-7B-Base modeling_mimo.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.deepseek import last_layer

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def _mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """Norms of the token and of the state, their projection, a layer, a norm; embedding and head are the model's."""
    count = config.integer("num_nextn_predict_layers", 0, least=0)
    if not count or config.task != "causal":
        return {}
    parts: dict[str, Component] = {
        "token_layernorm": Norm(kind="rmsnorm"), "hidden_layernorm": Norm(kind="rmsnorm"),
        "input_proj": Linear(in_features=2 * spec.hidden_size), **last_layer(spec),
        "final_layernorm": Norm(kind="rmsnorm"),
    }
    return {f"model.mtp_layers.*.{key}": part.model_copy(update={"copies": count}) for key, part in parts.items()}


ROWS: dict[str, Row] = {
    "mimo": Row("attention_bias", mtp=_mtp),
}
