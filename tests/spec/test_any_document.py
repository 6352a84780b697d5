"""Whatever a document holds: a count, or a refusal that says where, in bounded time."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramcalc.build import build
from paramcalc.components import KINDS, component_class
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count
from paramcalc.readers.models import load, parse_spec
from paramcalc.readers.spec_errors import keys_at
from paramcalc.readers.text.document import Document, read_yaml
from paramcalc.readers.text.located import located
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from tests.processor import within

FILES = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
PRESETS = [read_yaml(path.read_bytes(), path.name).data for path in FILES[:: len(FILES) // 24]]
WORDS = sorted({*ModelSpec.model_fields, *Block.model_fields, *KINDS, "repeat", "of", "a", "b", "none", "learned",
                *(field for kind in KINDS for field in component_class(kind).model_fields)})
SCALARS = st.one_of(
    st.integers(-2, 70), st.sampled_from([0, 1, 2, 3, 64, 128, 2**24, 2**24 + 1, 10**30, -(10**30)]), st.booleans(),
    st.none(), st.floats(), st.sampled_from(WORDS), st.text(max_size=8))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4)
                      | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=5), max_leaves=20)
MODELS = st.fixed_dictionaries(
    {"hidden_size": st.sampled_from([64, 128]), "vocab_size": st.just(100), "num_layers": st.integers(1, 4)},
    optional={key: VALUES for key in ModelSpec.model_fields if key not in ("hidden_size", "vocab_size", "num_layers")})


def answered(data):
    """Whether the document was counted; every refusal is one of ours, and says something."""
    document = Document(data, "any.yaml")
    try:
        spec = parse_spec(document)
    except PCError as error:
        assert all(problem.message for problem in error.problems)  # noqa: PT017 - either outcome is right
        return False
    try:
        model = build(spec)
        assert count(model.tree).total >= 0
        in_formats(model)
    except PCError as error:
        assert located(error, document).problems  # noqa: PT017 - either outcome is right
        return False
    return True


@given(st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), VALUES, max_size=8) | MODELS)
@pytest.mark.fuzz
def test_nested_data_gives_a_count_or_a_refusal(data):
    assert within(10, answered, data) in (True, False)


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


@given(st.data())
@pytest.mark.fuzz
def test_a_mutated_preset_gives_a_count_or_a_refusal(data):
    mutated = copy.deepcopy(data.draw(st.sampled_from(PRESETS)))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from([path for path in places(mutated) if path]))
        holder = mutated
        for part in parents:
            holder = holder[part]
        action = data.draw(st.sampled_from(["replace", "drop", "rename", "double"]))
        if action == "replace":
            holder[last] = data.draw(VALUES)
        elif action == "drop" or isinstance(holder, list):
            del holder[last]
        elif action == "rename":
            holder[data.draw(st.sampled_from(WORDS))] = holder.pop(last)
        elif isinstance(holder[last], int):
            holder[last] *= 2
    assert within(10, answered, mutated) in (True, False)


def test_presets_themselves_are_counted():
    assert all(answered(copy.deepcopy(data)) for data in PRESETS)


def test_every_key_of_every_preset_is_known_where_it_stands():
    """The keys that a misspelt one is compared with are those the readers take."""
    for data in PRESETS:
        for path in places(data):
            holder = data
            for part in path[:-1]:
                holder = holder[part]
            allowed = keys_at(data, path[:-1])
            if path and isinstance(holder, dict) and allowed:
                assert path[-1] in allowed, path


def test_a_refusal_survives_json(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(json.dumps({"hidden_size": 2**24, "vocab_size": 2**28, "num_layers": 4096, "num_heads": 1,
                                "intermediate_size": 2**24}), "utf-8")
    assert count(build(load(str(path)).spec).tree).total > 2**60
