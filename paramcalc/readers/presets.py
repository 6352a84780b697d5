"""Published models that come with the package, by name; imports nothing that completion would wait for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType


@cache
def presets() -> MappingProxyType[str, Path]:
    """Preset names to their files; listed once, because each model of a thousand would wait for it."""
    package = Path(__file__).resolve().parent.parent
    root = next((p for p in (package / "_configs", package.parent / "configs") if p.is_dir()), None)
    files = sorted(root.glob("*/*.yaml"), key=lambda p: (p.parent.name, p.stem)) if root else []
    return MappingProxyType({p.stem: p for p in files})
