"""What every component is: fields people write, and three methods that say everything about it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from paramcalc.errors import Problem
from paramcalc.tree import Context, Per, Role, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from pydantic_core import CoreSchema

    from paramcalc.tree import State, Work

Size = Annotated[int, Field(gt=0, le=2**24)]
"""A dimension: at least 1, at most 16,777,216."""
Count = Annotated[int, Field(ge=0, le=2**16)]
MAX_COPIES = 2**16
"""Of one component."""
Rows = Annotated[int, Field(gt=0, le=2**28)]
"""Rows of a table: vocabularies and positions."""
Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], Field(strict=False)]
"""A list in a document, a tuple in Python; its items are as strict as everything else."""


class Parsed:
    """Marks a field that a function makes, which raises what pydantic carries to its place.

    pydantic's PlainValidator would also build the schema of the annotated class: a start would wait for models nobody
    gives.
    """

    def __init__(self, parse: Callable[[Any], object], schema: dict[str, Any],
                 plain: Callable[[Any], object] | None = None) -> None:
        self.parse = parse
        self.schema = schema
        """Its JSON Schema."""
        self.plain = plain
        """What a document says for it, where it is no model."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        plain = core_schema.plain_serializer_function_ser_schema(self.plain) if self.plain else None
        return core_schema.no_info_plain_validator_function(self.parse, serialization=plain)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return dict(self.schema)


def later(cls: type[BaseModel]) -> Parsed:
    """A model inside another, whose schema is built when there is something to validate."""
    return Parsed(lambda value: value if isinstance(value, cls) else cls.model_validate(value), _defined(cls.__name__))


class Elsewhere(Parsed):
    """The same for a model whose module is loaded when there is something to validate."""

    def __init__(self, module: str, name: str) -> None:
        super().__init__(self._validated, _defined(name))
        self.place = (f"paramcalc.{module}", name)

    def model_class(self) -> type[BaseModel]:
        """The pydantic model, whose module is imported now."""
        return _model(*self.place)

    def _validated(self, value: object) -> object:
        cls = self.model_class()
        return value if isinstance(value, cls) else cls.model_validate(value)


@cache
def _model(module: str, name: str) -> type[BaseModel]:
    model: type[BaseModel] = getattr(import_module(module), name)
    return model


def _defined(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


class Strict(BaseModel):
    """Frozen, no unknown keys, no conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


NO_ROWS = Problem("the number of rows is not given", ("rows",), "give vocab_size, or rows")


class Component(Strict):
    """A part of a model. Subclasses add fields; every method is a pure function of them and the context."""

    kind: str
    hidden_size: Size | None = None
    """Width of the residual stream at this place; the model's when not given."""
    names: dict[str, str] = Field(default_factory=dict)
    """How a checkpoint spells our tensor names, where it differs: `{q_proj: query}`."""
    path: str | None = None
    """Where the tensors live, when that is not the key this component stands under; '' is the parent itself."""
    copies: Annotated[int, Field(ge=1, le=MAX_COPIES)] = 1
    """How many of these there are, each with its own weights, each visited once."""
    uses: Annotated[int, Field(ge=1, le=2**16)] = 1
    """How many times one token visits each copy: 12 for ALBERT's one layer."""
    stored: Annotated[int, Field(ge=0, le=2**16)] | None = None
    """How many of these memory holds, where it is not `copies`: 0 where the weights are another layer's (Zamba's
    shared block), more where a token meets only some of them (its adapters)."""

    every: Size = 1
    """It runs over one position for so many that its tower runs over: behind what merges them."""
    without_weights: bool = False
    """Its tensors are listed elsewhere, as a checkpoint's header does: it says what is kept and computed, no more."""
    parallel: bool = False
    """Reads what the part before it reads, beside it: not what that part gives."""

    source: ClassVar[str] = ""
    """The paper or reference implementation the formulas are from."""

    def width(self, context: Context) -> int:
        """Width of the residual stream that it reads: its own `hidden_size`, else that of the model."""
        return self.hidden_size or context.hidden_size

    def problems(self, context: Context) -> tuple[Problem, ...]:
        """Why it cannot stand here, each with its field as the path; what its fields alone say is refused when they are
        read."""
        return ()

    def tensors(self, context: Context) -> Iterable[Tensor]:
        """Its parameters and buffers, of one copy, with their shapes as stored in a checkpoint."""
        return ()

    def states(self, context: Context) -> Iterable[State]:
        """What it keeps between tokens for decoding, with shapes in values: keys and values, recurrent states."""
        return ()

    def work(self, context: Context) -> Iterable[Work]:
        """Multiply-adds that involve no weight, such as attention scores and scans."""
        return ()

    def spell(self, name: str, last: str = "") -> str:
        """A tensor's name as the checkpoint spells it: the whole dotted name if `names` has it, else each part."""
        names = self.names
        if name in names:
            name = names[name]
        elif names and "." in name:
            name = ".".join(names.get(part, part) for part in name.split("."))
        return f"{name}.{last}" if name and last else name or last

    def linear(
        self,
        name: str,
        out: int,
        into: int,
        component: str,
        *,
        bias: bool = False,
        axes: tuple[str, str] = ("out", "hidden"),
        transposed: bool = False,
        stored: int = 1,
        used: int = 1,
        per: Per = "token",
    ) -> list[Tensor]:
        """A weight `(out, into)`, or `(into, out)` when stored transposed, and its bias `(out,)`."""
        shape, axis_names = ((into, out), (axes[1], axes[0])) if transposed else ((out, into), axes)
        weight = Tensor(self.spell(name, "weight"), shape, axis_names, "matmul", component, stored, used, per, name,
                        transposed)
        if not bias:
            return [weight]
        return [weight, Tensor(self.spell(name, "bias"), (out,), axes[:1], "vector", component, stored, used, per,
                               name)]

    def norm(
        self, name: str, width: int, *, bias: bool = False, axis: str = "hidden", component: str = "norm",
    ) -> list[Tensor]:
        """A learned scale `(width,)` and, for LayerNorm, a shift."""
        scale = Tensor(self.spell(name, "weight"), (width,), (axis,), "vector", component)
        return [scale, scale._replace(name=self.spell(name, "bias"))] if bias else [scale]

    def vector(
        self,
        name: str,
        shape: tuple[int, ...],
        axes: tuple[str, ...],
        component: str,
        role: Role = "vector",
        *,
        stored: int = 1,
        used: int = 1,
        buffer: bool = False,
        frozen: bool = False,
        dtype: str | None = None,
    ) -> Tensor:
        """A bare parameter or buffer."""
        return Tensor(self.spell(name), shape, axes, role, component, stored, used, buffer=buffer, frozen=frozen,
                      dtype=dtype)


Parts = dict[str, Component]
"""Components by where they stand in what holds them."""
