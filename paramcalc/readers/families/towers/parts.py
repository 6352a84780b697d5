"""What towers are made of, said shortly: a function a kind of part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.convolution import BatchNorm, Convolution
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.families.towers.geometry import sides

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName, Table
    from paramcalc.components.linear import Side
    from paramcalc.components.norm import NormBucket
    from paramcalc.readers.config.config import Config
    from paramcalc.tree import Per

ROTARY = Positions(kind="rotary")


def dense(out: int, into: int, *, bias: bool = True, component: ComponentName = "other", per: Per = "token",
          activated: bool = False, divided: Side = "") -> Linear:
    """A projection `(out, into)`, with a bias."""
    return Linear(out_features=out, in_features=into, bias=bias, component=component, per=per, activated=activated,
                  divided=divided)


def up(out: int, into: int, *, bias: bool = True, component: ComponentName = "other", per: Per = "token",
       activated: bool = False) -> Linear:
    """A projection of which each device may have some of the outputs, as the first of a feed-forward."""
    return dense(out, into, bias=bias, component=component, per=per, activated=activated, divided="out")


def down(out: int, into: int, *, bias: bool = True, component: ComponentName = "other", per: Per = "token",
         activated: bool = False) -> Linear:
    """A projection of which each device may have some of the inputs: those that an `up` before it gives there."""
    return dense(out, into, bias=bias, component=component, per=per, activated=activated, divided="in")


def product(part: Linear) -> Linear:
    """A projection that another one multiplies."""
    return part.model_copy(update={"multiplied": True})


def conv(out: int, into: int, *kernel: int, bias: bool = True, groups: int = 1,
         component: ComponentName = "other_embedding", outputs: int = 1, inputs: int | None = None,
         stage: int = 0, activated: bool = False) -> Convolution:
    """A kernel `(out, into / groups, *kernel)`, with a bias."""
    return Convolution(out_channels=out, in_channels=into, kernel=kernel, bias=bias, groups=groups,
                       component=component, outputs=outputs, inputs=inputs, stage=stage, activated=activated)


def convolve(out: int, into: int, *kernel: int, bias: bool = True, groups: int = 1) -> Convolution:
    """The same between layers, where nothing is embedded."""
    return conv(out, into, *kernel, bias=bias, groups=groups, component="other")


def norm(width: int, *, bias: bool | None = None, component: NormBucket = "norm") -> Norm:
    """A LayerNorm."""
    return Norm(kind="layernorm", hidden_size=width, bias=bias, component=component)


def rms(width: int) -> Norm:
    """An RMSNorm."""
    return Norm(kind="rmsnorm", hidden_size=width)


def batchnorm(width: int, *, component: ComponentName = "norm", activated: bool = False) -> BatchNorm:
    """A BatchNorm."""
    return BatchNorm(hidden_size=width, component=component, activated=activated)


def vector(*shape: int, component: ComponentName = "other", buffer: bool = False) -> Parameter:
    """A bare parameter; one of embeddings or biases is only added or joined to others."""
    added = component in ("other_embedding", "position_embedding")
    return Parameter(shape=shape, component=component, buffer=buffer, added=added)


def embedded(*shape: int) -> Parameter:
    """Learned values that stand for a token, or are added to all."""
    return vector(*shape, component="other_embedding")


def positioned(*shape: int) -> Parameter:
    """Learned values that are added by position."""
    return vector(*shape, component="position_embedding")


def patched(config: Config, width: int, *frames: int, bias: bool = True) -> Convolution:
    """What makes a vector of each patch of a picture, or of as many frames."""
    return conv(width, config.integer("num_channels"), *frames, *sides(config, "patch_size"), bias=bias)


def scale(width: int) -> Parameter:
    """A learned scale on what a part of a layer gives."""
    return Parameter(shape=(width,), component="other", scales=True)


def matrix(*shape: int, component: ComponentName = "other", per: Per = "token") -> Parameter:
    """A bare parameter that multiplies."""
    return Parameter(shape=shape, component=component, role="matmul", per=per)


def table(rows: int, width: int, component: Table = "position_embedding") -> Embedding:
    """Rows that are looked up."""
    return Embedding(rows=rows, hidden_size=width, component=component)
