"""How a picture becomes tokens: what a processor resizes and cuts it to, by its size in pixels.

Each rule gives the tokens that enter the prompt and the patches a tower runs over. Sources: the processor classes of
transformers named with each rule.
"""

from __future__ import annotations

from paramcalc.components.problems import impossible
from paramcalc.spec.image_budgets import Aligned, Ranged
from paramcalc.spec.image_resizes import Area, Bounded, Budget, Filled, LongestEdge, Padded, Rounded, Square
from paramcalc.spec.image_rule import ImageRule, Undescribed
from paramcalc.spec.image_slices import Covering, Mosaic, Overlapping, Slices
from paramcalc.spec.image_tiles import AnyResolution, Crops, Scanned, Split, Tiles, Views

__all__ = ["Aligned", "AnyResolution", "Area", "Bounded", "Budget", "Covering", "Crops", "Filled",
           "ImageRule", "LongestEdge", "Mosaic", "Overlapping", "Padded", "Ranged", "Rounded", "Scanned",
           "Slices", "Split", "Square", "Tiles", "Undescribed", "Views", "parse_rule"]

KINDS: dict[str, type[ImageRule]] = {cls.model_fields["kind"].default: cls for cls in (
    Square, Area, LongestEdge, Budget, Padded, Bounded, Rounded, Filled, Tiles, AnyResolution, Split, Scanned, Crops,
    Slices, Mosaic, Covering, Overlapping, Views, Ranged, Aligned, Undescribed)}


def parse_rule(value: object) -> ImageRule:
    """A rule from a mapping with `kind`. Raises PydanticCustomError for a kind nobody knows."""
    if isinstance(value, ImageRule):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise impossible("unknown kind of image rule", f"known: {', '.join(KINDS)}", "kind")
    return KINDS[kind].model_validate(value)
