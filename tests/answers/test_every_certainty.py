"""Every place where a figure says how it is known, with an input that keeps it at its best and inputs that lower it.

`PLACES` lists them: a command line, and for each `known` of its answer what it is at best. A level that is written
anywhere else, or an answer class with levels that no command line here makes, fails.
"""

import json
from typing import NamedTuple

import pytest

from paramcalc.answers.registry import ANSWERS, answer_classes
from paramcalc.cli.main import run
from paramcalc.spec.caveats import LEVELS

MODEL = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 100,
         "max_position_embeddings": 2048, "tie_word_embeddings": False}
LOWERED = {
    "a key that could change a size and is not used": MODEL | {"extra_width": 7},
    "a part that is not counted": MODEL | {"vision_config": {"model_type": "nobody_knows", "hidden_size": 8}},
}
PACKED = MODEL | {"quantization_config": {"quant_method": "nobody_knows", "bits": 4}}
"""What its weights take is not known; everything else is."""


class Place(NamedTuple):
    """A command line, the class of its answer, and what each `known` of it is at best."""

    words: tuple[str, ...]
    answer: str
    best: dict[str, str]


SERVED = {"weights.known": "exact", "cache.known": "exact", "activations.known": "estimate",
          "overhead.known": "estimate", "total.known": "estimate"}
VERDICT = dict.fromkeys(("known.fits", "known.capacity", "known.headroom", "known.max_context", "known.max_batch"),
                        "estimate")
DESIGN = dict.fromkeys((f"known.{name}" for name in (
    "tokens_per_parameter", "compute", "loss", "optimal", "over_trained", "equal_loss", "extra_compute", "inference",
    "repeats")), "estimate")
SPEED = dict.fromkeys((f"known.{name}" for name in (
    "tpot_ms", "ttft_ms", "tokens_per_second", "tokens_per_second_per_user", "tokens_per_second_per_device",
    "usd_per_million_output_tokens", "joules_per_token", "max_concurrency")), "estimate")
CHANGED = dict.fromkeys((f"known.{name}" for name in (
    "total", "active", "buffers", "bytes_bf16", "cache_per_token", "flops_per_token", "components", "tensors")),
    "exact")
PLACES = (
    Place(("count", "MODEL"), "Count", {"parameters.known": "exact"}),
    Place(("estimate", "MODEL"), "Estimate", {
        "parameters.known": "exact", "weights.known": "exact", "cache.known": "exact", "flops.known": "exact",
        "training.known": "estimate"}),
    Place(("memory", "MODEL", "--runtime", "vllm"), "Memory", SERVED),
    Place(("memory", "MODEL", "--runtime", "llama.cpp", "--gpu-layers", "1"), "PlacedMemory", SERVED),
    Place(("fit", "MODEL", "--gpu", "h100"), "Fit", SERVED | VERDICT),
    Place(("fit", "MODEL", "--all"), "FitAll", {"known.fits": "estimate"}),
    Place(("fit", "MODEL", "--gpu", "h100,rtx-4090", "--ram", "64G"), "PlacedFit", SERVED | VERDICT),
    Place(("fit", "MODEL", "--gpu", "h100", "--quant", "all"), "FitFormats", {"known.fits": "estimate"}),
    Place(("flops", "MODEL"), "Flops", dict.fromkeys((f"known.{name}" for name in (
        "forward", "backward", "training_step", "prefill", "decode_token", "per_token", "components")), "exact")
        | {"known.approximation_6nd": "estimate", "known.approximation_palm": "estimate"}),
    Place(("train", "MODEL"), "Train", dict.fromkeys((f"known.{name}" for name in (
        "weights", "gradients", "optimizer", "master_weights", "other_models", "trainable")), "exact")
        | dict.fromkeys((f"known.{name}" for name in (
            "activations", "logits", "communication", "working", "total", "max_device_bytes", "run")), "estimate")),
    Place(("train", "MODEL", "--search", "--gpu", "h100", "--gpus", "2", "--global-batch", "8"), "TrainSearch",
          {"known.layouts": "estimate", "known.trainable": "exact"}),
    Place(("explain", "MODEL"), "Explain", {"known.formulas": "exact"}),
    Place(("explain", "MODEL", "--of", "weights"), "Explain", {"known.formulas": "exact"}),
    Place(("explain", "MODEL", "--of", "cache"), "Explain", {"known.formulas": "exact"}),
    Place(("explain", "MODEL", "--of", "flops"), "Explain", {"known.formulas": "exact"}),
    Place(("explain", "MODEL", "--of", "optimizer"), "Explain", {"known.formulas": "exact"}),
    Place(("explain", "MODEL", "--of", "keys"), "Explain", {"known.keys": "exact"}),
    Place(("explain", "MODEL", "--what-if", "vocab_size=2x"), "Explain", {"known.what_if": "exact"}),
    Place(("speed", "MODEL", "--gpu", "h100"), "SpeedAnswer", SPEED),
    Place(("scaling", "MODEL", "--tokens", "1B"), "Scaling", {"known.parameters": "exact"} | DESIGN),
    Place(("solve", "--like", "MODEL", "--params", "100K", "--top", "1"), "Solve", {"known.candidates": "exact"}),
    Place(("compare", "MODEL"), "Comparison", {"rows.known": "exact"}),
    Place(("sweep", "MODEL", "num_hidden_layers=2,3"), "Sweep", {"rows.known": "exact"}),
    Place(("diff", "MODEL", "MODEL"), "Diff", CHANGED),
)
OF_WEIGHTS = {
    "Estimate": {"weights.known"}, "Memory": {"weights.known", "total.known"},
    "PlacedMemory": {"weights.known", "total.known"}, "Fit": {"weights.known", "total.known", *VERDICT},
    "FitAll": {"known.fits"}, "PlacedFit": {"weights.known", "total.known", *VERDICT},
    "Train": {"known.weights", "known.total", "known.max_device_bytes"}, "TrainSearch": {"known.layouts"},
    "Diff": {"known.bytes_bf16"},
}
"""What the bytes of weights as they are stored are part of; `speed` refuses such a model."""


