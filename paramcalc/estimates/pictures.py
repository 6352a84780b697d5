"""Pictures beside the words of a workload: their tokens lengthen the prompt, their patches run through the towers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.measures.flops import Workload
    from paramcalc.spec.images import Cut, ImageRule

SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
MOST = 4096
"""Pictures of one workload."""


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `1366x980`. Raises UsageError for anything else."""
    match = SIZE.fullmatch(text)
    if match is None:
        from paramcalc.sanitize import quote

        raise UsageError(Problem(f"expected width and height in pixels, found {quote(text)}", hint="1366x980"))
    return int(match[1]), int(match[2])


def cut_images(rule: ImageRule | None, sizes: Sequence[tuple[int, int]]) -> tuple[Cut, ...]:
    """What pictures of these sizes become. Raises UsageError where nothing says how, or a size cannot be."""
    if not sizes:
        return ()
    if rule is None:
        raise UsageError(Problem("how this model's processor cuts pictures is not known",
                                 hint="give their tokens as text"))
    if len(sizes) > MOST:
        raise UsageError(Problem(f"{len(sizes):,} pictures are more than {MOST:,}"))
    try:
        return tuple(rule.cut(*size) for size in sizes)
    except PydanticCustomError as error:
        raise UsageError(Problem(error.message(), hint=(error.context or {}).get("hint", ""))) from error


def with_images(load: Workload, rule: ImageRule | None, sizes: Sequence[tuple[int, int]]) -> Workload:
    """The workload with these pictures in each sequence, beside its other tokens."""
    cuts = cut_images(rule, sizes)
    more = sum(cut.tokens for cut in cuts)
    return load._replace(seq=load.seq + more, images=cuts * load.batch, absorbed=load.absorbed and not more)
