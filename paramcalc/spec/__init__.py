"""The spec language: what a person writes, as frozen, strict pydantic models."""
