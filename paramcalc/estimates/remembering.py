"""Objects whose methods remember their answers, and pickle all the same."""

from __future__ import annotations

from typing import Any


class Remembering:
    """A base: `_remember` wraps methods in caches. A pickle holds everything but these, which are made anew."""

    def _remember(self) -> None:
        """Wrap methods in `functools.lru_cache`, as attributes."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not hasattr(value, "cache_info")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._remember()
