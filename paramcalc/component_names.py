"""What a count is broken down into."""

from __future__ import annotations

from typing import Literal, get_args

ComponentName = Literal[
    "token_embedding", "position_embedding", "other_embedding", "attention", "state_mixer", "ffn", "moe_router",
    "moe_experts", "moe_shared", "norm", "lm_head", "pooler", "vision", "audio", "projector", "other",
]
COMPONENTS: tuple[ComponentName, ...] = get_args(ComponentName)
"""In the order they are shown."""
Table = Literal["token_embedding", "position_embedding", "other_embedding"]
TABLES: tuple[Table, ...] = get_args(Table)
"""What is looked up, before the layers: it stays on the host, whatever is offloaded."""
TowerName = Literal["vision", "audio", "projector"]
TOWERS: frozenset[str] = frozenset(get_args(TowerName))
"""What stands before a text model: whole on the first pipeline stage, and computed before its layers."""
