"""Families whose class lives in a repository of its own and whose total is published rounded: figures and shapes."""

import pytest

from paramcalc.build import build
from paramcalc.errors import INVALID, KV_HEADS, LAYERS, SpecError
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config


def tree_of(config):
    return build(read_config(config).spec).tree


def copies(tree):
    """Shape and copies of each tensor by name."""
    return {row.name: (row.shape, row.copies) for row in rows(tree)}


HUNYUAN_LARGE = {
    "architectures": ["HunYuanForCausalLM"], "model_type": "hunyuan", "hidden_size": 6400, "intermediate_size": 18304,
    "num_hidden_layers": 64, "num_attention_heads": 80, "num_key_value_heads": 8, "num_experts": 16, "moe_topk": 1,
    "num_shared_expert": 1, "use_mixed_mlp_moe": True, "use_cla": True, "cla_share_factor": 2, "use_qk_norm": True,
    "tie_word_embeddings": True, "vocab_size": 128512}
"""tencent/Tencent-Hunyuan-Large Hunyuan-A50B-Pretrain/config.json."""


def test_hunyuan_large():
    """arXiv:2411.02265, section 2: 389 billion parameters, 52 billion active (with table and head both); every second
    layer attends to the keys and values of the one before it."""
    tree = tree_of(HUNYUAN_LARGE)
    counts, tensors = count(tree), copies(tree)
    table = 128512 * 6400
    assert round(counts.total / 1e9) == 389
    assert round((counts.active + table) / 1e9) == 52
    assert tensors["model.layers.*.self_attn.q_proj.weight"] == ((6400, 6400), 64)
    assert tensors["model.layers.*.self_attn.k_proj.weight"] == ((640, 6400), 32)
    assert counts.components["moe_shared"][0] == 64 * 3 * 6400 * 18304
    assert counts.components["moe_router"][0] == 64 * 16 * 6400


def test_hunyuan_without_experts():
    dense = {"num_experts": 1, "use_mixed_mlp_moe": False, "use_cla": False, "attention_head_dim": 128}
    tree = tree_of(HUNYUAN_LARGE | dense)
    tensors = copies(tree)
    assert tensors["model.layers.*.self_attn.q_proj.weight"] == ((80 * 128, 6400), 64)
    assert tensors["model.layers.*.self_attn.v_proj.weight"] == ((8 * 128, 6400), 64)
    assert count(tree).components["ffn"][0] == 64 * 3 * 6400 * 18304


def test_hunyuan_s_layers_may_each_have_experts_of_their_own():
    """`moe_topk`, `num_shared_expert` and `moe_intermediate_size` as lists, one entry a layer, as Hunyuan-A13B's."""
    own = {"num_hidden_layers": 2, "moe_topk": [1, 2], "num_shared_expert": [1, 2], "moe_intermediate_size": [64, 96]}
    counts = count(tree_of(HUNYUAN_LARGE | own))
    assert counts.components["moe_experts"] == (16 * 3 * 6400 * (64 + 96), 3 * 6400 * (64 + 2 * 96))
    assert counts.components["moe_shared"][0] == (1 + 2) * 3 * 6400 * 18304


PLAMO = {"architectures": ["PlamoForCausalLM"], "model_type": "plamo", "hidden_size": 5120, "intermediate_size": 16640,
         "n_shared_head": 8, "num_attention_heads": 40, "num_hidden_layers": 40, "num_key_value_heads": 40,
         "tie_word_embeddings": False, "vocab_size": 50432}
"""pfnet/plamo-13b config.json."""


