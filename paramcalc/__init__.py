"""paramcalc: what does this language model cost? The numbers of the command line, for Python programs.

Names are imported when they are first used: `import paramcalc` alone loads nothing else.
"""

from paramcalc._version import __version__

TYPE_CHECKING = False
"""True to type checkers. `typing` itself would cost every start-up more than the rest of this file."""
if TYPE_CHECKING:
    from paramcalc.api import (
        build_model,
        check,
        compare,
        convert,
        count,
        diff,
        estimate,
        explain,
        fit,
        flops,
        load,
        memory,
        read,
        scaling,
        solve,
        speed,
        sweep,
        weights,
        what_if,
    )
    from paramcalc.errors import InputError, NetworkError, PCError, SpecError, UnknownArchitectureError, UsageError
    from paramcalc.listing import formats, gpus, models
    from paramcalc.media import cut_audio, cut_images
    from paramcalc.training import layouts, search, train, training_run
    from paramcalc.utilization import flops_per_token, hfu, mfu

__all__ = [
    "InputError",
    "NetworkError",
    "PCError",
    "SpecError",
    "UnknownArchitectureError",
    "UsageError",
    "__version__",
    "build_model",
    "check",
    "compare",
    "convert",
    "count",
    "cut_audio",
    "cut_images",
    "diff",
    "estimate",
    "explain",
    "fit",
    "flops",
    "flops_per_token",
    "formats",
    "gpus",
    "hfu",
    "layouts",
    "load",
    "memory",
    "mfu",
    "models",
    "read",
    "scaling",
    "search",
    "solve",
    "speed",
    "sweep",
    "train",
    "training_run",
    "weights",
    "what_if",
]
ELSEWHERE = {"train": "training", "training_run": "training", "layouts": "training", "search": "training",
             "flops_per_token": "utilization", "hfu": "utilization", "mfu": "utilization",
             "cut_images": "media", "cut_audio": "media", "models": "listing", "gpus": "listing", "formats": "listing"}
"""Names that are not in `paramcalc.api`, and their modules."""


if not TYPE_CHECKING:  # a checker that saw this would take any name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'paramcalc' has no attribute {name!r}")
        from importlib import import_module

        module = "errors" if name[0].isupper() else ELSEWHERE.get(name, "api")
        value: object = getattr(import_module(f"paramcalc.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
