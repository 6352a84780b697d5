"""What a tower's config says of its sizes: patches, heads, and lists with a number for each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from paramcalc.errors import HEADS

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

T = TypeVar("T", int, bool, str)


def grid(config: Config, key: str = "image_size") -> int:
    """How many patches an image of the size the tower is made for is cut into."""
    return grid_side(config, key) ** 2


def grid_side(config: Config, key: str = "image_size") -> int:
    """How many patches fit along one side."""
    size, patch = config.integer(key), config.integer("patch_size")
    if patch > size:
        raise config.error("patch_size", f"{patch} is larger than {key} ({size})")
    return size // patch


def sides(config: Config, key: str) -> tuple[int, int]:
    """A size of two dimensions, or of one that holds for both."""
    value = config.get(key)
    if isinstance(value, list):
        pair = config.listed(key, int, 2) or [0]
        if min(pair) < 1:
            raise config.expected(key, "positive integers")
        return pair[0], pair[1]
    return config.integer(key), config.integer(key)


def patches(config: Config) -> int:
    """How many patches an image of the tower's size is cut into."""
    (high, wide), (tall, broad) = sides(config, "image_size"), sides(config, "patch_size")
    return (high // tall) * (wide // broad)


def heads(config: Config, key: str = "num_attention_heads", width: str = "hidden_size") -> int:
    """Heads that share the width."""
    return config.dividing(key, config.integer(width))


def listed(config: Config, key: str, count: int = 1) -> list[int]:
    """Positive integers, `count` at least."""
    values = config.listed(key, int) or []
    if len(values) < count or any(not 1 <= value <= 2**24 for value in values):
        raise config.expected(key, f"{count:,} or more positive integers")
    return values


def entries(config: Config, key: str, of: type[T], count: int) -> list[T]:
    """A list of one type, one entry for each of `count` stages, which the class cannot do without."""
    values = config.listed(key, of, count)
    if values is None:
        raise config.error(key, "required key is missing", f"a list of {count:,}")
    return values


def ratios(config: Config, key: str, count: int = 1) -> list[float]:
    """Positive numbers, `count` at least, from a list or from one number for all."""
    value = config.get(key)
    if not isinstance(value, list):
        return [config.number(key)] * count
    if len(value) < count or any(type(item) not in (int, float) or not 0 < item <= 2**16 for item in value):
        raise config.expected(key, f"{count:,} or more positive numbers")
    return [float(item) for item in value]


def stages(config: Config, key: str = "depths", count: int = 1) -> list[int]:
    """Layers of each stage, `count` at least, bounded before anything loops over them."""
    depths = listed(config, key, count)
    if sum(depths) > 1024:
        raise config.error(key, f"must sum to at most 1,024, found {sum(depths):,}")
    return depths


def dividing(config: Config, key: str, count: int, width: int) -> int:
    """Heads that divide a width."""
    if width % count:
        raise config.error(key, f"{count} does not divide {width}", code=HEADS)
    return count
