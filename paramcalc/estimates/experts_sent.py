"""Copies of tokens on their way to experts and back, as Megatron makes them, at the end of a layer's forward pass.

Beside what backward needs there are then the tokens as they arrived from other devices, which the layer names while its
experts work on a sorted copy, and what the experts give (NVIDIA/Megatron-LM megatron/core/transformer/moe: moe_layer.py
`custom_forward`, token_dispatcher.py `dispatch_postprocess`). Experts with adapters give three such arrays at once: the
frozen product, the adapters' and their sum. Where adapters drop some of what they read, backward needs the copy that is
left, and the sorted tokens stay beside it (modelscope/mcore-bridge, mcore_bridge/tuners/lora.py `forward`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.weights import weights_of
from paramcalc.adapters import Adaptation
from paramcalc.components.moe import MixtureOfExperts

if TYPE_CHECKING:
    from paramcalc.tree import Node

ARRIVED, RETURNED, SUMMED, SORTED = 1, 1, 2, 1
"""Arrays of a token for each of its experts: as it arrived, what experts give, what adapters add to it, and sorted."""


def sent_values(tree: Node) -> int:
    """Values for each token of a device, of the layer that sends most; 0 without experts."""
    return max((_values(node) for node in tree.nodes()), default=0)


def _values(node: Node) -> int:
    part, context = node.part, node.context
    if not isinstance(part, MixtureOfExperts) or context is None:
        return 0
    plan = next((change.plan for change in node.changes if isinstance(change, Adaptation)), None)
    weights = weights_of(node.tensors)
    arrays = ARRIVED + RETURNED
    if plan is not None and weights is not None and weights.adapters:
        arrays += SUMMED + (SORTED if plan.dropout else 0)
    return arrays * part.top_k * (part.latent_size or part.width(context))
