"""How checkpoints of several family trees spell our tensor names.

Sources: transformers' modeling file of each family that names one.
"""

from __future__ import annotations

FC = {"up_proj": "fc1", "down_proj": "fc2"}
"""A feed-forward, as fairseq and most towers spell it."""
FC_LONG = {"up_proj": "dense_h_to_4h", "down_proj": "dense_4h_to_h"}
"""A feed-forward, as Megatron spells it."""
