"""How a picture becomes tokens: what a processor resizes and cuts it to, by its size in pixels.

Each rule gives the tokens that enter the prompt and the patches a tower runs over. Sources: the processor classes of
transformers named with each rule.
"""

from __future__ import annotations

from paramcalc.spec.image_budgets import Aligned, Ranged
from paramcalc.spec.image_resizes import Area, Bounded, Budget, Filled, LongestEdge, Padded, Rounded, Square
from paramcalc.spec.image_rule import ImageRule, Undescribed
from paramcalc.spec.image_slices import Covering, Mosaic, Overlapping, Slices
from paramcalc.spec.image_tiles import AnyResolution, Crops, Scanned, Split, Tiles, Views
from paramcalc.spec.media import rule_class

__all__ = ["Aligned", "AnyResolution", "Area", "Bounded", "Budget", "Covering", "Crops", "Filled",
           "ImageRule", "LongestEdge", "Mosaic", "Overlapping", "Padded", "Ranged", "Rounded", "Scanned",
           "Slices", "Split", "Square", "Tiles", "Undescribed", "Views", "parse_rule"]

KINDS: dict[str, type[ImageRule]] = {cls.model_fields["kind"].default: cls for cls in (
    Square, Area, LongestEdge, Budget, Padded, Bounded, Rounded, Filled, Tiles, AnyResolution, Split, Scanned, Crops,
    Slices, Mosaic, Covering, Overlapping, Views, Ranged, Aligned, Undescribed)}


def parse_rule(value: object) -> ImageRule:
    """A rule from a mapping with `kind`. Raises PydanticCustomError for a kind nobody knows."""
    return value if isinstance(value, ImageRule) else rule_class(value, KINDS, "image").model_validate(value)
