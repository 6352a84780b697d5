"""How repositories of the hub are written: their names, and what stands before one in an address."""

from __future__ import annotations

PREFIX = "hf://"
HOSTS = ("huggingface.co", "hf.co")
HOST = f"(?:{'|'.join(HOSTS)})".replace(".", r"\.")
"""An expression for a host of the hub."""
REPOSITORY = r"[\w.-]{1,96}/[\w.-]{1,96}"
"""An expression for organisation/name."""
BEFORE = f"(?:{PREFIX}|https?://{HOST}/)"
"""An expression for what makes a name an address."""
