"""π0: a model that reads pictures and words, and an expert of its depth that makes actions. arXiv:2410.24164."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.joined import composite_of, moved, part_of, within
from paramcalc.readers.families.towers.parts import dense
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


FRONTS = {True: ("paligemma_with_expert.paligemma.model", "paligemma_with_expert.gemma_expert.model"),
          False: ("vlm", "dit")}
"""Where files keep both models: those of the whole model as it was first published, those of the bare class."""


def _sees_all(part: Component) -> Component:
    """What attends as the expert does: actions to each other too, so that no cache of theirs grows."""
    return part.model_copy(update={"causal": False}) if isinstance(part, Attention) else part


def pi0(config: Config) -> ModelSpec:
    """Both models; with a head, what embeds a state, actions and a time, and what gives their velocity.

    The expert attends to what the first model keeps. It runs over states and actions, which no measure has.
    """
    headed = config.architecture.endswith("ForConditionalGeneration")
    if not headed and config.architecture and not config.architecture.endswith("Model"):
        raise config.unknown_class()
    first, second = FRONTS[headed]
    spec = within(composite_of(config, "vlm_config", "PaliGemmaModel"), first, "text")
    _, expert = part_of(config, "dit_config", "Model", {"vocab_size": spec.vocab_size})
    width = expert.hidden_size
    modules, blocks = moved(expert, second, "actions")
    blocks = {name: Block(parts={key: _sees_all(part) for key, part in (block.parts or {}).items()})
              for name, block in blocks.items()}
    if headed:  # files spell the expert's table as a head
        modules = {key.replace("model.embed_tokens", "lm_head"): part for key, part in modules.items()}
    towers = {**spec.towers, "expert": tower(None, width, modules, stream="audio_tokens").model_copy(
        update={"blocks": blocks})}
    if headed:
        state, actions = config.integer("max_state_dim"), config.integer("max_action_dim")
        sizes = {"action_in_proj": actions, "state_proj": state, "action_time_mlp_in": 2 * width,
                 "action_time_mlp_out": width}
        ends: Parts = {key: dense(width, size, component="other_embedding")
                       for key, size in sizes.items()}
        towers["actions"] = tower(None, width, {**ends, "action_out_proj": dense(actions, width)},
                                  stream="audio_tokens")
    apart = Caveat(figure="flops", known="bound", reason=(
        "the expert that makes actions is in no FLOPs: it runs over states and actions, whatever the prompt"))
    return spec.model_copy(update={"towers": towers, "caveats": (*spec.caveats, apart)})
