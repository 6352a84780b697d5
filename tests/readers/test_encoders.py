"""Encoders: what a class puts on top, what older files ask for, what is refused and where."""

import pytest

from paramcalc.build import build
from paramcalc.errors import PCError, SpecError
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

SMALL = {"hidden_size": 48, "intermediate_size": 88, "num_hidden_layers": 3, "num_attention_heads": 6,
         "vocab_size": 211, "max_position_embeddings": 70}


def read(model_type, architecture="", **more):
    named = {"architectures": [architecture]} if architecture else {}
    return read_config(SMALL | named | {"model_type": model_type} | more).spec


@pytest.mark.parametrize(("more", "key", "says"), [
    ({"model_type": "bert", "num_attention_heads": 5}, ("num_attention_heads",), "does not divide"),
    ({"model_type": "bert", "architectures": ["BertForImages"]}, ("architectures", 0), "not known"),
    ({"model_type": "bert", "position_embedding_type": "sideways"}, ("position_embedding_type",), "unknown value"),
    ({"model_type": "longformer", "attention_window": [4, 5, 6]}, ("attention_window",), "even"),
    ({"model_type": "longformer", "attention_window": [4, 6]}, ("attention_window",), "3 layers"),
    ({"model_type": "convbert", "num_groups": 5}, ("num_groups",), "does not divide"),
    ({"model_type": "squeezebert", "q_groups": 5}, ("q_groups",), "does not divide"),
    ({"model_type": "albert", "num_hidden_groups": 4}, ("num_hidden_groups",), "4 groups for 3 layers"),
    ({"model_type": "reformer", "attn_layers": ["far"]}, ("attn_layers",), "expected local or lsh for each layer"),
    ({"model_type": "reformer", "attn_layers": ["lsh", "local"]}, ("attn_layers",), "2 entries for 3 layers"),
    ({"model_type": "reformer", "axial_pos_embds_dim": [8, 9]}, ("axial_pos_embds_dim",), "add up"),
    ({"model_type": "xlm", "architectures": ["XLMWithLMHeadModel"], "asm": True}, ("asm",), "adaptive"),
    ({"model_type": "modernvbert", "vision_config": {"model_type": "clip"}}, ("vision_config", "model_type"), "clip"),
    ({"model_type": "modernvbert", "vision_config": {"patch_size": 300}}, ("vision_config", "patch_size"), "larger"),
])
def test_what_cannot_be_is_refused_at_its_key(more, key, says):
    with pytest.raises(SpecError) as error:
        read_config(SMALL | more)
    assert error.value.problems[0].path == key
    assert says in error.value.problems[0].message


def test_a_file_without_a_class_is_a_masked_model():
    silent = read("bert")
    assert rows(build(silent).tree) == rows(build(read("bert", "BertForMaskedLM")).tree)
    assert any("masked model of bert" in note for note in silent.notes)


def test_only_what_decodes_is_causal_and_keeps_a_cache():
    def attention(spec):
        return spec.blocks["layer"].parts["attention"]

    assert not attention(read("bert", "BertLMHeadModel")).causal
    assert attention(read("bert", "BertLMHeadModel", is_decoder=True)).causal
    assert "crossattention" not in read("bert", "BertModel", add_cross_attention=True).blocks["layer"].parts
    crossed = read("bert", "BertModel", add_cross_attention=True, is_decoder=True)
    assert crossed.blocks["layer"].parts["crossattention"].cross


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_tables_of_distances_older_releases_build(kind):
    """transformers 4: `nn.Embedding(2 * max_position_embeddings - 1, attention_head_size)` in each self-attention."""
    plain, relative = read("bert", "BertModel"), read("bert", "BertModel", position_embedding_type=kind)
    added = {row.name: (row.shape, row.copies) for row in rows(build(relative).tree)
             if row not in rows(build(plain).tree)}
    assert added == {"encoder.layer.*.attention.self.distance_embedding.weight": ((139, 8), 3)}
    assert any("position_embedding_type" in note for note in relative.notes)


def test_shared_layers_are_held_once_and_visited_for_each_place():
    """ALBERT: 12 layers in one group cost the parameters of one and the work of twelve."""
    one = read("albert", "AlbertModel", num_hidden_layers=1, embedding_size=20)
    twelve = read("albert", "AlbertModel", num_hidden_layers=12, embedding_size=20)
    assert count(build(one).tree) == count(build(twelve).tree)
    assert twelve.blocks["used_12"].parts["attention"].uses == 12


def test_latents_attend_once_a_sequence_and_queries_read_them():
    sizes = {"num_latents": 20, "d_latents": 48, "d_model": 40, "num_blocks": 2, "num_self_attends_per_block": 3,
             "num_self_attention_heads": 4, "num_cross_attention_heads": 4, "max_position_embeddings": 64}
    config = {"model_type": "perceiver", "architectures": ["PerceiverForMaskedLM"], "vocab_size": 99, **sizes}
    tree = build(read_config(config).spec).tree
    counted = flops(tree, Workload(batch=2, seq=64))
    assert counted.forward == 16_977_920  # torch 2.13.0, FlopCounterMode over transformers 5.24.0's class
    for odd, message in (({"qk_channels": 50}, "4 heads do not divide 50"), ({"v_channels": 50}, "v_channels"),
                         ({"architectures": ["PerceiverForMultimodalAutoencoding"]}, "MultimodalAutoencoding")):
        with pytest.raises(PCError, match=message):
            read_config(config | odd)
