"""Copies in FP8 of what a product of matrices reads, which are there while it runs.

As torchao's Float8Linear does it: input and weights are kept in 16 bits for backward and cast where they are
multiplied; in backward the gradient of the output, the weights and the input are cast, and are there at once
(pytorch/ao, torchao/float8/float8_linear.py, matmul_with_hp_or_float8_args). The head, routers and experts are left as
they are, as torchtitan leaves them. TransformerEngine keeps what it casts instead of the input: that is not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.catalog.formats import find_format
from paramcalc.measures.parameters import placed

if TYPE_CHECKING:
    from paramcalc.tree import Node

FORMATS = ("fp8_e4m3", "fp8_e5m2")
"""Products may be computed in these, while what they read is kept in `STORAGE`."""
STORAGE = "bf16"
CAST = ("attention", "state_mixer", "ffn", "moe_shared")
"""Components whose products are cast."""


def storage_dtype(dtype: str) -> str:
    """The type in which what products of a format read and give is kept."""
    return STORAGE if find_format(dtype).name in FORMATS else dtype


def copies(tree: Node, tokens: int) -> int:
    """Bytes of the largest product's input, weights and gradient of the output."""
    return max((tokens * sum(item.tensor.shape) + item.tensor.numel for item in placed(tree)
                if item.tensor.role == "matmul" and item.tensor.component in CAST and len(item.tensor.shape) == 2),
               default=0)
