"""The model that drafts tokens for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.build import build
from paramcalc.estimates.serving import MTP

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import RuntimeSettings


def draft_model(settings: RuntimeSettings) -> Model | None:
    """The model `--draft` names; None where the model drafts by itself, or nothing does. Raises PCError for one that
    cannot be read."""
    if settings.draft in (None, MTP):
        return None
    from paramcalc.readers.models import load

    return build(load(settings.draft).spec)
