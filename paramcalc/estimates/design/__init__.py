"""From a budget to an architecture: scaling laws and what they say of a run, and shapes of a given size."""
