"""paramcalc: what does this language model cost?"""

from paramcalc._version import __version__

__all__ = ["__version__"]
