"""Models that stand on several unlike cards, or partly in the host's memory, as llama.cpp places them."""
