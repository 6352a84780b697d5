"""Checkpoint headers: safetensors and GGUF, header to tree."""

CHECKPOINTS = {
    ".safetensors.index.json": ("safetensors", "read_index"),
    ".safetensors": ("safetensors", "read_safetensors"),
    ".gguf": ("gguf", "read_gguf"),
}
"""How the names of files end whose header says what they hold, to the module here and its function that reads it."""
