"""Every key a class has a default for is read by its family, or is known to change no shape.

A key that is neither would be ignored in silence: the family would count a config that says it as if it did not.
"""

from collections import defaultdict
from pathlib import Path

import test_oracle

from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.neutral import NEUTRAL
from paramcalc.readers.config.read import understood
from paramcalc.readers.families import counted_types, family_of
from tests.yaml_files import read_yaml

TABLE = Path(__file__).parent.parent / "data" / "neutral_keys.yaml"
REVIEWED = {key: families for group in read_yaml(TABLE)
            for key, families in group["keys"].items()}


def keys_read():
    """Family to the keys its builder asked for, over all its recorded configs."""
    keys = defaultdict(set)
    for record in test_oracle.CASES:
        config = understood(record["config"]).config
        family_of(config.model_type).builder(config)
        keys[config.model_type] |= config.read
    return keys


def unread():
    """Family and key, for each default that no builder asked for by any of its spellings."""
    for model_type, read in keys_read().items():
        family = family_data(model_type)
        spellings = defaultdict(set)
        for attribute, key in family.aliases.items():
            spellings[key].add(attribute)
            spellings[attribute].add(key)
        for key in family.defaults:
            if key not in read | NEUTRAL and not spellings[key] & read:
                yield model_type, key


def test_every_default_key_is_read_or_reviewed():
    pairs = set(unread())
    reviewed = {(model_type, key) for model_type, key in pairs
                if REVIEWED.get(key) == "any" or model_type in REVIEWED.get(key, ())}
    assert pairs - reviewed == set()


def test_no_key_is_reviewed_that_no_class_has():
    for key, families in REVIEWED.items():
        owners = {model_type for model_type in counted_types()
                  if (data := family_data(model_type)) is not None and key in data.defaults}
        assert owners if families == "any" else set(families) <= owners, key
