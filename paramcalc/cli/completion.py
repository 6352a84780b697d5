"""What a shell completes: whatever has a list of names. File names are the shell's own business."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer  # at run time: typer looks at the parameters of `entries`

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def models(incomplete: str) -> list[str]:
    """Names of presets that begin with the incomplete word."""
    from paramcalc.readers.presets import presets

    return _starting(presets(), incomplete)


def drafts(incomplete: str) -> list[str]:
    """What drafts tokens: presets, or the model's own layers."""
    return [*_starting(("mtp",), incomplete), *models(incomplete)]


def accelerators(incomplete: str) -> list[str]:
    """Accelerators of the catalog; of several, the last."""
    from paramcalc.catalog.accelerators import accelerators as catalog

    return _last(catalog(), incomplete)


def weight_formats(incomplete: str) -> list[str]:
    """Formats of weights, GGUF mixes among them."""
    from paramcalc.catalog.formats import formats, mixes

    return _starting((*formats(), *mixes(), "none"), incomplete)


def number_formats(incomplete: str) -> list[str]:
    """Formats of numbers; of a pair, the last."""
    from paramcalc.catalog.formats import formats

    return _last(formats(), incomplete)


def optimizers(incomplete: str) -> list[str]:
    """Names of optimizers that begin with the incomplete word."""
    from paramcalc.catalog.optimizers import optimizers as catalog

    return _starting(catalog(), incomplete)


def schemas(incomplete: str) -> list[str]:
    """What has a JSON Schema."""
    from paramcalc.answers.registry import schema_names

    return _starting(schema_names(), incomplete)


def rules(incomplete: str) -> list[str]:
    """Codes of the rules of `check`."""
    from paramcalc.checks.rules import rules as every

    return _starting(every(), incomplete)


def columns(incomplete: str) -> list[str]:
    """Columns of `compare` and `sweep`; of several, the last."""
    from paramcalc.answers.comparison import COLUMNS

    return _last(COLUMNS, incomplete)


def entries(context: typer.Context, incomplete: str) -> list[str]:
    """Names of what is listed."""
    from paramcalc.answers.listing import What, listing

    return _starting((item.name for item in listing(context.params.get("what") or What.models).items), incomplete)


OF_SETTINGS: dict[str, Callable[[str], list[str]]] = {
    "gpu": accelerators, "quant": weight_formats, "kv_dtype": number_formats, "dtype": number_formats,
    "compute_dtype": number_formats, "grad_dtype": number_formats, "optimizer": optimizers, "draft": drafts,
}
"""By the name of a field of the settings."""


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _last(names: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _starting(names, last)]
