"""What the documents of runtimes say: on whose devices each runs, which formats it reads, how a server is started.

The table is `runtimes.json`, each fact with the file it was read in. `formats` are classes of formats by the vendors on
whose devices they are read, all where the list is empty; `needs` the arithmetic a device must have for a class, or for
anything; `compute_capability` the least one, likewise, that a release starts on. A device whose own is not known is not
judged by it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog._data import compute_capability, read_table
from paramcalc.catalog.formats import find_format, is_mix
from paramcalc.catalog.speed import release_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.catalog.accelerators import Accelerator

GGUF, PLAIN, OTHER = "gguf", "plain", "other"
DEMANDED = ("tp", "pp", "ep", "dp", "attention_dp", "loras", "mtp", "draft")
"""What a line must say where it has a value: without it the line would start something else."""


class Server(NamedTuple):
    """A runtime as its documents describe it."""

    name: str
    vendors: tuple[str, ...]
    """Whose devices it runs on; all where there are none."""
    formats: Mapping[str, tuple[str, ...]]
    """Vendors on whose devices a class of formats is read; all where there are none."""
    needs: Mapping[str, str]
    """Arithmetic a device must have for a class of formats; under the empty name for anything."""
    compute_capability: Mapping[str, int]
    """Least one a device of NVIDIA must have for a class of formats; under the empty name for anything."""
    release: str
    """The release of which that was read; empty where it was not."""
    serve: str
    """How a server is started, with places for model, context and batch; empty for llama.cpp, which places layers."""
    options: Mapping[str, str]
    benchmark: str
    """What measures a point of `speed`, with places for the model, its requests and how devices divide it."""
    sources: tuple[str, ...]

    def why_not(self, quant: str | None, device: Accelerator, release: str = "") -> str:
        """Why it does not serve weights in this format on this device; empty where nothing says so. `release` is one
        that is stated, such as `0.11`: what older ones start on was not read.

        Raises UsageError for a format nobody knows.
        """
        kind = format_class(quant)
        vendor = device.vendor if device.vendor in _vendors() else ""  # a device of one's own may be anybody's
        if vendor and self.vendors and vendor not in self.vendors:
            return f"{self.name} does not run on devices of {vendor}"
        if kind != PLAIN and kind not in self.formats:
            return self._unread(kind, quant)
        if vendor and vendor not in (self.formats.get(kind) or (vendor,)):
            return f"{self.name} does not read {kind} on devices of {vendor}"
        arithmetics = filter(None, (self.needs.get(""), self.needs.get(kind)))
        lacking = [arithmetic for arithmetic in arithmetics if device.flops and arithmetic not in device.flops]
        where = "" if kind == PLAIN else f" for {kind}"
        if lacking:
            return f"{self.name} needs {lacking[0]} arithmetic{where}"
        older = release != "" and self.release != "" and release_numbers(release) < release_numbers(self.release)
        return "" if older else self._too_old(kind, device)

    def _too_old(self, kind: str, device: Accelerator) -> str:
        """Why its release does not start on a device of this compute capability; empty where it does."""
        for name, where in (("", ""), (kind, f" for {kind}")):
            least, capability = self.compute_capability.get(name, 0), device.compute_capability
            if capability is not None and capability < least:
                return (f"{self.name} needs compute capability {least / 10} or higher{where} (release {self.release}), "
                        f"found {capability / 10}")
        return ""

    def _unread(self, kind: str, quant: str | None) -> str:
        """Why it does not read a class of formats."""
        if kind == GGUF:
            return f"{quant} is a format of GGUF files; what {self.name} holds of those is not described here"
        if GGUF in self.formats:
            return f"GGUF files do not hold {quant}"
        return f"the documents of {self.name} list no {quant if kind == OTHER else kind}"

    def command(self, model: str, context: int, batch: int, **values: int | str | tuple[int | str, ...] | None) -> str:
        """The line that starts a server, with the options that have a value; empty where there is none, or where it
        cannot say what the answer is of: devices, adapters, a draft. What stands under a name and a value is how the
        runtime spells that value."""
        if not self.serve or any(values.get(name) and name not in self.options for name in DEMANDED):
            return ""
        words = [self.serve.format(model=model, context=context, batch=batch)]
        for name, value in values.items():
            spelled = self.options.get(f"{name} {value}", self.options.get(name))
            if value and spelled:
                words.append(spelled.format(*(value if isinstance(value, tuple) else (value,))))
        return " ".join(words)


def format_class(quant: str | None) -> str:
    """The class of a format as runtimes name them: `gguf`, `awq`, `fp8`; `plain` for what is not quantized."""
    if quant is None or quant.lower() == "none":
        return PLAIN
    if is_mix(quant):
        return GGUF
    entry = find_format(quant)
    for kind, names in _table()["classes"].items():
        if entry.name in names:
            return str(kind)
    return GGUF if entry.ggml_type is not None else OTHER


def server(name: str) -> Server | None:
    """The facts about a runtime; None for the bound, which is none."""
    row = _table()["runtimes"].get(name)
    if row is None:
        return None
    sources = {*row["vendors"].values(), *(value for key, value in row.items() if key.endswith("_source"))}
    capability = row.get("compute_capability", {})
    return Server(name, tuple(row["vendors"]), {kind: tuple(vendors) for kind, vendors in row["formats"].items()},
                  row.get("needs", {}), {kind: compute_capability(least) for kind, least in capability.items()},
                  row.get("release", ""), row.get("serve", ""), row.get("options", {}), row["benchmark"],
                  tuple(sorted(_table()["sources"][source] for source in sources)))


@cache
def _vendors() -> frozenset[str]:
    """Whose devices the documents of any runtime name."""
    return frozenset(vendor for row in _table()["runtimes"].values() for vendor in row["vendors"])


@cache
def _table() -> dict[str, Any]:
    return read_table("runtimes.json")
