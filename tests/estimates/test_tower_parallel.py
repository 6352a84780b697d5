"""Towers under tensor parallelism: what one device holds, counted by hand from tensors and from the layers of runtimes.

A group is `(what devices may divide, what each holds all of)`, in values, from the shapes of the published tensors.
Which groups a runtime divides: column- and row-parallel layers of vLLM 0.33.0 and SGLang 0.5.23, `base_model_tp_plan`
of transformers 5.24.0, modules of TensorRT-LLM's PyTorch models.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

import paramcalc
from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.catalog.runtimes import server
from paramcalc.catalog.towers import tower_rules
from paramcalc.errors import UsageError
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.runtimes import RUNTIMES, Runtime
from paramcalc.measures.parameters import placed
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families.towers.tables import COMPOSITES
from paramcalc.readers.models import load
from paramcalc.spec.media import Media, MediaItem
from paramcalc.transforms.shard import Sharding, shard

VOXTRAL = {"model_type": "voxtral", "architectures": ["VoxtralForConditionalGeneration"], "text_config": {
    "model_type": "llama", "hidden_size": 3072, "num_hidden_layers": 30, "num_attention_heads": 32, "head_dim": 128,
    "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 131072}}


def layers(count, width, inner, *, norm=2, qkv_bias=True, out_bias=True, fc_bias=True, gated=False, extra=0):
    """Attention and feed-forward of as many layers: (divided, whole)."""
    divided = 4 * width**2 + (3 if gated else 2) * width * inner
    divided += (3 * width if qkv_bias else 0) + ((2 if gated else 1) * inner if fc_bias else 0)
    rest = norm * width + (width if out_bias else 0) + (width if fc_bias else 0) + extra
    return count * divided, count * rest


def two(inner, into, out, *, bias=True):
    """Two matrices: columns of the first and rows of the second."""
    return inner * into + out * inner + (inner if bias else 0), out if bias else 0


WHISPER = layers(32, 1280, 5120, norm=4)
CASES = {
    # name: groups; runtime: those it divides
    "llava-1.5-7b": ({
        "layers": layers(24, 1024, 4096, norm=4), "projector": two(4096, 1024, 4096),
        "rest": (0, 1024 + 3 * 14 * 14 * 1024 + 577 * 1024 + 4 * 1024)},  # class, patches, positions, two norms
        {"vllm": {"layers", "projector"}, "sglang": {"layers"}, "transformers": set()}),
    "qwen2.5-vl-7b": ({
        "layers": layers(32, 1280, 3420, gated=True), "merger": two(5120, 5120, 3584),
        "rest": (0, 1280 * 3 * 2 * 14 * 14 + 1280)},
        {"vllm": {"layers", "merger"}, "sglang": {"layers", "merger"}, "tensorrt-llm": {"layers", "merger"},
         "transformers": set()}),
    "gemma-3-4b": ({
        "layers": layers(27, 1152, 4304, norm=4), "positions": (4096 * 1152, 0),
        "rest": (0, 1152 * 3 * 14 * 14 + 1152 + 2 * 1152 + 1152 * 2560 + 1152)},
        {"vllm": {"layers"}, "sglang": {"layers", "positions"}, "tensorrt-llm": {"layers"}, "transformers": set()}),
    "internvl3-8b": ({
        "layers": layers(24, 1024, 4096, norm=4, extra=2 * 1024), "projector": two(3584, 4096, 3584),
        "rest": (0, 1024 + 1024 * 3 * 14 * 14 + 1024 + 1025 * 1024 + 2 * 4096)},
        {"vllm": {"layers"}, "sglang": {"layers"}, "transformers": set()}),
    "mistral-small-3.1-24b": ({
        "layers": layers(24, 1024, 4096, qkv_bias=False, out_bias=False, fc_bias=False, gated=True),
        "projector": two(5120, 1024, 5120, bias=False), "rest": (0, 1024 * 3 * 14 * 14 + 1024 + 4096 * 1024 + 1024)},
        {"vllm": {"layers", "projector"}, "sglang": {"layers"}, "tensorrt-llm": {"layers"}, "transformers": set()}),
    "llama-4-scout": ({
        "attention": (34 * (4 * 1408**2 + 3 * 1408), 34 * 1408),
        "feeding": (34 * (2 * 1408 * 5632 + 5632), 34 * 1408),
        "adapter": two(4096, 5632, 4096, bias=False), "patches": (1408 * 588, 0), "projector": (5120 * 4096, 0),
        "rest": (0, 1408 + 577 * 1408 + 4 * 1408 + 34 * 4 * 1408)},
        {"vllm": {"attention", "feeding", "adapter", "patches", "projector"},
         "sglang": {"attention", "feeding", "adapter", "patches"},
         "transformers": {"attention", "adapter", "patches", "projector"}}),
    "kimi-k2.5": ({
        "layers": layers(27, 1152, 4304, norm=4), "projector": two(4608, 4608, 7168),
        "rest": (0, 1152 * 3 * 14 * 14 + 1152 + 64 * 64 * 1152 + 2 * 1152 + 2 * 1152)},
        {"vllm": {"layers"}, "sglang": {"layers"}, "tensorrt-llm": {"layers", "projector"}, "transformers": set()}),
    "voxtral": ({  # keys have no bias: 32 layers of 1,280 values fewer
        "layers": (WHISPER[0] - 32 * 1280, WHISPER[1]), "projector": two(3072, 5120, 3072, bias=False),
        "rest": (0, 128 * 3 * 1280 + 1280 + 1280 * 3 * 1280 + 1280 + 1500 * 1280 + 2 * 1280)},
        {"vllm": {"layers"}, "sglang": {"layers"}, "transformers": set()}),
}


def spec_of(name):
    return read_config(VOXTRAL).spec if name == "voxtral" else load(name).spec


def of_towers(spec, runtime, **setup):
    """Bytes of towers on the first device: of the model, less those of its text model alone."""
    everything = Prepared(build(spec), Runtime(runtime), Setup(**setup)).stages[0].weights
    return everything - weights_of_text(spec, runtime, **setup)


def weights_of_text(spec, runtime, **setup):
    text = spec.model_copy(update={"towers": {}, "composite": ""})
    setup.pop("tower_parallel", None)
    return Prepared(build(text), Runtime(runtime), Setup(**setup)).stages[0].weights


@pytest.mark.parametrize(("name", "runtime"), [(name, runtime) for name, (_, rules) in CASES.items()
                                               for runtime in rules])
def test_what_a_device_holds(name, runtime):
    groups, rules = CASES[name]
    spec = spec_of(name)
    for tp in (1, 2, 4):
        values = sum(Fraction(divided, tp if group in rules[runtime] else 1) + rest
                     for group, (divided, rest) in groups.items())
        assert of_towers(spec, runtime, tp=tp) == 2 * values, (name, runtime, tp)


@pytest.mark.parametrize("name", ["llava-1.5-7b", "qwen2.5-vl-7b"])
def test_llama_cpp_holds_towers_on_the_first_card(name):
    groups, _ = CASES[name]
    spec = spec_of(name)
    first, second = Prepared(build(spec), Runtime("llama.cpp"), Setup(tp=2)).stages
    text = weights_of_text(spec, "llama.cpp", tp=2)
    assert first.weights - text == 2 * sum(map(sum, groups.values()))
    assert second.weights == text
    assert (first.devices, second.devices) == (1, 1)
    answer = paramcalc.memory(name, runtime="llama.cpp", tp=4)
    assert [part.weights == answer.per_device[0].weights for part in answer.per_device] == [True] + 3 * [False]
    assert answer.weights.bytes == sum(part.weights for part in answer.per_device)
    once = paramcalc.memory(name, runtime="llama.cpp", pp=1)
    assert {line.name: line.layers for line in answer.cache.lines} == {
        line.name: line.layers for line in once.cache.lines}


def test_whole_towers_that_share_out_pictures():
    groups, _ = CASES["qwen2.5-vl-7b"]
    total = 2 * sum(map(sum, groups.values()))
    for runtime in ("vllm", "sglang"):
        assert of_towers(spec_of("qwen2.5-vl-7b"), runtime, tp=4, tower_parallel="data") == total
    scout = CASES["llama-4-scout"][0]
    rest = 2 * (sum(map(sum, scout.values())) - scout["projector"][0] * 3 // 4)  # its projector has no such switch
    assert of_towers(spec_of("llama-4-scout"), "vllm", tp=4, tower_parallel="data") == rest


def test_heads_that_do_not_divide():
    """vLLM holds attention of such an InternViT whole and divides the rest; others refuse."""
    inner, width = 12800, 3200  # 25 heads
    model = Prepared(build(load("internvl3-38b").spec), Runtime("vllm"), Setup(tp=2))
    shapes = {item.name.split("layers.*.")[1]: item.tensor.shape for item in placed(shard(model.tree, model.plan))
              if item.name.startswith("vision_model.encoder.layers")}
    assert shapes["attn.qkv.weight"] == (3 * width, width)
    assert shapes["attn.proj.weight"] == (width, width)
    assert shapes["mlp.fc1.weight"] == (inner // 2, width)
    assert shapes["mlp.fc2.weight"] == (width, inner // 2)
    with pytest.raises(UsageError, match="tp 2 does not divide 25 heads"):
        Prepared(build(load("internvl3-38b").spec), Runtime("sglang"), Setup(tp=2))
    assert Prepared(build(load("internvl3-38b").spec), Runtime("transformers"), Setup(tp=2)).stages


@pytest.mark.parametrize(("runtime", "words"), [
    ("exact", "divided like the text model"), ("vllm", "vision, projector divided"),
    ("sglang", "vision divided; projector replicated on each device"), ("llama.cpp", "on the first device"),
    ("transformers", "vision, projector replicated on each device"),
    ("tensorrt-llm", "assumed to be replicated on each device"),
])
def test_what_is_assumed_is_said(runtime, words):
    answer = paramcalc.memory("llava-1.5-7b", runtime=runtime, tp=2)
    towers = answer.assumptions["towers"]
    assert towers["placement"].startswith(words)
    assert ("source" in towers) == (runtime != "exact")
    assert answer.weights.known == ("estimate" if runtime == "tensorrt-llm" else "exact")
    assert "towers" not in paramcalc.memory("llava-1.5-7b", runtime=runtime).assumptions
    assert "towers" not in paramcalc.memory("llama-3.1-8b", runtime=runtime, tp=2).assumptions


@pytest.mark.parametrize(("name", "settings", "problem"), [
    ("qwen2.5-vl-7b", {"runtime": "vllm"}, "has no effect without --tp above 1"),
    ("qwen2.5-vl-7b", {"tp": 2}, "has no effect without a runtime"),
    ("llama-3.1-8b", {"runtime": "vllm", "tp": 2}, "has no effect without towers"),
    ("llava-1.5-7b", {"runtime": "vllm", "tp": 2}, "vllm does not divide images among replicated towers of llava"),
    ("qwen2.5-vl-7b", {"runtime": "tensorrt-llm", "tp": 2}, "tensorrt-llm has no option"),
    ("qwen2.5-vl-7b", {"runtime": "llama.cpp", "tp": 2}, "keeps towers on the first device"),
])
def test_data_without_effect_is_refused(name, settings, problem):
    with pytest.raises(UsageError, match=problem):
        paramcalc.memory(name, tower_parallel="data", **settings)


def test_the_line_that_starts_a_server_says_it():
    def command(**more):
        answer = paramcalc.fit("qwen2.5-vl-7b", "h100", tp=2, **more)
        return answer.serve

    assert "--mm-encoder-tp-mode data" in command(runtime="vllm", tower_parallel="data")
    assert "--mm-enable-dp-encoder" in command(runtime="sglang", tower_parallel="data")
    assert "encoder" not in command(runtime="vllm")


def test_speed_follows_the_same_rule():
    """A prompt's FLOPs: a divided tower is computed once by all, a whole one on each, or each picture on one."""
    def flops(**more):
        answer = paramcalc.speed("qwen2.5-vl-7b", "h100", runtime="vllm", tp=2, image=["1120x1120"] * 4, **more)
        return answer.speed.filling.flops, answer.assumptions["towers"]["placement"]

    divided, words = flops()
    shared, also = flops(tower_parallel="data")
    assert (words, also) == ("vision divided", "vision replicated on each device, which divide the images")
    assert shared == pytest.approx(divided, rel=0.01)  # four pictures of one size on two devices
    assert _one_picture("data") > 1.2 * _one_picture(None)  # one picture cannot be shared out
    with pytest.raises(UsageError, match="no effect without --tp above 1"):
        paramcalc.speed("qwen2.5-vl-7b", "h100", tower_parallel="data")


