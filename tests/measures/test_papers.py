"""Counts against the tables others published: equal to every printed digit, or the record says why not."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count
from paramcalc.readers.config.read import read_config
from paramcalc.readers.models import load
from paramcalc.spec.dump import dump
from paramcalc.spec.model import ModelSpec
from tests.yaml_files import read_yaml

pytestmark = pytest.mark.smoke

DATA = Path(__file__).parent.parent / "data" / "evidence" / "papers.yaml"
TABLES = read_yaml(DATA)
FIGURES = ("total", "active", "active_without_table", "embedding", "non_embedding", "token_embedding", "layer",
           "attention", "ffn", "text")
TOWERS = ("vision", "audio", "projector")
UNITS = {"M": 10**6, "B": 10**9, "T": 10**12}


class Row(NamedTuple):
    """One printed figure."""

    table: dict
    settings: dict
    figure: str
    printed: str

    @property
    def name(self):
        return str(self.settings.get("name") or self.settings.get("preset") or tuple(self.settings.values()))

    @property
    def why(self):
        reasons = self.table.get("why", {})
        return reasons.get(f"{self.name} {self.figure}", reasons.get(self.name))


def figures():
    for table in TABLES:
        for values in table["rows"]:
            row = dict(zip(table["columns"], values, strict=False))
            settings = {key: value for key, value in row.items() if key not in FIGURES}
            yield from (Row(table, settings, key, row[key]) for key in row if key in FIGURES)


@pytest.mark.parametrize("row", tuple(figures()), ids=lambda row: f"{row.table['id']}: {row.name} {row.figure}")
def test_a_printed_count_is_ours_or_explained(row):
    equal = agrees(ours(row), row.printed)
    assert equal != bool(row.why), f"ours {ours(row):,}, theirs {row.printed}, why: {row.why}"


def test_every_table_has_a_source_and_every_reason_a_row():
    for table in TABLES:
        rows = [row for row in figures() if row.table is table]
        assert table["source"]
        assert {name for row in rows for name in (row.name, f"{row.name} {row.figure}")} >= set(table.get("why", {}))


def agrees(count_, printed):
    """Whether a count is what is printed, as far as the digits go."""
    unit = UNITS.get(printed[-1], 1)
    number = Decimal(printed.rstrip("MBT"))
    step = Decimal(1).scaleb(number.as_tuple().exponent) * unit
    return count_ == number if unit == 1 else abs(count_ - number * unit) <= step / 2


def ours(row):
    tree = model(row.table, row.settings)
    counts = count(tree)
    if row.figure == "layer":
        return layer(tree)
    return getattr(counts, row.figure, None) or of_kind(counts, row.figure)


def of_kind(counts, figure):
    if figure == "non_embedding":
        return counts.total - counts.embedding
    if figure == "active_without_table":
        return counts.active - counts.components["token_embedding"][1]
    if figure == "text":
        return counts.total - sum(counts.components[name][0] for name in TOWERS if name in counts.components)
    return counts.components[figure][0]


def layer(tree):
    """Parameters of one layer of a model whose layers are alike."""
    nodes = [node for _, node, stored, _ in tree.walk() if stored > 1]
    return count(nodes[0].replace(stored=1, used=1)).total


def model(table, settings):
    settings = {key: value for key, value in settings.items() if key != "name"}
    if "preset" in settings:
        return build(load(settings["preset"]).spec).tree
    if "config" in table:
        return build(read_config(table["config"] | settings).spec).tree
    base = dict(table["spec"])
    return build(resized(base.pop("from"), **settings) if "from" in base else
                 ModelSpec.model_validate(base | settings)).tree


def resized(preset, hidden_size, num_heads, head_dim, num_layers):
    """The preset's layout with other sizes."""
    data = dump(load(preset).spec)
    parts = data["blocks"]["layer"]["parts"]
    parts["self_attn"] |= {"num_heads": num_heads, "head_dim": head_dim}
    parts["mlp"]["intermediate_size"] = 4 * hidden_size
    parts["self_attn.r_proj"]["out_features"] = num_heads * head_dim
    parts["self_attn.r_w_bias"]["shape"] = parts["self_attn.r_r_bias"]["shape"] = [num_heads * head_dim]
    data |= {"hidden_size": hidden_size, "num_layers": num_layers}
    data.pop("expect")
    return ModelSpec.model_validate(data)
