"""The rules of thumb people quote for training FLOPs, to be held against what is counted."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from paramcalc.measures.flops import streams
from paramcalc.measures.parameters import count

if TYPE_CHECKING:
    from paramcalc.tree import Node


def six_n_d(tree: Node, tokens: int) -> int:
    """6·N·D with N the active parameters, tables and head included (arXiv:2001.08361, arXiv:2203.15556)."""
    return 6 * count(tree).active * tokens


def palm(tree: Node, tokens: int, seq: int) -> int:
    """6·N + 12·layers·heads·head_dim·seq for each token (arXiv:2204.02311, appendix B): attention's square in full."""
    pair = 0
    for path, node, visited in streams(tree):
        for work in node.work(path):
            if work.per == "pair" and not work.fused and work.when != "absorbed":
                pair += visited.copies * work.used * prod(work.shape)
    return six_n_d(tree, tokens) + 6 * pair * seq * tokens
