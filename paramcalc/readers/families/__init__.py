"""Hugging Face model families: rows that say how they differ from a skeleton, and builders."""
