"""Tree in, tree out: quantize, shard, adapt."""
