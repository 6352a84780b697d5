"""Checkpoint headers: safetensors and GGUF, header to tree."""
