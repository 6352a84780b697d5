"""What must hold of a specification: figures its authors promise."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paramcalc.components.base import Strict

Exact = Annotated[int, Field(ge=0, le=2**62)]


class Expect(Strict):
    """Exact figures; `check` compares them with what is counted."""

    total: Exact | None = None
    active: Exact | None = None
    embedding: Exact | None = None
    non_embedding: Exact | None = None
    buffers: Exact | None = None
