"""Names of devices as people and drivers write them: brands, and the size of the memory behind the name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramcalc.catalog._data import in_bytes, slug
from paramcalc.errors import InputError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BRANDS = frozenset(["nvidia", "geforce", "tesla", "quadro", "amd", "instinct", "radeon", "intel", "apple", "google",
                    "aws", "huawei", "ascend", "arc", "hbm2", "hbm2e", "hbm3", "hbm3e", "generation", "edition",
                    "graphics", "oam"])
"""Words of names that drivers print and people leave out: brands, and kinds of memory."""
_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©()\[\]{}+]", re.IGNORECASE)
_APART = re.compile(r"-([0-9]{1,4})-(?:gb|gib|g)(?=-|$)")
_SIZE = re.compile(r"-([0-9]{1,4})-?(?:gb|gib|g)(?=-|$)")
_INDEX = re.compile(r"[0-3]|(?:cuda|gpu|rocm|hip|xpu|device)[-:_ ]?[0-9]{0,2}", re.IGNORECASE)


def plain_key(name: str) -> str:
    """A name as keys spell it, without brackets and the signs of trademarks: `h100-96gb` of `H100 (96 GB)`."""
    return _APART.sub(r"-\1gb", slug(_MARKS.sub(" ", name)).strip("-"))


def several(text: str) -> tuple[int, str] | None:
    """How many devices of which name a text says: 8 and `H100` of `8x H100`; None where it says no number."""
    match = re.fullmatch(r"\s*(?:([0-9]{1,6}) ?[x×*] ?(\S.*)|(\S.*?) ?[x×*:] ?([0-9]{1,6}))\s*", text, re.IGNORECASE)
    return (int(match[1] or match[4]), match[2] or match[3]) if match else None


def words(key: str) -> frozenset[str]:
    """What of a name tells devices apart: `NVIDIA A100 80GB PCIe`, as its driver prints it, is `a100-pcie-80gb`."""
    return frozenset(key.split("-")) - BRANDS


def without_size(key: str) -> tuple[str, int]:
    """A name without the size of memory in it, and that size: `m3-ultra` and 512 of `m3-ultra-512gb`; 0 where it says
    none. GB and GiB are not told apart: people write either for both."""
    match = _SIZE.search(key)
    return (key[:match.start()] + key[match.end():], int(match[1])) if match else (key, 0)


def size_alone(text: str) -> tuple[str, int] | None:
    """The memory of a device of which only that is said, and its bytes: `24GiB`, `24G` (GiB too), `24GB`."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(G|GiB|GB|M|MiB|MB)", text.strip())
    if match is None:
        return None
    label = f"{match[1]} {match[2] if match[2].endswith('B') else f'{match[2]}iB'}"
    try:
        return label, in_bytes(label)
    except ValueError:
        return None


def is_index(text: str) -> bool:
    """Whether a text numbers a device of a machine instead of naming one: `0`, `cuda:1`, `gpu`."""
    return _INDEX.fullmatch(text.strip()) is not None


def near_size(text: str) -> str:
    """A device of a size alone, as it is to be written, of one whose unit is missing or in other letters: 24GiB of
    `24gib`, `24g` and `24`, 24GB of `24Gb`; empty for what is no size."""
    match = re.fullmatch(r"([1-9][0-9]{0,5}) ?(g|m|gb|mb|gib|mib)?", text.strip(), re.IGNORECASE)
    if match is None:
        return ""
    unit = (match[2] or "g").lower()
    return f"{match[1]}{unit[0].upper()}{'B' if unit[1:] == 'b' else 'iB'}"


def refuse_no_name(text: str) -> None:
    """Raise UsageError for a text that names no device, but the host, a device's place in it, or a size."""
    unknown = f"unknown accelerator {text!r}"
    if slug(text) == "cpu":
        raise UsageError(Problem("a CPU is not in the catalog: what it holds and how fast it reads are those of the "
                                 "host's memory, which no name says",
                                 hint="--accelerators FILE with its memory and bandwidth"))
    if is_index(text):
        raise UsageError(Problem(unknown, hint="name the device's model, not its index: --gpu h100, or its memory: "
                                               "--gpu 24GiB; --gpus N says how many"))
    if near := near_size(text):
        raise UsageError(Problem(unknown, hint=f"write --gpu {near} for a device of that size"))


def refuse_shared_names(rows: Sequence[str], names: Mapping[str, tuple[str, tuple[str, ...]]], where: str) -> None:
    """Raise InputError where the rows of a user's file give two devices one name: which is meant would go unsaid.

    `rows` are keys as the file spells them; `names` has the name and the aliases of every device by its key.
    """
    first: dict[str, str] = {}
    problems = [Problem(f"expected one row a device, found {other} and {row}, which are one key",
                        ("accelerators", row), hint="keep one of the two", source=where)
                for row in rows if (other := first.setdefault(slug(row), row)) != row]
    owners: dict[str, set[str]] = {}
    for key, (name, aliases) in names.items():
        for each in (key, name, *aliases):
            owners.setdefault(plain_key(each), set()).add(key)
    for key, row in first.items():
        name, aliases = names[key]
        for field, each in (((), key), (("name",), name), *((("aliases",), alias) for alias in aliases)):
            for other in sorted(owners[plain_key(each)] - {key}):
                problems.append(Problem(f"expected a name of this device alone, found {each!r}, which names {other} "
                                        "too", ("accelerators", row, *field), source=where,
                                        hint=f"give it another one; a row under the key {other} changes that device"))
    if problems:
        raise InputError(*problems)
