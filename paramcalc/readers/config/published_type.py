"""What one model type says whose class lives in a repository of its own, not in transformers.

Sizes have no defaults here: published files always state them. `classes` lists the class names that files use for the
architecture, `aliases` the key spellings. The source is the repository's own modeling or configuration file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

GPT_KEYS = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
            "intermediate_size": "n_inner", "max_position_embeddings": "n_positions"}
"""How GPT-2's config spells its sizes, and others after it."""


class Published(NamedTuple):
    """What the class of one model type says when a config.json is silent."""

    classes: tuple[str, ...]
    aliases: dict[str, str]
    """Attribute to the key files use."""
    defaults: dict[str, Any]
    source: str
    text_key: str = "text_config"
    """Where a composite config has its text model."""
    renamed: dict[str, str] = {}  # noqa: RUF012 - never changed
    """Class names of files to the class they mean: ChatGLM's files name the body and hold the head."""
    text_type: str | None = None
    """Type of the text model inside, where its config says none or its keys stand at the top."""
    front: tuple[str, str] | None = None
    """What files put before the text model's parts, and what they call its head."""
    verified: bool = True
    """Whether its count equals a published total; what does not is a lower bound, and says so."""


UNTIED: dict[str, Any] = {"num_key_value_heads": None, "head_dim": None, "tie_word_embeddings": False}
TIED = UNTIED | {"tie_word_embeddings": True}
