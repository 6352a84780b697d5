"""Data with sources: accelerators, number formats, optimizers."""
