"""For the tests of a Python project that has a model: `budget(config, total="<= 8.1B", fits="h100@32k")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.readers.sources import Source
    from paramcalc.spec.expect import Expect


def budget(model: Source, *, fits: str | list[str] | None = None, **expect: object) -> None:
    """Assert what a specification's `expect:` could promise of a model.

    `model`: a spec or config as dict, a config object with `to_dict()`, a path, a preset. `fits`: `h100@32k`,
    `2xh100@128k`, or several. Everything else by the names of `expect`: `total`, `active`, `components`, `weights`,
    `cache_per_token`, `flops_per_token`, `trainable` … Raises AssertionError with every promise that does not hold,
    PCError for a model or promise that cannot be read.
    """
    __tracebackhide__ = True
    from paramcalc.build import build
    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.expectations import broken_promises
    from paramcalc.readers.models import Reading
    from paramcalc.readers.sources import spec_of
    from paramcalc.readers.text.document import Document

    spec = spec_of(model)
    spec = spec.model_copy(update={"expect": _promises(fits, expect)})
    name = spec.name or "model"
    subject = Subject(name, Reading(spec, name, Document({}, name), ()), build(spec))
    broken = [finding.message for finding in broken_promises(subject)]
    if broken:
        raise AssertionError(f"{name}: " + "; ".join(broken))


def _promises(fits: str | list[str] | None, expect: dict[str, object]) -> Expect:
    from pydantic import ValidationError

    from paramcalc.errors import UsageError
    from paramcalc.spec.expect import Expect

    promised = [] if fits is None else [fits] if isinstance(fits, str) else fits
    try:
        return Expect.model_validate(expect | ({"fits": promised} if promised else {}))
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details]
        raise UsageError(*problems) from error
