"""What can be wrong with what people give us, said so that they can mend it.

Every refusal is one of these; the terminal prints `file:line:column: path: message` and a hint, never a traceback.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

CODE = re.compile(r"PC\d{3}")
"""How the code of a problem or a rule is written."""
INVALID, HEADS, KV_HEADS, TOP_K, LAYERS = "PC001", "PC101", "PC102", "PC103", "PC104"
"""Codes of the rules that refusals belong to: not readable, or heads, key/value heads, experts a token visits and the
list of layers that cannot be. Whoever raises a problem gives its code."""
UNREAD, UNCOUNTED, DEFAULTED = "PC501", "PC503", "PC504"
"""Codes of what leaves a size open: a key nobody reads, a part nobody counts, a size from a class's defaults."""


class Problem(NamedTuple):
    """One thing wrong at one place of an input."""

    message: str
    path: tuple[str | int, ...] = ()
    """Keys and indices from the document's root to the value."""
    hint: str = ""
    source: str = ""
    """File name, preset name or `<stdin>`."""
    line: int = 0
    """1-based; 0 where a line makes no sense."""
    column: int = 0
    code: str = INVALID
    """The rule it breaks."""
    rests_on: tuple[str, ...] = ()
    """Other keys whose values it is about: it says nothing where those are wrong themselves."""

    def dotted(self) -> str:
        """The path as people write it: `blocks.full.heads`, `layers[3].repeat`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __str__(self) -> str:
        place = self.source + (f":{self.line}:{self.column}" if self.line else "")
        return ": ".join(part for part in (place, self.dotted(), self.message) if part)


class PCError(Exception):
    """Base of every refusal. `problems` holds all that was found, `exit_code` what a command returns."""

    exit_code = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("\n".join(f"{p}\nhint: {p.hint}" if p.hint else str(p) for p in self.problems))

    def within(self, source: str) -> PCError:
        """The same refusal, with the file's name put to each problem that has none."""
        return type(self)(*(p if p.source else p._replace(source=source) for p in self.problems))


class InputError(PCError):
    """A file that cannot be read, or is not what it claims to be."""


class SpecError(PCError):
    """A specification that is not valid, or describes what cannot be."""


class Gathered:
    """What several steps find wrong with a specification, refused at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def of(self, instead: Value, step: Callable[..., Value], *arguments: object) -> Value:
        """What a step gives, or `instead` where it refuses."""
        try:
            return step(*arguments)
        except SpecError as error:
            self._problems += error.problems
            return instead

    def refuse(self) -> None:
        """Raise SpecError with all that was found wrong, if anything was."""
        if self._problems:
            raise SpecError(*dict.fromkeys(self._problems))


class UnknownArchitectureError(PCError):
    """A model type, class or preset that is not known; the hint names the nearest."""


class UsageError(PCError):
    """Options that do not go together or do not apply to this model."""


class NetworkError(PCError):
    """The hub did not answer, or answered with an error."""

    exit_code = 3
