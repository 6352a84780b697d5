"""Say where things stand in a JSON text, and all that is wrong with it.

Slow and thorough: run when the fast decoder refuses, or when somebody asks for the place of a key.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from math import isinf
from typing import NoReturn

from paramcalc.readers.text.limits import MAX_DEPTH, MAX_DIGITS, MAX_NODES, Findings, Mark, not_a_mapping, string_fault
from paramcalc.sanitize import quote

_TOKEN = re.compile(
    r"""(?s)[ \t\n\r]*+(?:
    (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    |(?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)
    |(?P<word>-?[A-Za-z_][A-Za-z_0-9]*+)
    |(?P<punctuation>[\[\]{}:,])
    |(?P<end>\Z)
    |(?P<other>.))""",
    re.VERBOSE,
)
_WORDS = {"true", "false", "null"}
_SPELLINGS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_NOT_FINITE = {"NaN", "Infinity", "-Infinity"}
_OTHER_HINTS = {
    "'": "JSON strings take double quotes",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    '"': "close the string with a double quote",
}


class _StopScanError(Exception):
    """The rest of the text cannot be understood."""


def scan(text: str, findings: Findings) -> Mark:
    """Return the marks of all keys and items, and add what is wrong to `findings`; a syntax error ends the scan."""
    scanner = _Scanner(text, findings)
    try:
        return scanner.document()
    except _StopScanError:
        return Mark(1, 1)


class _Scanner:
    def __init__(self, text: str, findings: Findings) -> None:
        self.text = text
        self.findings = findings
        self.path: list[str | int] = []
        self.nodes = 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.position = 0
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match.lastgroup is None:  # cannot be: `other` takes any character and `end` none
            raise _StopScanError
        self.kind = match.lastgroup
        self.lexeme = match.group(self.kind)
        self.offset = match.start(self.kind)
        self.position = match.end()

    def here(self, offset: int | None = None) -> tuple[int, int]:
        offset = self.offset if offset is None else offset
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def problem(self, message: str, hint: str = "") -> None:
        self.findings.add(message, self.here(), tuple(self.path), hint)

    def stop(self, message: str, hint: str = "") -> NoReturn:
        self.problem(message, hint)
        raise _StopScanError

    def unexpected(self, expected: str) -> NoReturn:
        if self.kind == "end":
            self.stop(f"expected {expected}, found the end of the text", "is the file complete?")
        if self.lexeme == '"':
            self.stop("expected '\"' at the end of a string, found none", _OTHER_HINTS['"'])
        self.stop(f"expected {expected}, found {quote(self.lexeme)}", _OTHER_HINTS.get(self.lexeme, ""))

    def document(self) -> Mark:
        place, first, kind = self.here(), self.lexeme, self.kind
        if kind == "end":
            self.stop(not_a_mapping(None, empty=True))
        children = self.value()
        if self.kind != "end":
            self.stop(f"expected the end of the text, found {quote(self.lexeme)}", "one object a file")
        if first != "{" and (kind == "string" or first == "[" or not self.findings.problems):
            self.findings.add(not_a_mapping([] if first == "[" else json.loads(first)), place)
        return Mark(*place, children)

    def value(self) -> dict[str | int, Mark]:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.stop(f"expected at most {MAX_NODES:,} values, found more")
        if self.lexeme in ("[", "{") and self.kind == "punctuation":
            if len(self.path) >= MAX_DEPTH:
                self.path = self.path[:3]
                self.stop(f"expected at most {MAX_DEPTH} levels of nesting, found more")
            return self.array() if self.lexeme == "[" else self.object()
        if self.kind == "string":
            self.string()
        elif self.kind == "number":
            self.number()
        elif self.kind == "word":
            self.word()
        else:
            self.unexpected("a value")
        self.advance()
        return {}

    def array(self) -> dict[str | int, Mark]:
        marks: dict[str | int, Mark] = {}
        self.advance()
        while not self.closes("]", first=not marks):
            place = self.here()
            self.path.append(len(marks))
            marks[len(marks)] = Mark(*place, self.value())
            self.path.pop()
        return marks

    def object(self) -> dict[str | int, Mark]:
        marks: dict[str | int, Mark] = {}
        self.advance()
        while not self.closes("}", first=not marks):
            if self.kind != "string":
                self.unexpected("a key in double quotes")
            place, key = self.here(), self.string()
            self.path.append(key)
            if key in marks:
                line = marks[key].line
                self.problem(f"duplicate key {quote(key)}: also on line {line}", "keep one of the two")
            self.advance()
            if self.lexeme != ":":
                self.unexpected("':'")
            self.advance()
            marks[key] = Mark(*place, self.value())
            self.path.pop()
        return marks

    def closes(self, bracket: str, *, first: bool) -> bool:
        """Step over the comma before the next element, or over the closing bracket."""
        if self.kind == "punctuation" and self.lexeme == bracket:
            self.advance()
            return True
        if first:
            return False
        if self.kind != "punctuation" or self.lexeme != ",":
            self.unexpected(f"',' or '{bracket}'")
        self.advance()
        if self.lexeme == bracket:
            self.stop(f"expected a value after ',', found '{bracket}'", "remove the comma")
        return False

    def string(self) -> str:
        try:
            text = str(json.loads(self.lexeme))
        except json.JSONDecodeError as error:
            self.offset += error.pos
            self.stop(f"expected a valid string, found: {error.msg.removesuffix(' at')}".replace("Invalid", "invalid"))
        if fault := string_fault(text):
            self.problem(fault)
        return text

    def number(self) -> None:
        if self.lexeme.lstrip("-").isdigit():
            if len(self.lexeme.lstrip("-")) > MAX_DIGITS:
                digits = len(self.lexeme.lstrip("-"))
                self.problem(f"expected an integer of at most {MAX_DIGITS} digits, found one of {digits:,}")
        elif isinf(float(self.lexeme)):
            self.problem(f"expected a number that a float can hold, found {quote(self.lexeme)[1:-1]}")

    def word(self) -> None:
        if self.lexeme in _NOT_FINITE:
            self.problem(
                f"{self.lexeme} is not JSON: numbers must be finite", f'write null, or {{"__float__": "{self.lexeme}"}}'
            )
        elif self.lexeme not in _WORDS:
            better = _SPELLINGS.get(self.lexeme, "")
            self.problem(
                f"unknown word {quote(self.lexeme)}", f"write {better}" if better else "strings take double quotes"
            )
