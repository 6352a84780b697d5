"""A config.json with its class's defaults behind it, read by typed, located questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from paramcalc.errors import HEADS, INVALID, LAYERS, Problem, SpecError
from paramcalc.numbers import many
from paramcalc.readers.config.tasks import Task, task_of, unknown_class, usual_task
from paramcalc.readers.text.values import NAMES, expected
from paramcalc.sanitize import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.readers.config.defaults import FamilyData
    from paramcalc.spec.model import ModelSpec

Builder = Callable[["Config"], "ModelSpec"]
"""What makes a specification of a config: a family's row, or a function. Raises SpecError, located, for values that
cannot be or are not described, and ValidationError for what no component can have."""
Flag = bool | str
"""A fact of a family, or the config key that says it."""
T = TypeVar("T", int, bool, float, str)
MAX_SIZE = 2**28
MAX_NUMBER = 1e18
"""Of a factor; the largest bases of rotary embeddings have 13 digits."""


class Config:
    """Answers for one model: the file's value, else the class's default. Errors name the key as the file spells it."""

    def __init__(self, data: dict[str, Any], family: FamilyData, model_type: str, architecture: str = "",
                 path: tuple[str, ...] = (), outer: dict[str, Any] | None = None) -> None:
        self.data = data
        self.family = family
        self._answers = family.answers(data)
        """The value of each key, in any of its spellings."""
        self.model_type = model_type
        self.architecture = architecture
        """The class chosen, '' where the config names none."""
        self.path = path
        """Where in the file this config stands: `('text_config',)` for a nested one."""
        self.outer = outer
        """The composite config around this one."""
        self._task: Task | None = None
        self._layers: int | None = None
        self.ties: bool | None = None
        """What that says of head and embedding."""
        self.notes: list[str] = []
        """What the reader of the answer must know; builders add to it."""
        self.read: set[str] = set()
        """Keys builders asked for."""
        self.learned: set[str] = set()
        """Keys of activation functions whose own values a builder counts."""
        self.sizes: dict[str, int] = {}
        """Integers builders asked for, whether the file or the class says them."""
        self.assumed: dict[str, int] = {}
        """Sizes that a class nobody has the data of takes where a file says none, as builders know them."""
        self.older: Mapping[str, str] = {}
        """Spellings a class still takes for a key, before the key itself: `hidden_size` to `n_embed`."""
        self.parts: list[Config] = []
        """Nested configs that builders read as classes of their own, accounted for with this one."""
        self.uncounted = False
        """Whether nobody counts what this config describes, so that its keys need no account."""

    def part(self, key: str, data: dict[str, Any], family: FamilyData, model_type: str,
             architecture: str = "") -> Config:
        """The nested config under `key`, read as a class of its own and accounted for with this one."""
        inner = Config(data, family, model_type, architecture, (*self.path, key), self.data)
        self.parts.append(inner)
        return inner

    def settings(self, key: str, *neutral: str) -> dict[str, Any]:
        """The mapping under `key`, of which a builder reads `neutral`; empty where the file has none. Raises SpecError
        for another type."""
        from paramcalc.readers.config.defaults import FamilyData

        value = self.get(key)
        if value is None:
            return {}
        if type(value) is not dict:
            raise self.expected(key, "a mapping")
        if key in self.data:
            self.part(key, value, FamilyData({}, {}, ()), self.model_type).read |= set(neutral)
        return value

    def reread(self, data: dict[str, Any], family: FamilyData | None = None, model_type: str = "",
               architecture: str = "") -> Config:
        """The same place of the file with other values or as another class; what is asked of it was asked of this."""
        again = Config(data, family or self.family, model_type or self.model_type, architecture, self.path, self.outer)
        again.read, again.sizes, again.notes, again.parts = self.read, self.sizes, self.notes, self.parts
        again.learned, again.assumed = self.learned, self.assumed
        return again

    def override(self, values: dict[str, Any]) -> None:
        """Take values that the class around this config writes into it, whatever the file says."""
        self.data = self.data | values
        self._answers = self.family.answers(self.data)

    def refill(self, defaults: dict[str, Any]) -> None:
        """Take the defaults of the class around this config before those of its own type."""
        self.family = self.family.filled(defaults)
        self._answers = self.family.answers(self.data)

    def note(self, *texts: str) -> None:
        """What the reader of the answer must know, each sentence once."""
        self.notes += [text for text in texts if text not in self.notes]

    @property
    def task(self) -> Task:
        """What stands on top of the model, by the name of its class; where none is named, what the type is for."""
        if self._task is None:
            self._task = task_of(self.architecture) if self.architecture else usual_task(
                self.family.endings, encodes_first=self.get("is_encoder_decoder") is True,
                decodes=self.get("is_decoder") is True)
        return self._task

    def spelled(self, key: str) -> str:
        """The key as this file or this family spells it."""
        if (older := self.older.get(key)) in self.data:
            return str(older)
        return self.family.spelling(key, self.data)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON
        """The raw value; the class's default, then `default`, where the file is silent."""
        self.read.add(key)
        if self.older and (older := self.older.get(key)) is not None and self.data.get(older) is not None:
            self.read.add(older)
            return self.data[older]
        return self._answers.get(key, default)

    def integer(self, key: str, default: int | None = None, least: int = 1) -> int:
        """A size of `least` to 2²⁸. Raises SpecError where it is missing, null or of another type, as below."""
        value = self.get(key, default)
        if value is None and default is not None:
            value = default
        if type(value) is not int:
            raise self.error(key, "required key is missing") if value is None else self.expected(key, "an integer")
        if not least <= value <= MAX_SIZE:
            raise self.error(key, f"must be between {least:,} and {MAX_SIZE:,}, found {quote(value)}")
        self.sizes[key] = value
        return value

    def usual(self, key: str, size: int, least: int = 1) -> int:
        """A size, or the one its class takes where the file says none, which is listed with the defaults. Raises
        SpecError as `integer`."""
        self.assumed[key] = size
        return self.integer(key, size, least)

    def optional(self, key: str, least: int = 1) -> int | None:
        """A size, as `integer`, or None where the file says null or the class has no default. Raises SpecError."""
        return None if self.get(key) is None else self.integer(key, least=least)

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean; null counts as the default, or as false where the class has one. Raises SpecError for others."""
        value = self.get(key, default)
        if value is None:
            return default and self.family.defaults.get(key) is None
        if type(value) is not bool:
            raise self.expected(key, "true or false")
        return value

    def holds(self, flag: Flag) -> bool:
        """A fact of a family. Raises SpecError where the key that says it has another type."""
        return self.flag(flag) if isinstance(flag, str) else flag

    def number(self, key: str, default: float | None = None) -> float:
        """A plain number, of at most 10¹⁸ either way. Raises SpecError for another type or a larger one."""
        value = self.get(key, default)
        if type(value) not in (int, float):
            raise self.expected(key, "a number")
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise self.error(key, f"must be between {-MAX_NUMBER:.0e} and {MAX_NUMBER:.0e}, found {quote(value)}")
        return float(value)

    def bounded(self, key: str, what: str, allowed: Callable[[float], bool]) -> float:
        """A number that a condition allows; zero where neither file nor class has one. Raises SpecError for others."""
        value = self.get(key)
        if value is None:
            return 0.0
        if type(value) not in (int, float) or not allowed(value):
            raise self.expected(key, what)
        return float(value)

    def text(self, key: str, default: str = "") -> str:
        """A string; null counts as the default. Raises SpecError for another type."""
        value = self.get(key, default)
        if value is None:
            return default
        if type(value) is not str:
            raise self.expected(key, "a string")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str = "") -> str:
        """A string out of `choices`. Raises SpecError for any other."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"unknown value {value[:60]!r}", f"known: {', '.join(choices)}")
        return value

    def listed(self, key: str, of: type[T], length: int | None = None) -> list[T] | None:
        """A list of one type and, where given, of one length; None where the file and the class say null. Raises
        SpecError for another type or length."""
        value = self.get(key)
        if value is None:
            return None
        if type(value) is not list:
            raise self.expected(key, "a list")
        extra = self.data.get("num_nextn_predict_layers")
        if length is not None and type(extra) is int and extra > 0 and len(value) == length + extra:
            value = value[:length]  # some files go on to the layers of multi-token prediction
        if length is not None and len(value) != length:
            raise self.error(key, f"has {many(len(value), 'entry')} for {many(length, 'layer')}",
                             "give one entry a layer", code=LAYERS)
        if not {of}.issuperset(map(type, value)):
            index = next(index for index, item in enumerate(value) if type(item) is not of)
            raise self.expected(key, NAMES[of], index=index)
        return value

    def per_layer(self, key: str, length: int, default: int | None = None) -> list[int]:
        """One integer a layer, from a list or from one value that holds for all. Raises SpecError as `listed`."""
        if isinstance(self.get(key), list):
            values = self.listed(key, int, length) or []
            for index, value in enumerate(values):
                if not 0 <= value <= MAX_SIZE:
                    raise self.error(key, f"must be between 0 and {MAX_SIZE:,}, found {quote(value)}", index=index)
            return values
        return [self.integer(key, default, least=0)] * length

    @property
    def bare(self) -> bool:
        """The class has no head: its names lack the base model's."""
        return self.task in ("bare", "encoder")

    def rooted(self, path: str) -> str:
        """A path as this class spells it: without the base model's name where it is the base model itself, by
        itself: within a composite class it stands where that has it."""
        return path.split(".", 1)[-1] if self.bare and not self._within else path

    @property
    def _within(self) -> bool:
        """The class is that of the config around this one."""
        return self.outer is not None and self.architecture not in self.family.classes

    @property
    def per_token(self) -> bool:
        """A classifier of tokens, not of sequences."""
        return self.architecture.endswith("ForTokenClassification")

    @property
    def layers(self) -> int:
        """How many layers, bounded before anything loops over them."""
        if self._layers is None:
            self._layers = self.depth("num_hidden_layers")
        return self._layers

    def depth(self, key: str) -> int:
        """How many layers a key says, bounded before anything loops over them. Raises SpecError above 4,096."""
        count = self.integer(key)
        if count > 4096:
            raise self.error(key, f"must be at most 4,096, found {count:,}")
        return count

    def dividing(self, key: str, size: int) -> int:
        """An integer that divides a width (heads). Raises SpecError for one that does not."""
        value = self.integer(key)
        if size % value:
            raise self.error(key, f"{value} does not divide hidden_size ({size})", code=HEADS)
        return value

    @property
    def head_dim(self) -> int:
        """Width of a head: given, or hidden_size / num_attention_heads. Raises SpecError where that is no integer."""
        hidden, heads = self.integer("hidden_size"), self.integer("num_attention_heads")
        if (width := self.size_of_its_own("head_dim", hidden // heads)) is not None:
            return width
        if hidden % heads:
            raise self.error("num_attention_heads", f"{heads} does not divide hidden_size ({hidden})",
                             "give head_dim, or change num_attention_heads", code=HEADS)
        return hidden // heads

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values: given, or as many as query heads."""
        heads = self.integer("num_attention_heads")
        return self.size_of_its_own("num_key_value_heads", heads) or heads

    def size_of_its_own(self, key: str, usual: int) -> int | None:
        """What the file says of a size where the class has a key for it. Any other class computes it, so that there the
        file's word is read only where it says as much: else nobody has read it."""
        return self.optional(key) if self.has(key) or self.data.get(key) == usual else None

    def has(self, key: str) -> bool:
        """Whether the class takes a key from the file, as far as all its keys are known."""
        family = self.family
        return family.attention_keys is None or key in family.attention_keys or key in family.spellings

    @property
    def tied(self) -> bool:
        """Whether head and embedding are one matrix; a composite config's own word goes before its text model's."""
        if self.ties is not None:
            return self.ties
        return self.get("tie_word_embeddings", True) is not None and self.flag("tie_word_embeddings", default=True)

    @property
    def labels(self) -> int:
        """How many outputs a classifier has: the labels the config of its class names, which is the one around this
        where the class is a composite's; else two. Raises SpecError for none."""
        if self.outer is not None and self.architecture and self._within:
            from paramcalc.readers.config.defaults import FamilyData

            return Config(self.outer, FamilyData({}, {}, ()), self.model_type).labels
        labels = self.get("id2label")
        if labels == {}:
            raise self.error("id2label", "names no label", "leave it out")
        return len(labels) if isinstance(labels, dict) else self.integer("num_labels", 2)

    def unknown_class(self) -> SpecError:
        """A refusal of what `architectures` names, for builders that know every class they can count."""
        return unknown_class(self.architecture, self.model_type, self.family.classes)

    def expected(self, key: str, what: str, hint: str = "", index: int | None = None,
                 code: str = INVALID) -> SpecError:
        """A located refusal of the value of a key, or of an entry of its list, with what should stand there."""
        value = self.get(key)
        if index is not None and isinstance(value, list):
            value = value[index]
        return self.error(key, expected(what, value), hint, index, code)

    def error(self, key: str, message: str, hint: str = "", index: int | None = None,
              code: str = INVALID) -> SpecError:
        """A located refusal that breaks the rule `code`."""
        tail = () if index is None else (index,)
        return SpecError(Problem(message, (*self.path, self.spelled(key), *tail), hint, code=code))
