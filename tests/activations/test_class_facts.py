"""The rows of classes: fields that exist, values they can have; and what a specification says beside them."""

from typing import get_args, get_origin, get_type_hints

import pytest

from paramcalc.activations.class_facts import SWITCHES, ClassFacts, class_facts
from paramcalc.activations.class_rows import MEASURED, ROWS, TOWER_ROWS
from paramcalc.catalog.same_types import SAME
from paramcalc.readers.config.defaults import model_types
from paramcalc.spec.model import ModelSpec, Switch

HINTS = get_type_hints(ClassFacts)
SHORT = {"vocab_size": 64, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "intermediate_size": 64}


def possible(value, hint):
    if get_origin(hint) is None:
        return isinstance(value, hint)
    return any(value == choice and type(value) is type(choice) for choice in choices(hint))


def choices(hint):
    return [inner for arg in get_args(hint) for inner in (get_args(arg) or (arg,))]


@pytest.mark.parametrize("family", ROWS)
def test_rows_hold_what_fields_can_be(family):
    assert all(possible(value, HINTS[field]) for field, value in ROWS[family].items())


def test_rows_are_of_types_the_library_has():
    assert {*ROWS, *MEASURED} <= {*model_types()}


def test_a_type_that_repeats_another_computes_as_it_does():
    assert facts(family="stablelm_epoch") == facts(family="stablelm") != facts(family="llama")
    assert not {*ROWS, *TOWER_ROWS} & {*SAME}


def facts(**fields):
    return class_facts(ModelSpec.model_validate(SHORT | fields))


def test_without_a_family_everything_is_as_in_llama():
    assert facts() == class_facts(ModelSpec.model_validate(SHORT | {"family": "nobody"}))
    assert facts() == ClassFacts()


def test_what_the_specification_says_stands_beside_the_row():
    bert = facts(family="bert", objective="masked", dropout={"attention": 0.1, "final": 0.2}, activation="gelu_new")
    assert (bert.softmax, bert.loss, bert.activation) == ("model", "model", "gelu_new")
    assert (bert.attention_dropout, bert.hidden_dropout, bert.final_dropout) == (0.1, 0.0, 0.2)


def test_a_class_with_an_activation_of_its_own_has_it_unless_another_is_told_apart():
    words = {"gelu": "gelu_new", "": "gelu_new", "relu": "relu", "silu": "gelu_new"}
    for word, function in words.items():
        assert facts(family="openai-gpt", activation=word).activation == function


@pytest.mark.parametrize(("family", "switch", "field", "off"), [
    ("llama4_text", "use_qk_norm", "qk_l2_norm", "none"),
    ("llama4_text", "attn_temperature_tuning", "temperature", "none"),
    ("bailing_hybrid", "kda_safe_gate", "bounded_decay", False), ("mamba", "residual_in_fp32", "float_stream", False)])
def test_switches(family, switch, field, off):
    assert getattr(facts(family=family), field) != off
    assert getattr(facts(family=family, switched_off=[switch]), field) == off
    assert {*SWITCHES} == {*get_args(Switch)}


def test_routers():
    assert facts(family="qwen3_moe", routing={"norm_topk_prob": True}).router == "normalized"
    assert facts(family="mixtral", routing={"norm_topk_prob": False}).router == "normalized"  # whatever is said
    sigmoid = facts(routing={"scoring_func": "sigmoid"})
    assert (sigmoid.router, sigmoid.router_weights) == ("sigmoid", "float")
    groups = {"n_group": 8, "topk_group": 4}
    assert facts(family="deepseek_v3", routing=groups).router_groups == 8
    assert facts(family="qwen3_moe", routing=groups).router_groups == 0  # its class knows none


def test_falcon_drops_once_where_attention_and_feed_forward_stand_side_by_side():
    assert facts(family="falcon").attention_residual_dropout
    assert not facts(family="falcon", norm_placement="parallel").attention_residual_dropout
