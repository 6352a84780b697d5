"""Numbers as people read them: exact with separators, short beside it, units always said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT = ((10**15, "P"), (10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
BINARY = ((2**60, "EiB"), (2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
DECIMAL = ((10**18, "EB"), (10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
BYTE_UNITS = {"B": 1, **{name: size for size, name in (*DECIMAL, *BINARY)}}
"""Bytes of a unit, by its name: what is read and what is printed are the same."""
RATES = ((10**12, "TB/s"), (10**9, "GB/s"))
FLOPS = ((10**24, "YFLOP"), (10**21, "ZFLOP"), (10**18, "EFLOP"), (10**15, "PFLOP"), (10**12, "TFLOP"),
         (10**9, "GFLOP"), (10**6, "MFLOP"))


def exact(value: int) -> str:
    """An integer with all digits, in groups: 8,030,261,248."""
    return f"{value:,}"


def many(number: int, noun: str) -> str:
    """`1 layer`, `1,024 layers`, `0 entries`: a count and its noun, given in the singular."""
    plural = f"{noun[:-1]}ies" if noun.endswith(("ry", "py", "ly")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def short(value: int) -> str:
    """8.03 B, of three significant digits."""
    return _scaled(value, SHORT, "")


def binary(value: int) -> str:
    """14.96 GiB, of 2^30 bytes."""
    for unit, name in BINARY:
        if abs(value) >= unit:
            return f"{value / unit:,.2f} {name}"
    return f"{value} B"


def typed_bytes(value: int) -> str:
    """64KiB, as options take it: in the largest unit of 2^10, 2^20 … that does not round it, else 1030B."""
    return typed(value, (*BINARY, (1, "B")))


def typed(value: int, units: Sequence[tuple[int, str]]) -> str:
    """1.5B: as short as it can be typed without rounding it, in the first unit that it has no more than thousandths
    of; the units go from the largest to 1."""
    for unit, name in units:
        if value >= unit and 1000 * value % unit == 0:
            integer, thousandths = divmod(1000 * value // unit, 1000)
            return f"{integer}.{thousandths:03}".rstrip("0").rstrip(".") + name
    return f"{value}{units[-1][1]}"


def in_file(value: int) -> str:
    """16.06 GB (14.96 GiB): as file listings say it, of 10^9 bytes, and of 2^30."""
    for unit, name in DECIMAL:
        if abs(value) >= unit:
            return f"{value / unit:,.2f} {name} ({binary(value)})"
    return f"{value} B"


def flops(value: int) -> str:
    """A number of FLOPs with a unit: 16.06 GFLOP."""
    return _scaled(value, FLOPS, " FLOP")


def flops_rate(value: int) -> str:
    """FLOPs a second with a unit: 989 TFLOP/s."""
    return f"{flops(value)}/s"


def rate(value: int) -> str:
    """3.35 TB/s, of 10^12 bytes."""
    return _scaled(value, RATES, " B/s")


def percent(part: int, total: int, digits: int = 2, *, signed: bool = False) -> str:
    """1.25%, or +1.25% where it is a change; the sign of percent stands without a blank everywhere."""
    return f"{100 * part / total:{'+' if signed else ''}.{digits}f}%"


def change(old: int, new: int) -> str:
    """+24.53%: by how much a figure changed; by its amount where there was none."""
    return percent(new - old, old, signed=True) if old else f"{new - old:+,}"


def _scaled(value: int, units: tuple[tuple[int, str], ...], plain: str) -> str:
    for unit, name in units:
        if abs(value) >= unit:
            scaled = value / unit
            return f"{scaled:.{max(0, 2 - len(str(int(abs(scaled)))) + 1)}f} {name}"
    return f"{value:,}{plain}"


def shares(values: list[int], digits: int = 2) -> list[str]:
    """Percentages that add to 100: each rounded down, then the largest remainders get what is left."""
    total = sum(values)
    if total <= 0:
        return ["" for _ in values]
    steps = 100 * 10**digits
    floors = [value * steps // total for value in values]
    order = sorted(range(len(values)), key=lambda i: -(values[i] * steps % total))
    for i in order[: steps - sum(floors)]:
        floors[i] += 1
    return [f"{floor // 10**digits}.{floor % 10**digits:0{digits}d}%" for floor in floors]


def shape(value: tuple[int, ...]) -> str:
    """The shape of a tensor: (128,256, 4,096)."""
    return f"({', '.join(exact(d) for d in value)}{',' if len(value) == 1 else ''})"


def pair(value: Any, kind: str) -> tuple[str, str]:  # noqa: ANN401 - raw cells
    """A raw cell under a column of this kind: what is exact, and the same in short where that is shorter."""
    if value is None:
        return "", ""
    if isinstance(value, str) or kind in ("text", "number", "share", "bar"):
        return str(value), ""
    if kind == "gib":
        return binary(value), ""
    if kind == "shape":
        return shape(value), ""
    brief = {"count": short, "bytes": binary, "flops": flops, "rate": rate, "speed": flops_rate}.get(kind)
    return exact(value), brief(value) if brief is not None and abs(value) >= 10_000 else ""


def printed(value: Any, kind: str) -> str:  # noqa: ANN401 - raw cells
    """A raw cell in one piece: 8,030,261,248 (8.03 B)."""
    full, brief = pair(value, kind)
    return f"{full} ({brief})" if brief else full
