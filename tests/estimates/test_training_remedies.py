"""What would make a run fit, against asking for it."""

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.estimates.training_remedies import Run, training_remedies
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.lora import Lora, adapt

SPEC = {"vocab_size": 1000, "hidden_size": 256, "num_layers": 8, "num_heads": 4, "intermediate_size": 1024}
MODEL = build(ModelSpec.model_validate(SPEC))
RUN = Run(Recipe(), Layout(dp=4), Tokens(2, 256, 256), Policy("flash", batch=2))


def needed(run, model=MODEL):
    policy = run.policy._replace(batch=run.load.batch)
    return max(device.total for device in Trainer(model, run.recipe).devices(run.layout, run.load, policy))


def remedies(capacity, run=RUN, model=MODEL):
    return {remedy.option: remedy.needed for remedy in training_remedies(Trainer(model, run.recipe), run, capacity)}


def test_each_option_is_what_asking_for_it_gives():
    by_option = {
        "--zero 3": RUN._replace(layout=RUN.layout._replace(zero=3)),
        "--recompute full": RUN._replace(policy=RUN.policy._replace(recompute="full")),
        "--micro-batch 1": RUN._replace(load=RUN.load._replace(batch=1)),
        "--optimizer adamw_8bit": RUN._replace(recipe=Recipe(optimizer="adamw_8bit")),
        "--loss compiled": RUN._replace(recipe=Recipe(loss="compiled")),
        "--loss fused": RUN._replace(recipe=Recipe(loss="fused")),
    }
    every = remedies(needed(RUN) - 1)
    assert {option: needed(run) for option, run in by_option.items()} == {option: every[option] for option in by_option}
    assert all(size < needed(RUN) for size in every.values())


def test_several_together_where_no_one_is_enough():
    single = remedies(needed(RUN) - 1)
    (option, size), = remedies(min(single.values()) - 1).items()
    assert option.startswith("--loss fused --zero 3")
    assert size < min(single.values())


def test_nothing_where_not_even_all_would():
    assert remedies(1000) == {}


@pytest.mark.parametrize(("run", "model", "absent"), [
    (RUN._replace(layout=Layout()), MODEL, "--zero"),  # one device has nobody to divide with
    (RUN._replace(policy=RUN.policy._replace(recompute="full")), MODEL, "--recompute"),
    (RUN._replace(load=Tokens(1, 256, 256)), MODEL, "--micro-batch"),
    (RUN, adapt(MODEL, Lora(4, ("q_proj",))), "--lora-rank"),
    (RUN._replace(recipe=Recipe(optimizer="sgd")), MODEL, "--optimizer"),
])
def test_options_that_change_nothing_are_not_named(run, model, absent):
    assert not any(absent in option for option in remedies(needed(run, model), run, model))
