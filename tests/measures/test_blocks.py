"""Work by blocks and by sequences, against counting the blocks one by one; what a convolution computes."""

import itertools
from types import SimpleNamespace

import pytest

from paramcalc.build import build
from paramcalc.components import parse_component
from paramcalc.measures.flops import Workload, blocks, flops, terms
from paramcalc.spec.media import Media, MediaItem
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from paramcalc.tree import Context, Node, Work

SHAPES = list(itertools.product((1, 3, 4, 8, 13), (1, 2, 4, 16)))


def work(per, block, *, padded=True):
    return Work("within", (1,), ("one",), "state_mixer", per, block=block, padded=padded)


@pytest.mark.parametrize(("positions", "block"), SHAPES)
def test_blocks_one_by_one(positions, block):
    tokens = [range(start, min(start + block, positions)) for start in range(0, positions, block)]
    visible = sum(k <= q for own in tokens for q in own for k in own)
    assert blocks(positions, work("block_pair", block), "causal") == visible
    assert blocks(positions, work("block_pair", block), "full") == sum(block**2 for _ in tokens)
    assert blocks(positions, work("block_pair", block, padded=False), "full") == sum(len(own) ** 2 for own in tokens)
    assert blocks(positions, work("block_token", block), "full") == sum(block for _ in tokens)
    assert blocks(positions, work("block_token", block, padded=False), "full") == positions
    assert blocks(positions, work("block_token", block), "causal") == positions
    edges = range(len(tokens) + 1)  # of the blocks, and where the sequence begins
    assert blocks(positions, work("block_square", block), "full") == len(edges) ** 2
    assert blocks(positions, work("block_square", block), "causal") == sum(i <= j for i in edges for j in edges)


def node(**fields):
    part, context = parse_component(fields), Context(8)
    return Node("", tuple(part.tensors(context)), part=part, context=context)


@pytest.mark.parametrize(("fields", "load", "forward"), [
    # three channels' worth in, one out, and a kernel of 3 over each channel: at every position
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 5, convention="causal"), 2 * 2 * 5 * (4 * 64 + 8 * 3)),
    # both ends padded by two: two positions more for the kernel
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 5), 2 * 2 * (5 * 4 * 64 + 7 * 8 * 3)),
    # one column too many in the cache: the position before is computed again
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 1, 9), 2 * 2 * (4 * 64 + 2 * 8 * 3)),
    ({"kind": "short_conv", "conv_kernel": 1}, Workload(2, 5), 2 * 2 * 5 * (4 * 64 + 8)),
    ({"kind": "short_conv", "conv_kernel": 1}, Workload(2, 1, 9), 2 * 2 * (4 * 64 + 8)),
    # nothing new, nothing computed
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 0), 0),
    # once a sequence, whatever its length
    ({"kind": "work", "sizes": [3, 5], "per": "sequence"}, Workload(2, 7), 2 * 2 * 15),
    ({"kind": "work", "sizes": [3, 5], "per": "source"}, Workload(2, 7, source=11), 2 * 2 * 15 * 11),
    ({"kind": "work", "sizes": [3, 5], "per": "token"}, Workload(2, 7, source=11), 2 * 2 * 15 * 7),
    ({"kind": "work", "sizes": [3, 5], "per": "source_pair"}, Workload(2, 7, source=11), 2 * 2 * 15 * 77),
    # logits of the last position only; what a sequence has one of
    ({"kind": "head", "rows": 9}, Workload(2, 7, head="last"), 2 * 2 * 72),
    ({"kind": "head", "rows": 9}, Workload(2, 7), 2 * 2 * 7 * 72),
    ({"kind": "linear", "out_features": 9, "per": "sequence"}, Workload(2, 7), 2 * 2 * 72),
    # of the encoder's output, made before any token is cached
    ({"kind": "linear", "out_features": 9, "per": "source"}, Workload(2, 7, source=11), 2 * 2 * 11 * 72),
    ({"kind": "linear", "out_features": 9, "per": "source"}, Workload(2, 1, 7, source=11), 0),
])
def test_forward(fields, load, forward):
    assert flops(node(**fields), load).forward == forward


@pytest.mark.parametrize(("kind", "fused"), [("rwkv_time_mix", 2 * 3 * 4 * 8)])
def test_scans_count_where_asked(kind, fused):
    tree = node(kind=kind)
    assert flops(tree, Workload(1, 3), fused=True).forward - flops(tree, Workload(1, 3)).forward == fused


