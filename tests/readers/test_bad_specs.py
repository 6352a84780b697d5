"""Specifications that cannot be: refused, located, all at once, in the words of the `.expected` file beside each."""

from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.readers.models import load
from paramcalc.readers.text.located import located
from paramcalc.transforms.formats import in_formats

BAD = Path(__file__).parents[1] / "data" / "bad" / "spec"
FILES = sorted(BAD.glob("*.yaml"))


def refusal(path):
    with pytest.raises(PCError) as caught:
        count(path.name)
    assert caught.value.exit_code == 2
    return "".join(f"{p}\n" + (f"  hint: {p.hint}\n" if p.hint else "") for p in caught.value.problems)


def count(name):
    reading = load(name)
    try:
        in_formats(build(reading.spec))
    except PCError as error:
        raise located(error, reading.document) from error


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bad_specs_are_refused_in_these_words(path, monkeypatch):
    monkeypatch.chdir(BAD)
    assert refusal(path) == path.with_suffix(".expected").read_text("utf-8")