def _one_picture(parallel):
    answer = paramcalc.speed("qwen2.5-vl-7b", "h100", runtime="vllm", tp=2, prompt=16, image="1120x1120",
                             tower_parallel=parallel)
    return answer.speed.filling.flops


def test_the_largest_share_of_pictures():
    media = Media((MediaItem(4, 4, (16, 16, 16), 1), MediaItem(4, 4, (64,))))
    assert media.largest_share("image", 1, 2) == 64 + 17  # two of four sequences, the longest first
    assert media.largest_share("image", 2, 2) == 64 + 64 + 17 + 17
    assert media.largest_share("image", 1, 8) == 64


def test_activations_of_shared_pictures():
    def alive(**more):
        return paramcalc.memory("qwen2.5-vl-7b", 64_000, runtime="vllm", tp=2, image=["1960x1960"] * 8,
                                runtime_options=["batched_tokens=512"], **more).per_device[0].activations

    assert alive(tower_parallel="data") < alive()


@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name != "exact"])
def test_rules_are_of_types_that_are_read(runtime):
    rules = tower_rules(runtime)
    strange = set(rules.by_type) - set(COMPOSITES) - {"params", "clip", "siglip", "moondream3", "phi4_multimodal"}
    assert not strange
    can = any(rule.data is not None for rule in rules.by_type.values())
    assert can == bool({"tower_parallel", "tower_parallel data"} & set(server(runtime).options))




