"""Nested configs are accounted for as the config around them is: unknown keys, and sizes from the class's defaults."""

import copy
import json
from pathlib import Path

import pytest

from paramcalc.errors import SpecError
from paramcalc.measures.certainty import size_certainty
from paramcalc.readers.config.read import read_config

TOWERS = Path(__file__).parent.parent / "data" / "towers"
UNSIZED = {"idefics": ("perceiver_config",),
           "nemo_speechlm": ("audio_config", "diarization_config", "streaming_config")}
"""Nested configs that no size is read from, as these files have them: no resampler, how sound is cut in pieces."""
NO_CONFIGS = ("quantization_config", "per_layer_config")
"""Words a weight's format is said in, and layers by their number, of which an unknown word is refused."""
LLAVA = {
    "model_type": "llava",
    "text_config": {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                    "intermediate_size": 96, "vocab_size": 100},
    "vision_config": {"model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 48, "image_size": 28,
                      "patch_size": 14, "num_attention_heads": 4, "num_hidden_layers": 2, "num_channels": 3},
}  # fmt: skip


def nested(data, path=()):
    for key, value in data.items():
        if isinstance(value, dict) and key.endswith("_config") and value and key not in NO_CONFIGS:
            yield (*path, key)
            yield from nested(value, (*path, key))


def records():
    for file in sorted(TOWERS.glob("*.jsonl")):
        config = json.loads(file.read_text(encoding="utf-8").partition("\n")[0])["config"]
        for path in nested(config):
            if path != UNSIZED.get(config["model_type"]):
                yield pytest.param(config, path, id=f"{file.stem}-{'.'.join(path)}")


def changed(config, path, **update):
    config = inner = copy.deepcopy(config)
    for key in path:
        inner = inner[key]
    inner.update(update)
    return config


@pytest.mark.parametrize(("config", "path"), [*records()])
def test_a_key_nobody_reads_makes_a_bound_wherever_it_stands(config, path):
    before, after = read_config(config), read_config(changed(config, path, extra_adapter_dim=99))
    assert size_certainty(after.spec) == "bound"
    assert {problem.path for problem in after.unknown} - {problem.path for problem in before.unknown} == {
        (*path, "extra_adapter_dim")}


@pytest.mark.parametrize("update", [
    {"extra_adapter_dim": None}, {"extra_adapter_dim": 0}, {"some_probability": 0.3}, {"vocab_size": 32000},
])  # fmt: skip
def test_a_key_that_changes_no_size_keeps_it_exact(update):
    assert size_certainty(read_config(changed(LLAVA, ("vision_config",), **update)).spec) == "exact"


def test_sizes_of_towers_from_their_class_are_listed():
    config = copy.deepcopy(LLAVA)
    del config["vision_config"]["num_hidden_layers"], config["vision_config"]["num_channels"]
    assert read_config(LLAVA).spec.defaults == {}
    assert read_config(config).spec.defaults == {"vision_config.num_hidden_layers": 12, "vision_config.num_channels": 3}
    del config["vision_config"]
    assert read_config(config).spec.defaults.items() >= {"vision_config.num_hidden_layers": 24,
                                                         "vision_config.image_size": 336}.items()


def test_a_default_of_a_tower_beside_a_key_that_looks_like_it_is_refused():
    config = changed(LLAVA, ("vision_config",), n_layers=7)
    del config["vision_config"]["num_hidden_layers"]
    with pytest.raises(SpecError, match="looks like num_hidden_layers") as caught:
        read_config(config)
    assert caught.value.problems[0].path == ("vision_config", "n_layers")


def test_what_joins_a_strange_tower_is_counted_only_with_the_width_the_file_says():
    strange = LLAVA | {"vision_config": {"model_type": "somebodys_vision"}}
    spec = read_config(strange).spec
    assert spec.towers == {}
    assert spec.uncounted[0] == "vision_config (somebodys_vision)"
    assert spec.uncounted[1].startswith("what joins vision_config")
    wide = read_config(changed(strange, ("vision_config",), hidden_size=40)).spec
    assert wide.uncounted == ("vision_config (somebodys_vision)",)
    assert wide.towers["projector"].hidden_size == 40


def test_kimi_reads_the_sizes_its_files_name_their_own_way():
    sizes = {"vt_hidden_size": 64, "vt_num_hidden_layers": 3, "vt_num_attention_heads": 4, "vt_intermediate_size": 96,
             "init_pos_emb_height": 8, "init_pos_emb_width": 8, "mm_hidden_size": 64, "text_hidden_size": 64}
    text = {"model_type": "deepseek_v3", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    spec = read_config({"model_type": "kimi_k25", "text_config": text, "vision_config": sizes}).spec
    assert spec.towers["vision"].hidden_size == 64
    assert not [key for key in spec.defaults if key.startswith("vision_config.") and "patch" not in key]
    assert spec.unread == ()
