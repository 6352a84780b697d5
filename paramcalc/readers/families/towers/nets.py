"""What convolutional nets are made of: a convolution with its norm, and a net that remembers how far it has shrunk."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.stack import Stack
from paramcalc.readers.families.towers.alone import crowned, model
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import batchnorm, conv, dense

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.component_names import ComponentName
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower


def unit(at: str, out: int, into: int, *kernel: int, groups: int = 1, bias: bool = False, normed: bool = True,
         words: tuple[str, str] = ("convolution", "normalization"), component: ComponentName = "other") -> Parts:
    """A convolution with a square kernel (or one of two sides) and the norm of its channels."""
    first, second = (f"{at}.{word}" if at and word else at or word for word in words)
    size = kernel if len(kernel) > 1 else (kernel[0], kernel[0])
    parts: Parts = {first: conv(out, into, *size, bias=bias, groups=groups, component=component)}
    return parts | {second: batchnorm(out)} if normed else parts


def divisible(value: float, divisor: int = 8, least: int | None = None) -> int:
    """The multiple of `divisor` nearest to a number of channels, at most a tenth below it.

    Source: `make_divisible` of TensorFlow's MobileNet, which all that scale channels repeat."""
    rounded = max(least or divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class Net:
    """Modules in the order an image passes them, each used at as many places as are left of the image there."""

    def __init__(self) -> None:
        self.shrunk = 1
        """How many times fewer places a side has than where the net began."""
        self.blocks: dict[str, Parts] = {}
        self._modules: list[tuple[str, Component, int]] = []

    def add(self, parts: Parts, stride: int = 1) -> None:
        """Further modules, behind a convolution whose stride is `stride`."""
        self.shrunk *= stride
        self._modules += [(key, part, self.shrunk) for key, part in parts.items()]

    def stack(self, at: str, width: int, layers: Sequence[Parts]) -> None:
        """Layers, of which those that are alike are one block."""
        names: list[str] = []
        for parts in layers:
            name = next((other for other, block in self.blocks.items() if block == parts), f"layer{len(self.blocks)}")
            self.blocks[name] = parts
            names.append(name)
        if names:
            self.add({at: Stack(of=tuple(names), hidden_size=width)})

    def tower(self, width: int, at: str) -> Tower:
        """The net as a tower `width` wide at its end."""
        return tower("vision", width, self._used(), self.blocks, at)

    def _used(self) -> Parts:
        """Its modules, each with the places it is used at."""
        modules: Parts = {}
        for key, part, shrunk in self._modules:
            places = max(1, self.shrunk // shrunk) ** 2
            modules[key] = part.model_copy(update={"uses": places}) if places > 1 else part
        return modules

    def spec(self, config: Config, base: str, width: int, tops: Tops | None = None, *,
             around: bool = False) -> ModelSpec:
        """The model under the name `base`, with what its class puts on it: by default labels of the last channels."""
        return crowned(config, base, model(width, self._used(), self.blocks), tops or labelled(width), around=around)


def labelled(width: int, name: str = "classifier", before: Parts | None = None,
             component: ComponentName = "lm_head") -> Tops:
    """Labels of an image, from the mean of its last channels; other parts before them."""

    def classify(config: Config) -> Parts:
        return {**(before or {}), name: dense(config.labels, width, component=component, per="sequence")}

    return {"Model": (), "ImageClassification": (classify,)}


def chained(first: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """Each width with the one before it."""
    return list(pairwise([first, *widths]))