def ids(place):
    return " ".join(place.words)


def levels(value, path=""):
    """Every level in an answer's JSON, by where it stands; the least of a list's."""
    inside = value.items() if isinstance(value, dict) else [("", item) for item in value]
    for key, item in inside:
        place = f"{path}.{key}".strip(".")
        if isinstance(item, dict | list):
            yield from levels(item, place)
        elif item in LEVELS and "known" in place.split("."):
            yield place, item


def levels_of(tmp_path, capsys, config, words):
    path = tmp_path / "m" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(config))
    assert run([str(path.parent) if word == "MODEL" else word for word in words] + ["--json", "--quiet"]) in (0, 1)
    answer = json.loads(capsys.readouterr().out)
    least = {}
    for place, level in levels(answer):
        least[place] = max(level, least.get(place, "exact"), key=LEVELS.index)
    return least


@pytest.mark.parametrize("place", PLACES, ids=ids)
def test_a_model_that_is_read_whole_keeps_each_figure_at_its_best(place, tmp_path, capsys):
    assert levels_of(tmp_path, capsys, MODEL, place.words) == place.best


TOTALS = ("count", "estimate", "memory", "flops", "train", "explain")


@pytest.mark.parametrize("style", ["table", "markdown", "csv"])
@pytest.mark.parametrize("command", TOTALS)
def test_the_row_of_the_total_says_what_it_is_of(command, style, tmp_path, capsys):
    """On standard output, where `--quiet` and a pipe leave it."""
    path = tmp_path / "config.json"
    tables = {}
    for why, config in {"": MODEL, **LOWERED}.items():
        path.write_text(json.dumps(config))
        assert run([command, str(path), "--quiet", "--format", style]) == 0
        tables[why] = capsys.readouterr().out.replace("\\_", "_")
    unread, uncounted = (tables[why] for why in LOWERED)
    if (command, style) != ("memory", "csv"):
        assert "total of the text part, without vision_config" in uncounted
        assert "total, at least" in unread
    assert "vision_config" in uncounted
    assert "bound" in unread or "at least" in unread
    assert not any(word in tables[""] for word in ("at least", "text part"))


