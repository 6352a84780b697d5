"""Integers that remember how they were derived, so that `explain` is a print of what was counted."""

from __future__ import annotations


class Dim(int):
    """An int with its formula in words and in numbers: `num_heads·head_dim`, `32·128`. Equal to, and hashed as, the
    plain int. With fractions it gives plain fractions, which remember nothing."""

    formula: str
    values: str

    def __new__(cls, value: int, formula: str, values: str = "") -> Dim:
        """An int, its formula, and the formula with the numbers put in; the int's digits where that is empty."""
        self = super().__new__(cls, value)
        self.formula = formula
        self.values = values or f"{value:,}"
        return self

    def __reduce__(self) -> tuple[type[Dim], tuple[int, str, str]]:
        return Dim, (int(self), self.formula, self.values)

    def __mul__(self, other: int) -> Dim:
        return product(self, other) if isinstance(other, int) else NotImplemented

    def __rmul__(self, other: int) -> Dim:
        return product(other, self) if isinstance(other, int) else NotImplemented

    def __add__(self, other: int) -> Dim:
        return total(self, other) if isinstance(other, int) else NotImplemented

    def __radd__(self, other: int) -> Dim:
        return total(other, self) if isinstance(other, int) else NotImplemented

    def __sub__(self, other: int) -> Dim:
        if formula(self) == formula(other):
            return Dim(0, "0")
        if formula(other) == "0":
            return self
        return Dim(int(self) - int(other), f"{formula(self)} - {grouped(formula(other))}",
                   f"{values(self)} - {grouped(values(other))}")

    def __floordiv__(self, other: int) -> Dim:
        if other == 1:
            return self
        return Dim(int(self) // int(other), f"{grouped(formula(self))}/{grouped(formula(other))}",
                   f"{grouped(values(self))}/{grouped(values(other))}")


def product(left: int, right: int) -> Dim:
    """A product; a plain 1 adds nothing to its formula."""
    if "0" in (formula(left), formula(right)):
        return Dim(0, "0")
    parts = [side for side in (left, right) if isinstance(side, Dim) or side != 1]
    return Dim(int(left) * int(right), "·".join(grouped(formula(part)) for part in parts),
               "·".join(grouped(values(part)) for part in parts))


def total(left: int, right: int) -> Dim:
    """A sum; a 0 adds nothing to its formula."""
    parts = [side for side in (left, right) if side != 0] or [left]
    return Dim(int(left) + int(right), " + ".join(map(formula, parts)), " + ".join(map(values, parts)))


def named(value: int, name: str) -> int:
    """The same width or number under a name of its own, where it remembers a formula."""
    return Dim(int(value), name) if isinstance(value, Dim) else value


def formula(value: int) -> str:
    """How a value was derived, or its digits when it is a plain int."""
    return value.formula if isinstance(value, Dim) else f"{value:,}"


def values(value: int) -> str:
    """How a value was derived, with the numbers put in."""
    return value.values if isinstance(value, Dim) else f"{value:,}"


def grouped(text: str) -> str:
    """A formula as a factor: a sum in brackets."""
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == " " and not depth:
            return f"({text})"
    return text
