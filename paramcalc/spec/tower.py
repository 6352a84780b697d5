"""Towers: what a model has beside its text model, described as that is, and what leads from one to the other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from paramcalc.component_names import TowerName
from paramcalc.components import AnyComponent
from paramcalc.components.base import Size, later
from paramcalc.spec.layer import Block, LayerFields

Stream = Literal["image", "image_tokens", "audio", "audio_tokens", "source", "token"]
"""What a tower runs over: the patches of an image or the frames of a recording; the fewer tokens they become for the
text model; or the text model's source or tokens."""


class Tower(LayerFields):
    """A stack of layers with its own width, what embeds its input, and what follows it; or a projector alone."""

    component: TowerName | None = None
    """What all of it counts with; each part by what it is when not given."""
    stream: Stream = "image"
    family: Annotated[str, Field(max_length=100)] = ""
    """The model type of its own config, by whose class it computes while it is trained."""
    activation: Annotated[str, Field(max_length=60)] = ""
    """Of feed-forwards, as a model's."""
    hidden_size: Size
    names: dict[str, str] = Field(default_factory=dict)
    """How the checkpoint spells our names within its layers."""
    blocks: dict[str, Annotated[Block, later(Block)]] = Field(default_factory=dict, max_length=4096)
    modules: dict[str, AnyComponent] = Field(max_length=4096)
    """In order, by their place in the checkpoint."""