FACES = [place.words for place in PLACES] + [
    ("count", "MODEL", "--by", "layer"), ("count", "MODEL", "--by", "tensor"), ("diff", "MODEL", "GPT2"),
    ("fit", "MODEL", "--gpu", "h100", "--context", "1k,2k"), ("train", "MODEL", "--pp", "2"),
    ("train", "MODEL", "--tokens", "1B", "--gpu", "h100", "--gpus", "2")]
"""What is written for people and for spreadsheets: of every place, and of the other tables that its command has."""


@pytest.mark.parametrize("style", ["table", "markdown", "csv"])
@pytest.mark.parametrize("words", FACES, ids=" ".join)
def test_every_face_says_that_figures_are_a_bound(words, style, tmp_path, capsys):
    """On standard output, where `--quiet` and a pipe leave it."""
    path = tmp_path / "config.json"
    for config in LOWERED.values():
        path.write_text(json.dumps(config))
        places = {"MODEL": str(path), "GPT2": "gpt2"}
        assert run([*(places.get(word, word) for word in words), "--quiet", "--format", style]) in (0, 1)
        table = capsys.readouterr().out.replace("\\_", "_")
        assert "bound" in table or "at least" in table or "text part" in table
        assert style == "csv" or "vision_config" not in config or "vision_config" in table


@pytest.mark.parametrize("words", [
    ("fit", "MODEL", "--gpu", "h100", "--context", "1k,2k"), ("fit", "MODEL", "--all"),
    ("fit", "MODEL", "--gpu", "h100", "--quant", "all")], ids=" ".join)
def test_no_row_says_that_a_lower_bound_fits(words, tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LOWERED["a part that is not counted"]))
    line = [str(path) if word == "MODEL" else word for word in words]
    assert run([*line, "--json"]) == 1
    assert '"fits": true' not in capsys.readouterr().out
    assert run(line) == 1
    assert "  yes" not in capsys.readouterr().out


@pytest.mark.parametrize("why", LOWERED)
@pytest.mark.parametrize("place", PLACES, ids=ids)
def test_no_figure_rests_on_a_bound_without_saying_so(place, why, tmp_path, capsys):
    assert set(levels_of(tmp_path, capsys, LOWERED[why], place.words).values()) == {"bound"}


@pytest.mark.parametrize("place", [place for place in PLACES if place.answer in OF_WEIGHTS], ids=ids)
def test_bytes_of_a_format_nobody_knows_lower_what_they_are_part_of_and_nothing_else(place, tmp_path, capsys):
    lowered = OF_WEIGHTS[place.answer]
    level_at = levels_of(tmp_path, capsys, PACKED, place.words)
    assert {where for where, level in level_at.items() if level in ("bound", "unknown")} == lowered
    assert {where: level for where, level in level_at.items() if where not in lowered} == {
        where: level for where, level in place.best.items() if where not in lowered}


def test_a_format_that_is_asked_for_is_known_whatever_the_config_says_of_its_own(tmp_path, capsys):
    words = ("memory", "MODEL", "--runtime", "vllm", "--quant", "fp8")
    assert levels_of(tmp_path, capsys, PACKED, words) == SERVED
    assert levels_of(tmp_path, capsys, PACKED, ("speed", "MODEL", "--gpu", "h100", "--quant", "fp8")) == SPEED


def test_a_model_that_drafts_lowers_what_is_served_with_it(tmp_path, capsys):
    draft = tmp_path / "draft" / "config.json"
    draft.parent.mkdir()
    words = ("memory", "MODEL", "--runtime", "vllm", "--draft", str(draft.parent))
    draft.write_text(json.dumps(MODEL))
    assert levels_of(tmp_path, capsys, MODEL, words) == SERVED
    draft.write_text(json.dumps(next(iter(LOWERED.values()))))
    assert set(levels_of(tmp_path, capsys, MODEL, words).values()) == {"bound"}
    words = ("speed", *words[1:], "--gpu", "h100", "--draft-tokens", "2", "--acceptance", "1.5")
    assert set(levels_of(tmp_path, capsys, MODEL, words).values()) == {"bound"}


def test_every_answer_with_levels_is_listed():
    listed = {place.answer for place in PLACES}
    for command in ANSWERS:
        for answer in answer_classes(command):
            has = '"enum": ["exact", "estimate", "bound", "unknown"]' in json.dumps(answer.schema())
            assert has == (answer.__name__ in listed), answer
