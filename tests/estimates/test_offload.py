"""Layers and experts on cards and the host, as llama.cpp places them."""

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.estimates.offload.pieces import pieces
from paramcalc.estimates.offload.placement import Ledger, Load, Placement, card_of, components, places
from paramcalc.estimates.offload.search import Room, best, choose
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, types
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.models import load as read
from paramcalc.transforms.formats import in_formats

GIB = 2**30


def model_of(name, quant="q4_k_m"):
    return in_formats(build(read(name).spec), quant).tree


def load_of(context=4096, batch=1, *settings):
    return Load(Runtime("llama.cpp", settings).options, Serving(context, batch), types("bf16", "fp16"))


@pytest.mark.parametrize(("placement", "counts_output", "expected"), [
    (Placement(99), True, [0, 0, 0, 0, 0]),
    (Placement(0), True, [None] * 5),
    (Placement(2), True, [None, None, None, 0, 0]),
    (Placement(2), False, [None, None, 0, 0, None]),  # a build of 2025
    (Placement(99, 0, (1, 1)), True, [0, 0, 0, 1, 1]),
    (Placement(99, 0, (3, 2)), True, [0, 0, 0, 1, 1]),
    (Placement(99, 0, (0, 1)), True, [1, 1, 1, 1, 1]),
])
def test_layers_go_to_cards_from_the_end(placement, counts_output, expected):
    assert card_of(placement, 4, counts_output=counts_output) == expected


def test_a_split_without_parts_is_refused():
    with pytest.raises(UsageError, match="gives no GPU a share"):
        card_of(Placement(9, 0, (0, 0)), 4)


@pytest.mark.parametrize("name", ["qwen3-30b-a3b", "gemma-3-27b", "zamba2-1.2b", "llama-3.2-1b", "gpt-oss-20b"])
@pytest.mark.parametrize("placement", [Placement(99), Placement(0), Placement(9, 5, (2, 1)), Placement(99, 3)])
def test_parts_make_the_whole(name, placement):
    tree = model_of(name)
    model = pieces(tree, "bf16")
    parts = places(model, placement, load_of())
    weight_total = weight_bytes(tree).total
    twice = model.again if parts.host.weights < sum(components(model, parts)[1].values()) + 1 and model.again and (
        placement.gpu_layers) else 0
    weights_of_places = sum(place.weights + place.towers for place in (*parts.cards, parts.host))
    assert weights_of_places == weight_total + twice
    cards, host = components(model, parts)
    assert sum(cards.values()) == sum(place.weights for place in parts.cards)
    assert sum(host.values()) == parts.host.weights


def test_the_host_maps_what_lies_between():
    model = pieces(model_of("qwen3-30b-a3b"), "bf16")
    parts = places(model, Placement(99, 10), load_of())
    first = sum(model.layer(layer).weights for layer in range(10))
    assert parts.host.mapped == parts.host.weights + first - sum(model.layer(n).components["moe_experts"]
                                                                 for n in range(10))


def test_the_first_card_has_room_for_weights_of_the_host():
    model = pieces(model_of("qwen3-30b-a3b"), "bf16")
    alone, helped = (places(model, Placement(99, moved, (1, 1)), load_of()) for moved in (0, 48))
    assert helped.cards[0].compute >= max(model.layer(0).experts)
    assert helped.cards[1].compute < alone.cards[1].compute  # pipelined inputs go


def test_what_is_found_fits_and_one_layer_more_does_not():
    model, load = pieces(model_of("llama-3.1-70b"), "bf16"), load_of()
    room = Room((23 * GIB, 11 * GIB), 64 * GIB)
    choice = best(model, room, load)
    assert all(place.total <= usable for place, usable in zip(choice.cards, room.cards, strict=True))
    more = Placement(choice.placement.gpu_layers + 1, 0, choice.placement.split)
    assert any(place.total > usable for place, usable in zip(places(model, more, load).cards, room.cards, strict=True))


def test_experts_leave_the_card_before_layers_do():
    model, load = pieces(model_of("gpt-oss-120b", "mxfp4_moe"), "bf16"), load_of(32768)
    choice = best(model, Room((23 * GIB,), 64 * GIB), load)
    assert choice.placement.gpu_layers == 37
    assert 0 < choice.placement.cpu_moe < 36
    fewer = Ledger(model, load).places(choice.placement._replace(cpu_moe=choice.placement.cpu_moe - 1), [0] * 37)
    assert fewer.cards[0].total > 23 * GIB


def test_a_smaller_cache_is_taken_where_it_saves_the_host():
    model = pieces(model_of("llama-3.1-8b"), "bf16")
    exact = best(model, Room((100 * GIB,), GIB), load_of(131072)).cards[0].total
    choice = choose(model, Room((exact - GIB,), 64 * GIB), load_of(131072), None)
    assert (choice.kv_dtype, choice.on_cards) == ("q8_0", True)
    cheaper = choose(model, Room((exact - GIB,), 64 * GIB), load_of(131072), "fp16")
    assert not cheaper.on_cards


def test_too_little_of_both_is_no_fit():
    assert best(pieces(model_of("llama-3.1-70b"), "bf16"), Room((8 * GIB,), 8 * GIB), load_of()) is None


def test_python_asks_the_same():
    answer = paramcalc.fit("gpt-oss-120b", "rtx-4090", "32k", quant="mxfp4_moe", ram="64G")
    assert answer.fits
    assert "--n-cpu-moe" in answer.serve
    placed = paramcalc.memory("qwen3-30b-a3b", quant="q4_k_m", runtime="llama.cpp", gpu_layers=30)
    assert placed.placement.cards[0].layers == 29
