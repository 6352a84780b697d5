"""Hugging Face config.json: keys, class defaults, layer patterns, quantization settings."""
