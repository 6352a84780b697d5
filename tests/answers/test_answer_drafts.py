"""A model that drafts for another: read by its name, counted beside it, with a cache of its own."""

import pytest

import paramcalc
from paramcalc.answers.drafts import draft_model
from paramcalc.errors import PCError
from paramcalc.estimates.settings import RuntimeSettings
from paramcalc.measures.parameters import count


def test_the_named_model_is_read():
    model = draft_model(RuntimeSettings(draft="llama-3.2-1b"))
    assert count(model.tree).total == 1_235_814_400


@pytest.mark.parametrize("draft", [None, "mtp"])
def test_nothing_is_read_where_none_is_named(draft):
    assert draft_model(RuntimeSettings(draft=draft)) is None


def test_a_name_of_no_model_is_refused():
    with pytest.raises(PCError, match=r"llama-3\.2-1x"):
        draft_model(RuntimeSettings(draft="llama-3.2-1x"))


def test_its_weights_and_its_cache_are_counted_beside():
    """Of 16 layers with 8 heads of 64 the cache is 32,768 bytes a token; a rotary table is 131,072 positions of 64."""
    alone = paramcalc.memory("llama-3.1-8b", context=4096, runtime="vllm")
    both = paramcalc.memory("llama-3.1-8b", context=4096, runtime="vllm", draft="llama-3.2-1b", draft_tokens=4)
    tables = both.weights.rotary_table - alone.weights.rotary_table
    assert tables == 131_072 * 64 * 2
    assert both.weights.bytes - alone.weights.bytes == 2 * 1_235_814_400 + tables + both.weights.allocator
    assert both.cache.bytes - alone.cache.bytes == 4096 * 32_768
    assert both.weights.on_disk == alone.weights.on_disk
