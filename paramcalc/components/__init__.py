"""One file a kind: each component says everything about itself in one place."""