LATENT = {"kind": "latent_attention", "num_heads": 2, "kv_lora_rank": 16, "qk_nope_head_dim": 4, "qk_rope_head_dim": 2,
          "v_head_dim": 4}


@pytest.mark.parametrize(("load", "expanded", "width"), [
    # keys and values of every token are made of the latents again, and scores are of 4 + 2 and 4 wide
    (Workload(1, 1, 5), 6, 10),
    # attention to latents as they are kept: 16 + 2 wide, and 16
    (Workload(1, 1, 5, convention="causal"), 1, 34),
    (Workload(1, 1, 5, absorbed=True), 1, 34),
    # a prompt is expanded anyhow
    (Workload(1, 1, 0, absorbed=True), 1, 10),
])
def test_latents_are_attended_to_as_they_are_kept(load, expanded, width):
    rows = 12 * 8 + 18 * 8 + 8 * 8 + expanded * 16 * 16 + (load.past + 1) * 2 * width
    assert flops(node(**LATENT), load).forward == 2 * rows


def test_a_workload_is_one_token_unless_said():
    assert Workload() == Workload(1, 1, 0, 0, "full")
    matrix = {"kind": "linear", "out_features": 9, "bias": False}
    assert flops(node(**matrix), Workload()).forward == 2 * 72


def test_sums_of_one_matrix_and_of_what_has_no_weight():
    own = flops(node(kind="linear", out_features=9), Workload(2, 5))
    assert (own.components, own.pairs, own.expert_formats) == ({"other": 2 * 2 * 5 * 72}, 0, {})
    assert own.formats == {"": 2 * 2 * 5 * 72}
    assert own.backward_components == {"other": 2 * own.forward}
    assert [own.again(how) for how in ("none", "selective", "full")] == [0, 0, own.forward]
    pairs = flops(node(kind="work", sizes=[3, 5], per="token"), Workload(2, 7))
    assert (pairs.pairs, pairs.forward) == (0, 2 * 2 * 15 * 7)
    scores = flops(node(kind="work", sizes=[3, 5], per="pair"), Workload(2, 7))
    assert scores.pairs == scores.forward == 2 * 2 * 15 * 49


def test_experts_by_the_format_of_their_weights():
    experts = {"kind": "moe", "experts": 4, "top_k": 2, "intermediate_size": 16}
    spec = {"vocab_size": 10, "hidden_size": 8, "num_layers": 1, "num_heads": 2, "ffn": experts}
    tree = in_formats(build(ModelSpec.model_validate(spec)), "nf4").tree
    result = flops(tree, Workload(1, 3))
    chosen = 2 * 3 * 2 * 3 * 16 * 8  # of a token: three matrices of two experts
    assert sum(result.expert_formats.values()) == result.components["moe_experts"] == chosen
    assert sum(result.formats.values()) == result.forward
    assert set(result.formats) == {"bnb_nf4", ""}


def test_frozen_weights_take_half_the_backward_pass():
    """The gradient of what goes in, not that of the weight; weights outside of backward take none."""
    tree = node(kind="linear", out_features=9, bias=False)
    for change, times in (({"frozen": True}, 1), ({"detached": True}, 0), ({}, 2)):
        changed = tree.replace(tensors=tuple(tensor._replace(**change) for tensor in tree.tensors))
        result = flops(changed, Workload(1, 5))
        assert result.backward == times * result.forward == times * 2 * 5 * 72


def test_a_part_for_every_fourth_token():
    matrix = node(kind="linear", out_features=9, bias=False)
    assert flops(matrix.replace(every=4), Workload(1, 11)).forward == 2 * (11 // 4) * 72


def test_paths_of_terms_are_those_of_modules():
    inner = node(kind="linear", out_features=9, bias=False).replace(name="inner")
    outer = Node("outer", (), (inner,))
    assert [term.path for term in terms(outer, Workload())] == ["outer.inner"]


def test_windows_of_a_tower_are_squares_of_their_own():
    """Pairs within windows of two dimensions: three of 4 patches and one of 2, whatever the sequence."""
    item = MediaItem(0, 0, (14,), windows=((4, 3), (2, 1)))
    load = Workload(2, 1, media=Media(images=(item,)))
    for chunk, count in ((4, 3 * 4**2 + 2**2), (None, 14**2)):
        scores = Work("scores", (3,), ("one",), "vision", "pair", chunk=chunk)
        tree = Node("tower", part=SimpleNamespace(work=lambda _, it=scores: [it]), context=Context(8),
                    stream="image")
        assert flops(tree, load).forward == 2 * 2 * 3 * count
