"""A small specification that nothing is wrong with, and what it counts."""

SPEC = """paramcalc: 1
name: small
source: https://example.com/made-up
vocab_size: 128
hidden_size: 256
num_layers: 4
num_heads: 8
intermediate_size: 768
"""
LAYER = 4 * 256 * 256 + 3 * 256 * 768 + 2 * 256
TOTAL = 2 * 128 * 256 + 4 * LAYER + 256
