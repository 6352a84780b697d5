"""The base of every answer, and how an answer becomes JSON and a JSON Schema.

An answer is a frozen, keyword-only dataclass in `paramcalc/answers/COMMAND.py`, derived from `Answer`. To add one:

1. Name the command and declare the keys of its JSON as fields, nested objects as dataclasses or NamedTuples:

    ```python
    class Parameters(NamedTuple):
        total: int
        known: Certainty

    @dataclass(frozen=True, kw_only=True)
    class Count(Answer):
        command: ClassVar[str] = "count"
        parameters: Parameters
        tensors: tuple[TensorRow, ...] | None = None      # a key that is left out unless it has a value
        rows: tuple[Row, ...] = named("components")       # a key whose name is not the attribute's
        pool: Pool | None = hidden()                      # not in the JSON
    ```

   The docstring of a field is not needed where its name says it; `to_dict()` and the JSON Schema follow the types. A
   figure says how it is known: inside the object that holds it (`known: Certainty`), or, where figures are plain
   integers, in one `known: dict[str, Certainty]` that names every figure. `paramcalc.measures.certainty` says
   which it is.
2. Write the function that works it out, next to the class: `def count(reading, …settings…) -> Count`. It starts with
   `**head(reading)`, the fields all answers have. It calls measures and estimates, and formats nothing.
3. Name it in `paramcalc.answers.registry.ANSWERS`; `paramcalc schema COMMAND` and the tests of JSON then know it.
4. `paramcalc.reports.views.VIEWS` names the function that gives its tables: `print` and notebooks then show it.
5. `paramcalc/api.py` gets a function of that name for Python; `paramcalc/reports/COMMAND.py` a function
   `tables(answer) -> tuple[Table, ...]`; `paramcalc/cli/COMMAND.py` is a function of `Models`, `Common` and settings
   classes (`paramcalc.estimates.settings`; each field is an option and a keyword), which returns
   `answer_all(models, common, make)`: `make(reading)` calls the API and gives a `Report` of the answer and its tables.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from paramcalc.build import Model, build
from paramcalc.estimates.effects import Length
from paramcalc.printable import Printable

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading

Schema = dict[str, Any]
PLAIN: dict[object, Schema] = {int: {"type": "integer"}, float: {"type": "number"}, str: {"type": "string"},
                               bool: {"type": "boolean"}, NoneType: {"type": "null"}, object: {}, Any: {}}


class ModelName(NamedTuple):
    """Which model an answer is about."""

    name: str
    source: str
    """Where its numbers came from: a page, a file, a preset's source."""
    family: str | None


def json_key(key: str, **options: Any) -> Any:  # noqa: ANN401 - stands for a field of any type, as dataclasses.field does
    """A field whose key in the JSON is another than its own name."""
    return field(metadata={"key": key}, **options)


def hidden(**options: Any) -> Any:  # noqa: ANN401 - stands for a field of any type, as dataclasses.field does
    """A field that is not part of the JSON: what tables and further questions need."""
    return field(metadata={"key": None}, repr=False, compare=False, **options)


class Document(Printable):
    """What becomes JSON: a frozen, keyword-only dataclass with the name of its command."""

    command: ClassVar[str]
    several: ClassVar[bool] = False
    """Whether the command takes several MODELs and then writes an array."""

    def to_dict(self) -> dict[str, Any]:
        """The object that `--json` writes."""
        return {"schema": f"paramcalc/{self.command}/1"} | record(self)

    def to_json(self) -> str:
        """The text that `--json` writes."""
        from pydantic_core import to_json

        return to_json(self.to_dict(), indent=2).decode() + "\n"

    @classmethod
    def schema(cls) -> Schema:
        """The JSON Schema of `to_dict()`, worked out from the types of the fields."""
        described = record_schema(cls)
        described["required"].insert(0, "schema")
        described["properties"] = {"schema": {"const": f"paramcalc/{cls.command}/1"}} | described["properties"]
        return described


