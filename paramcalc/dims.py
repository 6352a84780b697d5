"""Integers that remember how they were derived, so that `explain` is a print of what was counted."""

from __future__ import annotations


class Dim(int):
    """An int with its formula: `num_heads·head_dim` = 4,096. Equal to, and hashed as, the plain int."""

    formula: str

    def __new__(cls, value: int, formula: str) -> Dim:
        """An int and its formula."""
        self = super().__new__(cls, value)
        self.formula = formula
        return self

    def __reduce__(self) -> tuple[type[Dim], tuple[int, str]]:
        return Dim, (int(self), self.formula)

    def __mul__(self, other: int) -> Dim:
        return product(self, other)

    def __rmul__(self, other: int) -> Dim:
        return product(other, self)

    def __add__(self, other: int) -> Dim:
        return total(self, other)

    def __radd__(self, other: int) -> Dim:
        return total(other, self)

    def __sub__(self, other: int) -> Dim:
        return Dim(int(self) - int(other), f"{formula(self)} - {_factor(other)}")

    def __floordiv__(self, other: int) -> Dim:
        return Dim(int(self) // int(other), f"{_factor(self)}/{_factor(other)}")


def product(left: int, right: int) -> Dim:
    """A product; a plain 1 adds nothing to its formula."""
    parts = [_factor(side) for side in (left, right) if isinstance(side, Dim) or side != 1]
    return Dim(int(left) * int(right), "·".join(parts))


def total(left: int, right: int) -> Dim:
    """A sum; a plain 0 adds nothing to its formula."""
    parts = [formula(side) for side in (left, right) if isinstance(side, Dim) or side != 0]
    return Dim(int(left) + int(right), " + ".join(parts))


def formula(value: int) -> str:
    """How a value was derived, or its digits when it is a plain int."""
    return value.formula if isinstance(value, Dim) else str(value)


def _factor(value: int) -> str:
    text = formula(value)
    return f"({text})" if " " in text else text
