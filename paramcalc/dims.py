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

    def __mul__(self, other: int) -> Dim:
        return Dim(int(self) * int(other), f"{_factor(self)}·{_factor(other)}")

    def __rmul__(self, other: int) -> Dim:
        return Dim(int(self) * int(other), f"{_factor(other)}·{_factor(self)}")

    def __add__(self, other: int) -> Dim:
        return Dim(int(self) + int(other), f"{formula(self)} + {formula(other)}")

    def __radd__(self, other: int) -> Dim:
        return Dim(int(self) + int(other), f"{formula(other)} + {formula(self)}")

    def __sub__(self, other: int) -> Dim:
        return Dim(int(self) - int(other), f"{formula(self)} - {_factor(other)}")

    def __floordiv__(self, other: int) -> Dim:
        return Dim(int(self) // int(other), f"{_factor(self)}/{_factor(other)}")


def formula(value: int) -> str:
    """How a value was derived, or its digits when it is a plain int."""
    return value.formula if isinstance(value, Dim) else str(value)


def _factor(value: int) -> str:
    text = formula(value)
    return f"({text})" if " " in text else text
