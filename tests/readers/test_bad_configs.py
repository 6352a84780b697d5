"""Configs that cannot be: refused, located, in these words. Names that start with `strict_` are read strictly."""

from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.readers.models import load

BAD = Path(__file__).parents[1] / "data" / "bad" / "config"
FILES = sorted(BAD.glob("*.json"))


def refusal(path):
    with pytest.raises(PCError) as caught:
        build(load(path.name, strict=path.name.startswith("strict_")).spec)
    assert caught.value.exit_code == 2
    return "".join(f"{p}\n" + (f"  hint: {p.hint}\n" if p.hint else "") for p in caught.value.problems)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bad_configs_are_refused_in_these_words(path, monkeypatch):
    monkeypatch.chdir(BAD)
    assert refusal(path) == path.with_suffix(".expected").read_text("utf-8")