@dataclass(frozen=True, kw_only=True)
class Answer(Document):
    """What every answer about a MODEL starts with."""

    several: ClassVar[bool] = True
    model: ModelName
    warnings: tuple[str, ...] = ()
    assumptions: dict[str, object] = field(default_factory=dict)
    """Everything that was taken as given."""
    uncounted: tuple[str, ...]
    """Parts of the model that are not counted: all figures are of the rest."""
    built: Model = hidden()
    """The specification and its tree."""
    notes: tuple[str, ...] = hidden(default=())
    """Warnings about settings that tables show too."""
    length: Length = hidden(default=Length())
    """What is to be said of the length of a sequence."""

    def __post_init__(self) -> None:
        """Name the sizes that come from the defaults of the model's class, and a length beside the model's positions,
        whichever answer it is."""
        more = (*self.notes, *((self.length.note,) if self.length.beyond else ()))
        if more:
            object.__setattr__(self, "warnings", (*self.warnings, *more))
        if self.length.note and not self.length.beyond:
            object.__setattr__(self, "assumptions", self.assumptions | {"length": self.length.note})
        if defaults := self.built.spec.defaults:
            object.__setattr__(self, "assumptions", self.assumptions | {"defaults": dict(defaults)})

    @property
    def failed(self) -> bool:
        """Whether something that was to hold does not; the exit code is then 1."""
        return False


def head(reading: Reading, model: Model | None = None) -> dict[str, Any]:
    """The fields every answer has, as keyword arguments; the tree is built unless given."""
    spec = reading.spec
    return {"model": ModelName(spec.name, spec.source or reading.source, spec.family or None),
            "warnings": tuple(reading.warnings), "uncounted": tuple(spec.uncounted),
            "built": build(spec) if model is None else model}


def _entries(value: Any) -> list[tuple[str, Any, bool]]:  # noqa: ANN401 - any record
    """Keys of a record, their values, and whether the key is left out for want of a value."""
    if is_dataclass(value):
        return [(key, getattr(value, each.name), each.default is None)
                for each in fields(value) if (key := _key(each)) is not None]
    optional = value._field_defaults
    return [(key, getattr(value, key), optional.get(key, ...) is None) for key in value._fields]


def record(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any record
    """A dataclass or NamedTuple as the object JSON has of it."""
    return {key: _plain(inner) for key, inner, optional in _entries(value) if not (optional and inner is None)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of an answer
    """A value as JSON has it: records as objects, tuples as lists."""
    if value is None or type(value) in (int, str, bool, float):
        return value
    if is_dataclass(value) or hasattr(value, "_fields"):
        return record(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, int) else str(value)


def _key(each: Field[Any]) -> str | None:
    key: str | None = each.metadata.get("key", each.name)
    return key


def record_schema(kind: type) -> Schema:
    """The schema of a dataclass or NamedTuple; keys may be added to the object, and the schema allows that."""
    types = get_type_hints(kind)
    properties: dict[str, Schema] = {}
    required = []
    if is_dataclass(kind):
        entries = [(key, each.name, each.default) for each in fields(kind) if (key := _key(each)) is not None]
    else:
        defaults = getattr(kind, "_field_defaults", {})
        entries = [(name, name, defaults.get(name, MISSING)) for name in types]
    for key, name, default in entries:
        choices = [choice for choice in _choices(types[name]) if default is not None or choice is not NoneType]
        properties[key] = _any_of(choices)
        if default is not None:
            required.append(key)
    return {"type": "object", "required": required, "properties": properties}


def _choices(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _any_of(choices: list[Any]) -> Schema:
    """One of several types; for plain types, a list of their names."""
    schemas = [_schema(choice) for choice in choices]
    if len(schemas) == 1:
        return schemas[0]
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}


def _schema(annotation: Any) -> Schema:  # noqa: ANN401 - any annotation
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return dict(PLAIN[annotation])
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, UnionType):
        return _any_of(list(inner))
    if origin in (tuple, list):
        return {"type": "array", "items": _schema(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    return record_schema(annotation)
