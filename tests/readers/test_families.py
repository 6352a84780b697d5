"""The registry of families: an index true to the files, what is known of each type, lookups that load no other."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from paramcalc.activations.class_rows import MEASURED, MEASURED_TOWERS, ROWS, TOWER_ROWS
from paramcalc.answers.listing import listing
from paramcalc.build import build
from paramcalc.catalog.gguf_architectures import gguf_architectures
from paramcalc.catalog.same_types import SAME
from paramcalc.errors import PCError
from paramcalc.measures.cache import mixers
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.readers import families
from paramcalc.readers.config import type_facts
from paramcalc.readers.config.defaults import holders, model_types
from paramcalc.readers.config.neutral import NEUTRAL_IN, REPEATS
from paramcalc.readers.config.published import DRAFT_CLASSES, SPECULATORS, model_type_of
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import composites, counted_types, family_of
from paramcalc.readers.families.towers.tables import TOWERS

ROOMS = Path(families.__file__).parent
DATA = Path(__file__).parent.parent / "data"
TYPES = sorted({*counted_types(), *composites()})
MODULES = sorted(".".join(path.relative_to(ROOMS).with_suffix("").parts) for room in ROOMS.iterdir() if room.is_dir()
                 for path in room.glob("*.py") if "\nROWS" in path.read_text("utf-8"))


def test_every_file_with_rows_is_in_the_index():
    assert sorted(families.MEMBERS) == [name for name in MODULES if not name.startswith("towers.")]


@pytest.mark.parametrize("module", families.MEMBERS)
def test_the_index_lists_the_rows_of_a_file(module):
    assert sorted(families.MEMBERS[module].split()) == sorted(import_module(f"{families.__name__}.{module}").ROWS)


def test_a_model_type_has_one_home():
    members = " ".join(families.MEMBERS.values()).split()
    assert len(members) == len(set(members))


def test_a_lookup_loads_no_other_family():
    code = ("import sys; from paramcalc.readers.families import family_of; family_of('llama').builder; "
            "print(*(name for name in sys.modules if '.decoders.' in name or '.encoders.' in name))")
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name.rpartition(".")[2] for name in imported} == {"llama", "shared"}


@pytest.mark.parametrize("model_type", TYPES)
def test_every_type_has_a_row_and_a_class(model_type):
    family = family_of(model_type)
    assert callable(family.composite_builder if family.row is None else family.builder)
    if model_type in {*DRAFT_CLASSES.values(), *SPECULATORS.values()}:
        assert family.data is None  # its class is told by name, its keys are those of the model it drafts for
        return
    assert family.source
    assert family.data.classes or holders(model_type) or model_type in TOWERS or family.library_type in TOWERS


def model_types_in(value):
    """Every model type said or told anywhere in a record."""
    if isinstance(value, dict):
        yield model_type_of(value)
        for inner in value.values():
            yield from model_types_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from model_types_in(inner)


def test_every_type_has_a_record_or_a_written_reason():
    """A record of the class, or a published total; a type whose source alone is known says so in each answer."""
    recorded = {kind for path in DATA.rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()
                for kind in model_types_in(json.loads(line))}
    silent = {name for name in TYPES if not {name, family_of(name).library_type} & recorded
              and not (family_of(name).data and family_of(name).data.unverified)}
    assert silent == set(UNRECORDED)


UNRECORDED = {
    **dict.fromkeys((*DRAFT_CLASSES.values(), *SPECULATORS.values()),
                    "drafts are held to their classes and to what published files hold (test_draft_models.py)"),
    "molmo_text": "the text model of molmo, held to the published totals of presets (published_totals.jsonl)",
    "molmoe_text": "the text model of molmoe, held to its class as a part of it (published_totals.jsonl)",
}
"""Types without a record of their own, and why."""


def test_tables_hold_no_type_that_nobody_knows():
    """A misspelt key of a table would be a fact without an effect."""
    types = {*TYPES, *TOWERS, *PUBLISHED_TYPES, *tower_types(), *PARTS}
    tables = (NEUTRAL_IN, REPEATS, type_facts.CLASS_ALIASES, type_facts.KEY_ALIASES, type_facts.SPELLINGS,
              type_facts.TOWERS_BESIDE, type_facts.HEAD_INSIDE, type_facts.HEAD_APART, type_facts.NEVER_TIED,
              type_facts.DROPOUTS_IN, type_facts.ROTARY_SHARES, type_facts.SAYS_ROTARY_DIM, ROWS, TOWER_ROWS, MEASURED,
              MEASURED_TOWERS)
    assert [name for table in tables for name in table if name not in types] == []


PARTS = ("decoder_config", "encoder_config", "global_config", "patcher_config", "phi4_multimodal_audio",
         "sam_prompt_encoder")
"""Nested configs that a whole model reads under a name of ours: their classes have no type, or the library none."""


def tower_types():
    """Types of nested configs that are read as classes of their own, and composites that hold a known text model."""
    text = Path(families.__file__).parents[1].joinpath("config", "tower_defaults.json").read_text("utf-8")
    return {*json.loads(text), *model_types()}


def test_a_class_is_of_the_library_or_of_a_repository():
    assert not {*PUBLISHED_TYPES} & {*model_types()}
    assert {same.type for same in SAME.values()} <= {*model_types(), *PUBLISHED_TYPES, *counted_types()}


def test_a_type_that_repeats_another_has_its_facts():
    copy, own = family_of("stablelm_epoch"), family_of("stablelm")
    facts = ("row", "source", "training", "training_measured", "gguf", "neutral", "dropouts", "rotary_share")
    assert [getattr(copy, fact) for fact in facts] == [getattr(own, fact) for fact in facts]
    assert family_of("telechat2").data.unverified == family_of("telechat").data.unverified != ""


def test_the_list_shows_what_is_known():
    items = {item.name: item for item in listing("families").items}
    assert sorted(items) == TYPES
    assert items["qwen3"][1:5] == ("decoders.qwen", family_of("llama").source, "measured", "qwen3")
    assert items["qwen3"].neutral_keys == ("use_qk_norm",)
    assert items["llava"][1] == "towers.llava:llava"
    assert items["llava"].spelling == ("language_model.model.", "language_model.lm_head")
    assert items["Yi"].defaults == PUBLISHED_TYPES["Yi"].source


@pytest.mark.parametrize(("model_type", "architectures"), [
    ("llama", ("llama",)), ("RefinedWeb", ("falcon",)), ("deepseek_v3", ("deepseek2",)), ("kimi_k2", ("deepseek2",)),
    ("cohere", ("command-r",)), ("esm", ()), ("nobody", ())])
def test_gguf_architectures(model_type, architectures):
    """As `conversion/` of llama.cpp registers FalconForCausalLM, DeepseekV3ForCausalLM, CohereForCausalLM …"""
    assert gguf_architectures(model_type) == family_of(model_type).gguf == architectures


def test_loops_of_the_middle_count_their_weights_once():
    config = {"model_type": "dory", "architectures": ["DoryForCausalLM"], "hidden_size": 48, "intermediate_size": 80,
              "num_hidden_layers": 12, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
              "vocab_size": 99, "n_input_layers": 2, "n_output_layers": 4, "n_recurrent_layers": 6,
              "n_recurrent_loops": 3, "sliding_window": 8, "layer_types": ["sliding_attention", "mlp"] * 3
              + ["full_attention", "mlp"] + ["sliding_attention", "mlp"] * 2}
    tree = build(read_config(config).spec).tree
    counted = flops(tree, Workload(batch=2, seq=24))
    assert counted.forward == 31_421_952  # torch 2.13.0, FlopCounterMode over transformers 5.24.0's class
    assert sum(mixer.layers for mixer in mixers(tree)) == 12  # layers of its cache
    layer = 48 * 16 * (4 + 2 + 2 + 4 + 4) + 2 * 64 + 3 * 48 * 80 + 2 * 80 + 2 * 48
    assert count(tree).total == 6 * layer + 2 * 99 * 48 + 99
    plain = {key: value for key, value in config.items() if key not in ("layer_types", "n_recurrent_layers")}
    equal = plain | {"num_hidden_layers": 6, "n_input_layers": 1, "n_output_layers": 2}
    assert count(build(read_config(equal).spec).tree).total == count(tree).total
    for loops, levels in ((3, ["estimate"]), (1, [])):  # a single loop keeps what it would keep per loop
        read = read_config(config | {"architectures": ["DoryModel"], "recurrent_kv_cache_mode": "last_loop",
                                     "n_recurrent_loops": loops}).spec
        assert [caveat.known for caveat in read.caveats if caveat.figure == "cache"] == levels
        assert count(build(read).tree).total == 6 * layer + 99 * 48
    for odd, message in (({"n_output_layers": 6}, "1 layers before, 3 between and 3 after are not the 6 there are"),
                         ({"n_output_layers": 12, "n_recurrent_layers": None}, "1 layers before and 6 after are not"),
                         ({"layer_types": ["mlp"] * 12}, "layer_types"),
                         ({"architectures": ["DoryForSequenceClassification"]}, "DoryForSequenceClassification")):
        with pytest.raises(PCError, match=message):
            read_config(config | odd)


def test_an_encoder_before_characters_has_a_head_where_its_class_has_one():
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_conv_pos_embedding_groups": 4}
    config = {"model_type": "omniasr_ctc", "vocab_size": 50, "audio_config": sizes}
    headed, bare = (count(build(read_config(config | {"architectures": [name]}).spec).tree).total
                    for name in ("OmniASRForCTC", "OmniASRCTCModel"))
    assert headed - bare == 50 * (32 + 1)
    lines = (DATA / "towers" / "omniasr_ctc.jsonl").read_text(encoding="utf-8").splitlines()
    drawn = next(record["config"] for record in map(json.loads, lines)
                 if record["id"] == "draw1__omniasr_ctc__OmniASRForCTC")
    layers = drawn["audio_config"]["num_hidden_layers"]
    some, one_more = (flops(build(read_config(config).spec).tree, Workload(seq=16)).components for config in (
        drawn, drawn | {"audio_config": {**drawn["audio_config"], "num_hidden_layers": layers + 1}}))
    # matrices of 16 frames in torch 2.13.0's FlopCounterMode over transformers 5.24.0's class, without both ends of it
    assert (one_more["audio"] - some["audio"]) * layers == 6_389_760 - 2 * 16 * (512 * 80 + 80 * 64)
    assert one_more["other"] == some["other"] == 2 * 16 * 80 * 64
    uneven = {"audio_config": {**sizes, "num_conv_pos_embedding_groups": 5}}
    for odd in ({"architectures": ["OmniASRForWords"]}, uneven):
        with pytest.raises(PCError, match=r"OmniASRForWords|5 does not divide hidden_size \(32\)"):
            read_config(config | odd)


def test_new_is_the_name_of_gte_s_files():
    sizes = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
             "vocab_size": 30528, "type_vocab_size": 2, "layer_norm_type": "layer_norm", "pack_qkv": True}
    spec = read_config({"model_type": "new", "architectures": ["NewModel"], **sizes}).spec
    layer = 4 * 1024 * 1024 + 4 * 1024 + 8192 * 1024 + 4096 * 1024 + 1024 + 4 * 1024  # of GteModel, which it repeats
    assert count(build(spec).tree).total == 24 * layer + (30528 + 2 + 2) * 1024 == 434_139_136
    assert spec.unread == ()
    with pytest.raises(PCError, match="rms_norm"):
        read_config({"model_type": "new", **sizes, "layer_norm_type": "rms_norm"})


def test_layers_that_run_again_hold_gates_for_what_the_pass_before_made():
    sizes = {"hidden_size": 48, "moe_intermediate_size": 24, "num_hidden_layers": 6, "num_attention_heads": 4,
             "num_key_value_heads": 2, "head_dim": 16, "n_routed_experts": 4, "num_experts_per_tok": 2,
             "vocab_size": 100, "unpadded_vocab_size": 100, "n_layers_per_attn_res_block": 2}
    loop = {"model_type": "inkling2_loop_text", "architectures": ["Inkling2LoopForCausalLM"], **sizes}
    nested_keys = {"loop_config": {"core_start": 2, "core_end": 4, "num_passes": 3, "gate_rank": 8}}
    keys = {"loop_layer_index_start": 2, "loop_layer_index_end": 4, "loop_num_passes": 3, "loop_gate_rank": 8}
    nested, flat, once = (build(read_config(loop | more).spec).tree
                          for more in (nested_keys, keys, keys | {"loop_layer_index_end": 2}))
    assert count(nested).total == count(flat).total
    gates = 2 * 4 * (8 * 2 * 48 + 2 * 48 * 8) + 2 * (2 * 2) * 48
    assert count(flat).total - count(once).total == gates
    assert sum(mixer.layers for mixer in mixers(flat)) == sum(mixer.layers for mixer in mixers(once)) * 10 // 6
    with pytest.raises(PCError, match="layers 4 to 2 cannot run 3 times"):
        read_config(loop | keys | {"loop_layer_index_start": 4, "loop_layer_index_end": 2})
    for odd in (True, "x", 2**60):
        with pytest.raises(PCError, match="loop_layer_index_end"):
            read_config(loop | {"loop_config": {"core_end": odd}})