def test_what_a_divided_tower_keeps_for_backward():
    """Of 577 positions and 24 layers: queries, keys, values and what attention gives, its logarithms in float32, the
    feed-forward before and after its function and the sigmoid within; of 576 positions the projector's before and
    after its own."""
    model = build(load("llava-1.5-7b").spec)
    media = Media((MediaItem(576, 576, (576,), 1),))

    def of_tower(tp):
        sharded = model._replace(tree=shard(model.tree, Sharding(tp)))
        both, alone = (activations(sharded, Tokens(1, 8, 8, media=each), Policy("flash")) for each in (media, Media()))
        return both.model - alone.model

    divided = 577 * 24 * ((4 * 1024 + 3 * 4096) * 2 + 16 * 4) + 576 * 2 * 4096 * 2
    assert of_tower(1) - of_tower(2) == divided // 2
    assert of_tower(1) - of_tower(4) == divided * 3 // 4


def test_whole_towers_are_a_remedy_where_they_do_not_divide():
    """3,420 channels are not eight equal parts, of which the text model has no fewer."""
    with pytest.raises(UsageError, match="tp 8 does not divide 3,420 feed-forward channels") as caught:
        paramcalc.memory("qwen2.5-vl-3b", runtime="vllm", tp=8)
    assert caught.value.problems[0].hint == (
        "tp 1, 2 or 4 does; or --tower-parallel data, which replicates the towers on each device")
    assert paramcalc.memory("qwen2.5-vl-3b", runtime="vllm", tp=8, tower_parallel="data").weights.known == "exact"
