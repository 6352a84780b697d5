"""The settings of a quantized checkpoint, ticked off as they are read: what nobody reads is said."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.errors import Problem, SpecError
from paramcalc.readers.text.values import expected
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.quantize import KEEP, MOST_NAMES, QuantRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.spec.caveats import Certainty
    from paramcalc.spec.quantize import Kind

Path = tuple[str | int, ...]
MOST_TEXT = 500
SMALL = 2**17
SKIPPED = frozenset((
    "modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers", "exclude", "llm_int8_skip_modules",
    "skip_modules", "linear_weights_not_to_quantize",
))
"""What methods call their list of modules that stay as they are."""


class Quantized(NamedTuple):
    """What the settings of a config say."""

    rules: tuple[QuantRule, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    """Modules listed to stay as they are, each with the dotted key of the list."""


class Settings:
    """A mapping of a config; every key that is asked for counts as read."""

    def __init__(self, data: dict[str, Any], path: Path, *, experts: bool = False,
                 written_by: tuple[int, ...] = ()) -> None:
        """`experts` says whether the model has experts to choose from, `written_by` which version of transformers
        wrote the config; empty where it does not say."""
        self.data, self.path, self.experts, self.written_by = data, path, experts, written_by
        self.read: set[str] = set()
        self.skipped: list[tuple[str, str]] = []
        """Modules listed to stay as they are, each with the dotted key of the list."""
        self.parts: list[Settings] = []
        """Mappings inside that were read as settings."""

    def get(self, *keys: str) -> Any:  # noqa: ANN401 - any value of a JSON document
        """The first of the keys that has a value; None for none."""
        self.read.update(keys)
        return next((self.data[key] for key in keys if self.data.get(key) is not None), None)

    def number(self, *keys: str, default: int) -> int:
        """A whole number of -1 or more. Raises SpecError."""
        value = self.get(*keys)
        if value is None:
            return default
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not -1 <= value <= SMALL:
            raise self.expected(f"an integer from -1 to {SMALL:,}", self._named(keys), value)
        return value

    def bits(self, *keys: str, default: int = 4) -> int:
        """Bits of a code. Raises SpecError for none or fewer."""
        bits = self.number(*keys, default=default)
        if bits < 1:
            raise self.expected("bits of a code, at least 1", self._named(keys), bits)
        return bits

    def share(self, *keys: str, default: float | None = None) -> Fraction | None:
        """A positive number that need not be whole. Raises SpecError."""
        value = self.get(*keys)
        if value is None:
            value = default
        if value is None:
            return None
        if type(value) not in (int, float) or not 0 < value <= 64:
            raise self.expected("a positive number of at most 64", self._named(keys), value)
        return Fraction(str(value))

    def text(self, *keys: str, default: str = "") -> str:
        """A text in lower case. Raises SpecError."""
        value = self.get(*keys)
        if value is None:
            return default
        if type(value) is not str or len(value) > MOST_TEXT:
            raise self.expected("a word", self._named(keys), value)
        return value.lower()

    def flag(self, *keys: str) -> bool:
        """Whether one of the keys is true. Raises SpecError for a word."""
        self.read.update(keys)
        for key in keys:
            if type(self.data.get(key)) is str:
                raise self.expected("true or false", key, self.data[key])
        return any(self.data.get(key) is True for key in keys)

    def names(self, *keys: str) -> list[str] | None:
        """A list of module names, nested ones flattened; None where none is given. Raises SpecError."""
        value = self.get(*keys)
        if value is None:
            return None
        key = self._named(keys)
        names = self.list_of(value, key)
        if key in SKIPPED:
            self.skipped += [(".".join(map(str, (*self.path, key))), name) for name in names]
        return names

    def all_skipped(self) -> Iterator[tuple[str, str]]:
        """The modules listed to stay as they are, here and inside."""
        yield from dict.fromkeys(self.skipped)
        for part in self.parts:
            yield from part.all_skipped()

    def list_of(self, value: object, key: str) -> list[str]:
        """The texts of a list, or of one text. Raises SpecError."""
        items: list[Any] = [value] if type(value) is str else value if type(value) is list else [None]
        names = [name for item in items for name in (item if type(item) is list else [item])]
        if not all(type(name) is str and 0 < len(name) <= MOST_TEXT for name in names):
            raise self.expected("a list of module names", key, value)
        if len(names) > MOST_NAMES:
            raise self.error(f"must name at most {MOST_NAMES:,} modules, found {len(names):,}", key)
        return names

    def mapping(self, *keys: str) -> Settings | None:
        """A mapping under a key, as settings of its own; None where none is given. Raises SpecError."""
        value = self.get(*keys)
        if value is None:
            return None
        return self.inner(value, self._named(keys))

    def inner(self, value: object, key: str | int) -> Settings:
        """A value as settings that stand under a key. Raises SpecError for what is no mapping."""
        if type(value) is not dict or not all(type(name) is str for name in value):
            raise self.expected("a mapping", key, value)
        part = Settings(value, (*self.path, key))
        self.parts.append(part)
        return part

    def unused(self, neutral: frozenset[str]) -> tuple[Caveat, ...]:
        """One for each key with a value that nobody asked for and that could change a size, here and inside."""
        own = tuple(self.caveat(key, "this setting is not used, and it may change the bytes of the weights")
                    for key, value in self.data.items()
                    if key not in self.read and key not in neutral and value not in (None, False, [], {}, ""))
        inside = {caveat: None for part in self.parts for caveat in part.unused(neutral)}
        return (*own, *inside)

    def expected(self, what: str, key: str | int, value: object, hint: str = "") -> SpecError:
        """A problem with the value of a key, with what should stand there."""
        return self.error(expected(what, value), key, hint)

    def error(self, message: str, key: str | int, hint: str = "") -> SpecError:
        """A problem at a key."""
        return SpecError(Problem(message, (*self.path, key), hint))

    def caveat(self, key: str, message: str, level: Certainty = "bound") -> Caveat:
        """Why the weights are less than exact, with the key to blame."""
        where = ".".join(map(str, (*self.path, key)))[:200]
        return Caveat(figure="weights", known=level, reason=f"{where}: {message[:500]}")

    def _named(self, keys: Sequence[str]) -> str:
        return next((key for key in keys if self.data.get(key) is not None), keys[0])


def keep(matches: Sequence[str]) -> tuple[QuantRule, ...]:
    """Modules that stay in the model's dtype."""
    return (QuantRule(match=tuple(matches), format=KEEP, optional=True),) if matches else ()


def take(format_: str, among: Sequence[Kind] = (), match: str | Sequence[str] = "*",
         *, optional: bool = True, untied: bool = False) -> QuantRule:
    """Matrices of some kinds, of any name or of those that fit, in a format."""
    chosen = match if isinstance(match, str) else tuple(match)
    return QuantRule(match=chosen, format=format_, among=tuple(among), optional=optional, untied=untied)


def group_word(size: int) -> str:
    """How a format's name says its group size; -1 is one group a row."""
    return "channel" if size == -1 else f"g{size}"
