"""Weights, gradients, optimizer and master weights against the tables and formulas of ZeRO and Megatron."""

from pathlib import Path

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.catalog.training import communicators
from paramcalc.errors import UsageError
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.estimates.training_parts import PARTS
from paramcalc.readers.models import load
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.lora import Lora, adapt
from tests.yaml_files import read_yaml

ZERO = read_yaml(Path(__file__).parent.parent / "data/evidence/zero_table1.yaml")
TABLE = ZERO["cells"]
CELLS = [(cell["parameters"], cell["dp"], stage + 1, printed) for cell in TABLE
         for stage, printed in enumerate(cell["stages"])]
SMALL = {"vocab_size": 512, "hidden_size": 64, "num_layers": 8, "num_heads": 8, "num_kv_heads": 4,
         "intermediate_size": 128}
LOAD, POLICY = Tokens(1, 16, 16), Policy("eager")


def of_size(parameters):
    """A model of one vector."""
    part = {"kind": "parameter", "shape": [10**5, parameters // 10**5]}
    return build(ModelSpec.model_validate({"hidden_size": 1, "modules": {"w": part}}))


def states(model, recipe, layout, stage=0):
    return sum(Trainer(model, recipe).divided(layout, stage))


@pytest.mark.parametrize(("parameters", "dp", "zero", "printed"), CELLS)
def test_zero_table_1(parameters, dp, zero, printed):
    state_bytes = states(of_size(parameters), Recipe(), Layout(dp=dp, zero=zero)) / 1e9
    digit = 10.0 ** -len(str(printed).partition(".")[2])
    assert state_bytes == pytest.approx(printed, abs=digit)


def test_every_cell_of_the_table_is_there():
    assert {(parameters, dp, zero) for parameters, dp, zero, _ in CELLS} == {
        (parameters, dp, zero) for parameters in (75 * 10**8, 128 * 10**9, 10**12) for dp in (1, 4, 16, 64, 256, 1024)
        for zero in (1, 2, 3)}


@pytest.mark.parametrize("row", ZERO["largest"], ids=lambda row: f"tp{row['tp']}")
def test_zero_table_2(row):
    """The largest models fill 32 GB, to the printed digit of their size."""
    for zero, billions in enumerate(row["billions"]):
        share = of_size(int(billions * 1000) * 10**6 // row["tp"])
        state_bytes = states(share, Recipe(), Layout(dp=row["devices"] // row["tp"], zero=zero))
        assert state_bytes == pytest.approx(32e9, rel=0.05 / 7.6)


@pytest.mark.parametrize(("recipe", "alone", "shared"), [
    (Recipe(grad_dtype="fp32"), 18, (6, 12)), (Recipe("fp16"), 16, (4, 12)), (Recipe("fp32"), 16, (8, 8))])
@pytest.mark.parametrize("dp", [2, 8, 252])
def test_megatron_bytes_a_parameter(recipe, alone, shared, dp):
    """NVIDIA/Megatron-LM docs/user-guide/features/dist_optimizer.md: 18, or 6 + 12/d with the distributed optimizer."""
    model, size = of_size(252 * 10**6), 252 * 10**6
    assert states(model, recipe, Layout(dp=dp)) == alone * size
    assert states(model, recipe, Layout(dp=dp, zero=1)) == shared[0] * size + shared[1] * size // dp


def test_a_step_of_one_micro_batch_has_no_gradients_while_activations_are_at_their_most():
    """torch makes them in backward: held to torchtitan's and torchtune's peaks in `tests/evidence/training.py`."""
    trainer = Trainer(build(ModelSpec.model_validate(SMALL)), Recipe())

    def device(seq, **more):
        policy = POLICY._replace(**more)
        return [trainer.device(Layout(micro_batches=count), 0, Tokens(1, seq, seq), policy) for count in (1, 2)]

    for seq, less in ((512, lambda one: one.gradients), (1, lambda one: one.activations + one.logits + one.working)):
        one, two = device(seq)
        assert two.total - one.total == less(two) > 0
    one, two = device(512, library="megatron")  # whose buffers of gradients are there from the start
    assert one.total == two.total


@pytest.mark.parametrize(("billions", "ways", "printed"), [
    (1.7138, 252, 9884.48), (1.2359, 8, 8839.72), (0.6302, 2, 7211.88), (0.0916, 2, 1048.55)])
def test_theory_lines_of_megatron(billions, ways, printed):
    """"Theoretical memory footprints" of public Megatron-LM logs, in MiB, to the digits of the printed shard."""
    parameters = round(billions * 10**4) * 10**5
    state_bytes = states(of_size(parameters), Recipe(grad_dtype="fp32"), Layout(dp=ways, zero=1))
    assert state_bytes / 2**20 == pytest.approx(printed, rel=0.5e-4 / billions)


@pytest.mark.parametrize(("preset", "layout", "printed"), [
    ("qwen3-4b", Layout(), 69053.29), ("llama-3.2-1b", Layout(dp=8, zero=1), 8839.72)])
def test_theory_lines_of_models_we_know(preset, layout, printed):
    """The log's theory leaves norms of queries and keys out and adds others: a ten thousandth."""
    state_bytes = states(build(load(preset).spec), Recipe(grad_dtype="fp32"), layout)
    assert state_bytes / 2**20 == pytest.approx(printed, rel=1e-4)


def test_stages_hold_their_layers_the_first_the_table_and_the_last_the_head():
    trainer = Trainer(build(ModelSpec.model_validate(SMALL)), Recipe())
    devices = trainer.devices(Layout(pp=4, micro_batches=8), LOAD, POLICY)
    layer = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128 + 2 * 64
    assert [device.weights for device in devices] == [
        2 * (2 * layer + 512 * 64), 4 * layer, 4 * layer, 2 * (2 * layer + 512 * 64 + 64)]
    assert [device.logits > 0 for device in devices] == [False, False, False, True]


@pytest.mark.parametrize(("layout", "expected"), [
    (Layout(pp=4), [4, 3, 2, 1]), (Layout(pp=4, micro_batches=2), [2, 2, 2, 1]), (Layout(), [1])])
def test_1f1b_keeps_one_micro_batch_for_each_stage_to_come(layout, expected):
    assert [layout.in_flight(stage) for stage in range(layout.pp)] == expected


def test_interleaving_keeps_more_on_the_first_stage():
    """arXiv:2205.05198 section 4.2.3: 1 + (p - 1)/(p·m) times what one pipeline's depth of micro-batches keeps."""
    layout = Layout(pp=8, interleave=2)
    assert layout.in_flight(0) == 8 * (1 + 7 / 16)


def test_other_schedules_keep_as_much_on_every_stage():
    """arXiv:2412.19437, table 2: PP micro-batches of ZB1P, PP + 1 of the two stages a device of DualPipe holds."""
    assert [Layout(pp=4, schedule="zb1p").in_flight(stage) for stage in range(4)] == [4] * 4
    assert [2 * Layout(pp=4, schedule="dualpipe").in_flight(stage) for stage in range(4)] == [5] * 4


def test_two_directions_hold_each_stage_twice():
    trainer = Trainer(build(ModelSpec.model_validate(SMALL)), Recipe())
    plain = trainer.devices(Layout(pp=4, dp=2, zero=1), LOAD, POLICY)
    dual = trainer.devices(Layout(pp=4, dp=2, zero=1, schedule="dualpipe"), LOAD, POLICY)
    for one, other, mirror in zip(dual, plain, reversed(plain), strict=True):
        assert one.weights == other.weights + mirror.weights
        assert one.gradients == other.gradients + mirror.gradients
        assert one.optimizer == pytest.approx((other.optimizer + mirror.optimizer) / 2, abs=64)
        assert one.logits == other.logits + mirror.logits
    assert sum(one.activations for one in dual) == pytest.approx(
        5 * sum(trainer.saved(Layout(pp=4).plan, stage, LOAD, POLICY)[0] for stage in range(4)), rel=0.01)


@pytest.mark.parametrize(("layout", "message"), [
    (Layout(schedule="zb1p"), "--schedule zb1p needs --pp"),
    (Layout(pp=4, interleave=2, schedule="zb1p"), "--schedule zb1p has no chunks"),
    (Layout(pp=3, schedule="dualpipe"), "needs an even number of stages, not 3"),
    (Layout(pp=4, schedule="dualpipe", micro_batches=6), "at least two for each of 4 stages, not 6"),
    (Layout(pp=4, schedule="dualpipe", micro_batches=9), "needs an even number of micro-batches"),
    (Layout(pp=4, dp=2, zero=2, schedule="dualpipe"), "with gradients divided is not known")])
def test_what_a_schedule_does_not_go_with_is_refused(layout, message):
    with pytest.raises(UsageError, match=message):
        Trainer(build(ModelSpec.model_validate(SMALL)), Recipe()).devices(layout, LOAD, POLICY)


def test_what_does_not_go_together_is_refused_with_what_would():
    trainer = Trainer(build(ModelSpec.model_validate(SMALL)), Recipe())
    with pytest.raises(UsageError, match="ep 3 does not divide dp × cp × tp = 4"):
        trainer.devices(Layout(dp=4, ep=3), LOAD, POLICY)
    with pytest.raises(UsageError, match="3 shards do not divide dp × cp = 4"):
        trainer.devices(Layout(dp=4, shards=3), LOAD, POLICY)
    with pytest.raises(UsageError, match="interleaving needs --pp"):
        trainer.devices(Layout(interleave=2), LOAD, POLICY)
    with pytest.raises(UsageError, match="16"):
        trainer.devices(Layout(tp=16), LOAD, POLICY)


def test_hybrid_shards_divide_less():
    model = of_size(64 * 10**6)
    hybrid, full = Layout(dp=64, zero=3, shards=8), Layout(dp=64, zero=3)
    assert states(model, Recipe(), hybrid) == 8 * states(model, Recipe(), full)


LAYER = 4 * 64 * 64 + 3 * 64 * 128 + 2 * 64
TABLE = 64 * 1000


def small_trainer(**fields):
    """A model of three layers and two tables, and a trainer that keeps weights in float32 and multiplies in bf16."""
    spec = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 3, "num_heads": 4, "intermediate_size": 128}
    recipe = Recipe("fp32", compute_dtype="bf16", grad_dtype="fp32")
    trainer = Trainer(build(ModelSpec.model_validate(spec)), recipe)
    layout = Layout(**{"dp": 2, "zero": 3, "micro_batches": 1} | fields)
    return [{moment.moment: moment for moment in trainer.moments(layout, stage, Tokens(1, 16, 16),
                                                                 Policy("flash", "full", dtype="bf16"))}
            for stage in range(layout.pp)]


def test_weights_are_gathered_by_layers_and_tables():
    """A group for each layer and one for the rest, which stays whole: gathers and reductions of torch 2.13's
    `fully_shard` over two processes are of just these sizes and types."""
    (moments,) = small_trainer()
    rest = 2 * TABLE + 64
    start, again, end = (moments[name] for name in ("backward starts", "a layer is recomputed", "backward ends"))
    assert start.communication == 2 * (rest + LAYER)
    assert again.communication == 2 * (rest + 2 * LAYER)  # one is on its way
    assert end.communication == 2 * rest
    assert end.working == (2 + 4) * rest  # gradients and their copy in float32, not divided yet
    assert end.gradients == 4 * (rest + 3 * LAYER) // 2


def test_pools_of_gathers_and_reductions_serve_nothing_else():
    """What a pool has room for and does not hold is idle: buffers of two groups, and a step's divided gradients."""
    (moments,) = small_trainer()
    rest, buffers = 2 * TABLE + 64, 2 * (2 * TABLE + 64 + LAYER)
    gradients = 4 * (rest + 3 * LAYER) // 2
    assert moments["backward starts"].idle == buffers + gradients
    assert moments["a layer is recomputed"].idle == buffers - 2 * LAYER + gradients
    assert moments["backward ends"].idle == buffers
    assert all(moment.idle == 0 for moment in small_trainer(zero=1)[0].values())


def test_a_loss_keeps_logits_as_it_is_taken():
    """In values of the logits' size: three in float32 and one in bf16, one more where the vocabulary is divided; two
    in bf16 where it is compiled (peaks of torch 2.13: 3 float32 and 2 bf16)."""
    model, size = build(load("llama-3.2-1b").spec), 4096 * 128_256
    tokens, policy = Tokens(1, 4096, 4096), Policy("flash", dtype="bf16")

    def beside(loss, tp=1, **more):
        layout, trainer = Layout(tp=tp, sequence=False), Trainer(model, Recipe(loss=loss))
        start = trainer.moments(layout, 0, tokens, policy._replace(**more))[0]
        return (start.logits + start.working) / (size // tp)

    assert beside("plain") == pytest.approx(4 * 3 + 2, rel=1e-4)
    assert beside("plain", tp=2) == pytest.approx(4 * 4 + 2, rel=1e-4)
    assert beside("compiled") == pytest.approx(2 + 2, rel=1e-4)
    assert beside("fused") == 0
    assert beside("plain", library="megatron") == pytest.approx(4 + 2, rel=1e-4)
    assert beside("compiled", library="megatron") == pytest.approx(4 + 2 + 4, rel=1e-4)


@pytest.mark.parametrize(("layout", "mebibytes"), [
    (Layout(dp=2), 544), (Layout(dp=8), 688), (Layout(tp=2, pp=2, dp=2), 688 + 3 * 544)])
def test_communicators_of_each_kind_of_group(layout, mebibytes):
    """544 MiB for two devices, 688 for more: NVIDIA/nccl#964."""
    assert layout.communicators("transformers") - communicators().context == mebibytes * 2**20


def test_of_one_device_only_what_torch_allocates_is_counted():
    assert Layout().communicators("transformers") == 0


def test_megatron_makes_a_group_of_all_devices_beside_the_others():
    dp = Layout(dp=8)
    assert dp.communicators("megatron") - dp.communicators("transformers") == 688 * 2**20


def test_the_first_all_to_all_of_eight_devices():
    """3.28 GB more on eight H100: NVIDIA/nccl#1685; other nodes get no more."""
    with_experts, without, nodes = (layout.communicators("transformers") for layout in (
        Layout(dp=8, ep=8), Layout(dp=8), Layout(dp=64, ep=64)))
    assert with_experts - without - 688 * 2**20 == pytest.approx(3.28e9, rel=1e-6)
    assert nodes == with_experts


def test_under_a_pipeline_weights_and_gradients_stay_whole_between_micro_batches():
    stages = small_trainer(pp=3, micro_batches=4)
    middle, buffers = stages[1]["backward starts"], 2 * 4 * 16 * 64 * 2
    assert middle.communication == 2 * LAYER + buffers
    assert middle.working == 4 * LAYER
    assert stages[0]["backward starts"].communication == 2 * (LAYER + TABLE) + buffers // 2
    once = small_trainer(pp=3, micro_batches=1)
    assert once[1]["backward starts"].working == 0
    assert once[1]["backward ends"].working == 0  # the largest table of the stage has none


def test_copies_in_the_type_of_products_where_nothing_is_gathered():
    (moments,) = small_trainer(zero=1)
    assert {moment.communication for moment in moments.values()} == {2 * (2 * TABLE + 3 * LAYER + 64)}


def test_products_are_not_wider_than_weights():
    with pytest.raises(UsageError, match="wider"):
        Trainer(build(ModelSpec.model_validate(SMALL)), Recipe("bf16", compute_dtype="fp32"))


def test_the_total_is_the_sum_of_the_parts_at_the_fullest_moment():
    (moments,) = small_trainer()
    device = max(moments.values(), key=lambda moment: moment.total)
    assert device.total == sum(getattr(device, part) for part in PARTS)


def others(method, model=None):
    model = model or build(ModelSpec.model_validate(SMALL))
    (device,) = Trainer(model, Recipe(method=method)).devices(Layout(), Tokens(1, 16, 16), POLICY)
    return device


def test_models_beside_the_trained_one():
    alone = others("sft")
    states = alone.weights + 2 * (alone.weights // 2) + alone.optimizer + alone.master_weights
    assert alone.other_models == 0
    assert others("dpo").other_models == others("grpo").other_models == alone.weights  # the reference
    assert others("ppo").other_models == 2 * alone.weights + states  # and a reward model, and a critic with gradients
    assert others("dpo").total - alone.total == alone.weights


def test_the_reference_of_adapters_is_what_they_stand_beside():
    model = adapt(build(ModelSpec.model_validate(SMALL)), Lora(4, ("q_proj",)))
    assert others("dpo", model).other_models == 0
    assert others("ppo", model).other_models > 0


def test_several_devices_reserve_more_than_is_allocated():
    """By the share of the catalog, or by the pools of what is fully sharded; one device gets nothing."""
    trainer = Trainer(build(load("llama-3.2-1b").spec), Recipe())
    tokens, policy = Tokens(1, 4096, 4096), Policy("flash")

    def both(layout):
        fullest = max(trainer.moments(layout, 0, tokens, policy), key=lambda moment: moment.total + moment.idle)
        return trainer.device(layout, 0, tokens, policy).total - layout.communicators("transformers"), fullest

    reserved, fullest = both(Layout())
    assert reserved == fullest.total
    reserved, fullest = both(Layout(dp=8, zero=1))
    assert reserved == pytest.approx(1.08 * fullest.total)
    reserved, fullest = both(Layout(dp=8, zero=3))
    assert reserved == fullest.total + fullest.idle > fullest.total


def test_tensor_parallelism_gathers_what_sequence_parallelism_divides():
    trainer = Trainer(build(load("llama-3.2-1b").spec), Recipe())
    tokens, policy = Tokens(2, 4096, 4096), Policy("flash", batch=2)
    divided, small_trainer = (trainer.moments(Layout(tp=4, sequence=sequence), 0, tokens, policy)[0]
                      for sequence in (True, False))
    assert divided.working - small_trainer.working == pytest.approx(2 * (2 * 4096 * 2048 * 2) * 3 // 4, rel=0.01)


def moments_of(**recipe):
    """The moments of a small model whose layers are computed again, one micro-batch of 16 tokens."""
    trainer = Trainer(build(ModelSpec.model_validate(SMALL)), Recipe(**recipe))
    return {moment.moment: moment for moment in trainer.moments(
        Layout(micro_batches=1), 0, Tokens(1, 16, 16), Policy("flash", "full", dtype="bf16"))}


def test_products_in_fp8_hold_copies_while_a_layer_is_computed_again():
    """torchao casts the input, the weights and the gradient of the output of a product, and keeps them in 16 bits."""
    plain, narrow = moments_of(), moments_of(compute_dtype="fp8")
    rows, columns = 128, 64
    for name, moment in plain.items():
        more = 16 * (rows + columns) + rows * columns if name == "a layer is recomputed" else 0
        assert narrow[name].total == moment.total + more


@pytest.mark.parametrize("recipe", [{"dtype": "fp8"}, {"dtype": "int8"}, {"compute_dtype": "nf4"}])
def test_weights_that_are_trained_have_16_bits(recipe):
    with pytest.raises(UsageError, match="16 bits"):
        Trainer(build(ModelSpec.model_validate(SMALL)), Recipe(**recipe))