def test_plamo_13b():
    tree = tree_of(PLAMO)
    assert round(count(tree).total / 1e9) == 13
    assert copies(tree)["model.layers.layers.*.self_attn.k_proj.weight"] == ((40 // 8 * 128, 5120), 40)


def test_plamo_s_shared_heads_divide_its_heads():
    with pytest.raises(SpecError) as caught:
        tree_of(PLAMO | {"n_shared_head": 7})
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == (("n_shared_head",), KV_HEADS)


PLAMO_2 = {"architectures": ["PlamoForCausalLM"], "model_type": "plamo2", "hidden_size": 2048,
           "hidden_size_per_head": 128, "intermediate_size": 8192, "mamba_d_conv": 4, "mamba_d_state": 64,
           "mamba_enabled": True, "mamba_num_heads": 32, "mamba_step": 2, "num_attention_heads": 16,
           "num_hidden_layers": 16, "num_key_value_heads": 1, "vocab_size": 100000}
"""pfnet/plamo-2-1b config.json."""


@pytest.mark.parametrize(("changes", "attending"), [
    ({}, 8), ({"mamba_enabled": False}, 16), ({"mamba_step": 8, "num_hidden_layers": 3}, 1), ({"mamba_step": 8}, 2),
    ({"mamba_step": 8, "num_hidden_layers": 12}, 1)])
def test_plamo_2_attends_in_the_middle_of_each_step(changes, attending):
    """`is_mamba` of modeling_plamo.py: layer i attends where i % step is half a step; the last does where there are no
    more layers than that."""
    tensors = copies(tree_of(PLAMO_2 | changes))
    assert tensors["model.layers.layers.*.mixer.qkv_proj.weight"] == (((16 + 2) * 128, 2048), attending)


NAS = {"architectures": ["DeciLMForCausalLM"], "model_type": "nemotron-nas", "hidden_size": 96, "vocab_size": 128,
       "num_hidden_layers": 2, "num_attention_heads": 6, "tie_word_embeddings": False}
FULL = {"attention": {"n_heads_in_group": 3}, "ffn": {"ffn_mult": 5.0}}


def test_a_layer_of_nemotron_nas_may_be_a_matrix_or_left_out():
    """modeling_decilm.py: `replace_with_linear` is one matrix without bias; `no_op` drops part and norm; a width of
    2 · 5 · 96 / 3 = 320 is rounded up to 512."""
    linear = {"attention": {"replace_with_linear": True}, "ffn": {"replace_with_linear": True}}
    absent = {"attention": {"no_op": True}, "ffn": {"no_op": True}}
    tensors = copies(tree_of(NAS | {"num_hidden_layers": 3, "block_configs": [FULL, linear, absent]}))
    assert tensors["model.layers.*.self_attn.linear_attn.weight"] == ((96, 96), 1)
    assert tensors["model.layers.*.mlp.linear_mlp.weight"] == ((96, 96), 1)
    assert tensors["model.layers.*.self_attn.k_proj.weight"] == ((2 * 16, 96), 1)
    assert tensors["model.layers.*.mlp.up_proj.weight"] == ((512, 96), 1)
    assert tensors["model.layers.*.input_layernorm.weight"] == ((96,), 2)


@pytest.mark.parametrize(("blocks", "path", "code"), [
    ([FULL], ("block_configs",), LAYERS), ("all", ("block_configs",), LAYERS),
    ([FULL, {"attention": {}}], ("block_configs", 1), INVALID),
    ([FULL | {"attention": {"n_heads_in_group": 4}}, FULL], ("block_configs", 0), KV_HEADS),
    ([FULL, FULL | {"ffn": {"ffn_mult": -1}}], ("block_configs", 1), INVALID),
    ([FULL, FULL | {"ffn": {"ffn_mult": "2"}}], ("block_configs", 1), INVALID),
])
def test_layers_of_nemotron_nas_that_say_too_little_are_refused(blocks, path, code):
    with pytest.raises(SpecError) as caught:
        tree_of(NAS | {"block_configs": blocks})
    assert (caught.value.problems[0].path, caught.value.problems[0].code) == (path, code)


ELM = {"architectures": ["OpenELMForCausalLM"], "model_type": "openelm", "vocab_size": 128, "model_dim": 64,
       "num_transformer_layers": 2, "head_dim": 16, "num_query_heads": [4, 4], "num_kv_heads": [2, 2],
       "ffn_multipliers": [0.5, 1.0], "ffn_dim_divisor": 32, "ffn_with_glu": True}


def test_a_width_of_openelm_is_the_nearest_multiple_and_not_a_tenth_below():
    """CVNets' make_divisible with 32: 0.5 · 64 = 32; 1.25 · 64 = 80 is rounded up to 96; 0.6 · 64 = 38.4 would be
    32, more than a tenth below, and is 64."""
    config = ELM | {"num_transformer_layers": 3, "num_query_heads": [4] * 3, "num_kv_heads": [2] * 3}
    tree = tree_of(config | {"ffn_multipliers": [0.5, 1.25, 0.6]})
    widths = sorted(row.shape[1] for row in rows(tree) if row.name.endswith("proj_2.weight"))
    assert widths == [32, 64, 96]


@pytest.mark.parametrize(("changes", "path"), [
    ({"ffn_multipliers": [1.0]}, ("ffn_multipliers",)), ({"ffn_multipliers": 4}, ("ffn_multipliers",)),
    ({"ffn_multipliers": [1.0, 0]}, ("ffn_multipliers", 1)), ({"num_query_heads": [4, 0]}, ("num_query_heads", 1)),
])
def test_layers_of_openelm_that_say_too_little_are_refused(changes, path):
    with pytest.raises(SpecError) as caught:
        tree_of(ELM | changes)
    assert caught.value.problems[0].path == path


SIGLIP = {"hidden_size": 1152, "image_size": 980, "intermediate_size": 4304, "model_type": "siglip",
          "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14}
"""SigLIP SO400M, as the MiniCPM-V configs write it."""
SIGLIP_LAYER = 4 * (1152**2 + 1152) + 2 * 1152 * 4304 + 4304 + 1152 + 2 * 2 * 1152


def test_minicpm_v_2_drops_the_last_layer_of_its_tower():
    config = {"architectures": ["MiniCPMV"], "model_type": "minicpmv", "hidden_size": 2304, "intermediate_size": 5760,
              "num_hidden_layers": 2, "num_attention_heads": 36, "num_key_value_heads": 36, "vocab_size": 1000,
              "query_num": 64, "vision_config": SIGLIP}
    full, shorter = (tree_of(config | {"drop_vision_last_layer": drop}) for drop in (False, True))
    assert count(full).total - count(shorter).total == SIGLIP_LAYER
    assert {name.split(".")[0] for name in copies(shorter)} == {"llm", "resampler", "vpm"}


WHISPER_MEDIUM = {"model_type": "whisper", "d_model": 1024, "encoder_layers": 24, "encoder_attention_heads": 16,
                  "encoder_ffn_dim": 4096, "num_mel_bins": 80, "max_source_positions": 1500}


@pytest.mark.parametrize("speaks", [True, False])
def test_minicpm_o_hears_with_whisper_medium(speaks):
    """Whisper medium's encoder: two convolutions of 3, 1,500 positions, 24 layers whose keys have no bias, a norm.
    MiniCPM-o-2_6 modeling_minicpmo.py puts two matrices behind it."""
    config = {"architectures": ["MiniCPMO"], "model_type": "minicpmo", "hidden_size": 3584, "intermediate_size": 18944,
              "num_hidden_layers": 2, "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 1000,
              "query_num": 64, "vision_config": SIGLIP, "audio_config": WHISPER_MEDIUM, "init_tts": speaks}
    spec = read_config(config).spec
    layer = 4 * 1024**2 + 3 * 1024 + 2 * 1024 * 4096 + 4096 + 1024 + 4 * 1024
    encoder = 3 * 80 * 1024 + 1024 + 3 * 1024**2 + 1024 + 1500 * 1024 + 24 * layer + 2 * 1024
    tree = build(spec).tree
    assert count(tree).components["audio"][0] == encoder
    assert copies(tree)["audio_projection_layer.linear1.weight"] == ((3584, 1024), 1)
    assert copies(tree)["audio_projection_layer.linear2.weight"] == ((3584, 3584), 1)
    assert spec.uncounted == (("tts_config",) if speaks else ())


ARCTIC = {"architectures": ["ArcticForCausalLM"], "model_type": "arctic", "hidden_size": 7168, "num_hidden_layers": 35,
          "num_attention_heads": 56, "num_key_value_heads": 8, "intermediate_size": 4864, "num_local_experts": 128,
          "num_experts_per_tok": 2, "moe_layer_frequency": 1, "parallel_attn_mlp_res": True, "vocab_size": 32000,
          "tie_word_embeddings": False}
"""Snowflake/snowflake-arctic-base config.json: a dense transformer of 10B beside 128 experts of 3.66B."""


def test_arctic():
    """Snowflake's announcement: 480B parameters, 17B active, of which about 10B dense, 3.66B an expert."""
    counts = count(tree_of(ARCTIC))
    experts = counts.components["moe_experts"][0]
    assert (round(counts.total / 1e10), round(counts.active / 1e9)) == (48, 17)
    assert (round(experts / 128e9, 2), round((counts.total - experts) / 1e9)) == (3.66, 10)


def test_arctic_without_residual_feed_forwards():
    assert "model.layers.*.residual_mlp.w1.weight" in copies(tree_of(ARCTIC))
    assert not any("residual" in name for name in copies(tree_of(ARCTIC | {"parallel_attn_mlp_res": False})))


@pytest.mark.parametrize(("config", "bare"), [
    ({"architectures": ["MiMoForCausalLM"], "model_type": "mimo", "num_nextn_predict_layers": 1}, "MiMoModel"),
    ({"architectures": ["MiMoV2FlashForCausalLM"], "model_type": "mimo_v2_flash"}, "MiMoV2FlashModel"),
    ({"architectures": ["LongcatFlashForCausalLM"], "model_type": "longcat_flash", "num_layers": 2},
     "LongcatFlashModel"),
])
def test_layers_that_predict_belong_to_classes_that_generate(config, bare):
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
             "intermediate_size": 96, "vocab_size": 128}
    assert "mtp" in read_config(sizes | config).spec.apart
    assert "mtp" not in read_config(sizes | config | {"architectures": [bare]}).spec.apart


BAICHUAN_M1 = {
    "architectures": ["BaichuanM1ForCausalLM"], "model_type": "baichuan_m1", "vocab_size": 100, "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_swa_attention_heads": 8, "num_swa_key_value_heads": 4, "sliding_window": 8, "sliding_window_layers": [1],
    "conv_window": 2, "rms_norm_eps": 1e-6, "rope_theta": 1e5, "max_position_embeddings": 64}
"""No published size: the keys of mlx-lm's baichuan_m1, each of which moves the sum below."""


def test_baichuan_m1():
    """Summed by hand from mlx-lm's port: heads of 16 where a layer sees all, of 8 where it sees a window; a kernel of
    two weights for each key and value head."""
    tree = tree_of(BAICHUAN_M1)
    everywhere = 64 * (64 + 2 * 2 * 16) + 64 * 64 + 2 * 2 * 2
    window = 64 * (64 + 2 * 4 * 8) + 64 * 64 + 2 * 4 * 2
    assert count(tree).total == 2 * everywhere + window + 3 * (3 * 64 * 96 + 2 * 64) + 2 * 100 * 64 + 64
    kernels = [(row.shape, row.copies) for row in rows(tree) if row.name.endswith("conv_k")]
    assert sorted(kernels) == [((1, 1, 2, 1, 2), 2), ((1, 1, 4, 1, 2), 1)]


HYMBA = {
    "architectures": ["HymbaForCausalLM"], "model_type": "hymba", "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "mamba_expand": 2, "mamba_d_conv": 4,
    "mamba_d_state": 8, "mamba_dt_rank": 4, "mamba_conv_bias": True, "mamba_proj_bias": False, "vocab_size": 100,
    "mamba_inner_layernorms": True, "tie_word_embeddings": True, "rope": True, "num_memory_tokens": 0,
    "sliding_window": 16, "global_attn_idx": [0], "max_position_embeddings": 64}


def test_layers_of_hymba_that_borrow_keys():
    """Keys and values of two heads, 16 and 32 wide, leave the projection of each layer that borrows them."""
    alone, paired = (count(tree_of({**HYMBA, "kv_reuse_every_i_layer": every})).total for every in (-1, 2))
    assert alone - paired == 2 * 64 * 2 * (16 + 32)
    assert count(tree_of({**HYMBA, "kv_reuse_group": [[0, 1], [2, 3]]})).total == paired


@pytest.mark.parametrize("groups", [{}, [1, 2]])
def test_groups_of_layers_are_lists(groups):
    with pytest.raises(SpecError, match="kv_reuse_group: expected a list of lists"):
        read_config({**HYMBA, "kv_reuse_group": groups})
