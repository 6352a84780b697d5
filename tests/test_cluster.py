"""The map the guide shows on Dask, on a cluster of this machine. Needs the extra `dask`."""

from pathlib import Path
from re import DOTALL, search

import pytest

import paramcalc

GUIDE = Path(__file__).parent.parent / "docs" / "design.md"


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_the_guides_map_gives_the_rows_of_compare() -> None:
    pytest.importorskip("distributed")
    block = search(r"```text\n(from functools .*?)```", GUIDE.read_text(encoding="utf-8"), DOTALL)
    assert block is not None
    models = ["gpt2", "no-such-model", "qwen3-8b"]
    names: dict[str, object] = {"paths": models}
    exec(block[1], names)  # noqa: S102 - our own guide
    assert names["rows"] == list(paramcalc.compare(*models).rows)
