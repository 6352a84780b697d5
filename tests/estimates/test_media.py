"""Pictures in every command that has a prompt: their tokens are in the context, towers run over their patches."""

from __future__ import annotations

import json

import pytest

import paramcalc
from paramcalc.cli.main import run

QWEN = {"model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"],
        "text_config": {"model_type": "qwen2_vl_text", "hidden_size": 64, "num_hidden_layers": 2,
                        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
                        "vocab_size": 1000, "max_position_embeddings": 4096}}
PICTURE = (1366, 980)
TOKENS = 1260


@pytest.fixture
def model(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    (tmp_path / "preprocessor_config.json").write_text('{"max_pixels": 1003520, "min_pixels": 3136}')
    return tmp_path


def test_a_picture_takes_room_in_the_cache(model):
    plain, with_picture = paramcalc.memory(model, 1000 + TOKENS), paramcalc.memory(model, 1000, image=[PICTURE])
    assert paramcalc.cut_images(model, [PICTURE])[0].tokens == TOKENS
    assert with_picture.cache.bytes == plain.cache.bytes
    assert with_picture.total.activations > plain.total.activations  # 5,040 patches are wider than what words keep
    assert with_picture.assumptions["images"] == [{"tokens": TOKENS, "patches": 4 * TOKENS}]


def test_a_picture_beyond_the_positions_is_said(model):
    answer = paramcalc.memory(model, 4000, image=[PICTURE])
    assert any("5,260, of which 1,260 of pictures" in warning for warning in answer.warnings)


def test_the_largest_context_has_pictures_in_it(model):
    plain, with_picture = (paramcalc.fit(model, "h100", 1000, runtime="exact", image=image) for image in ((), PICTURE))
    assert with_picture.verdicts[0].serving.context == 1000 + TOKENS
    assert 0.99 * plain.max_context < with_picture.max_context < plain.max_context


def test_training_keeps_what_towers_keep(model):
    plain, with_picture = paramcalc.train(model, 1000 + TOKENS)[0], paramcalc.train(model, 1000, image="1366x980")[0]
    assert with_picture.weights == plain.weights
    assert with_picture.activations > plain.activations + 4 * TOKENS * 32 * 1280 * 2 * 10  # ten tensors a layer


def test_a_prompt_with_a_picture_takes_longer(model):
    plain, with_picture = (paramcalc.speed(model, "h100", prompt=prompt, image=image).points[0].ttft_ms.expected
                           for prompt, image in ((1000 + TOKENS, ()), (1000, PICTURE)))
    assert with_picture > plain


def test_rows_count_pictures(model):
    plain, with_picture = (paramcalc.compare(model, context=context, image=image).rows[0]
                           for context, image in ((1000 + TOKENS, ()), (1000, PICTURE)))
    assert with_picture.flops_per_token > plain.flops_per_token
    assert paramcalc.compare(model, image=PICTURE).assumptions["image"] == ["1366x980"]


def test_the_page_says_what_towers_do(model):
    assert paramcalc.estimate(model, 1000)["flops"].get("towers") is None
    page = paramcalc.estimate(model, 1000, image=PICTURE)
    assert page["flops"]["towers"] == paramcalc.flops(model, 1000, image=PICTURE).components["vision"]
    assert page["assumptions"]["context"] == 1000 + TOKENS


@pytest.mark.parametrize("command", [["memory"], ["fit", "--gpu=h100"], ["train"], ["flops"], ["compare"],
                                     ["speed", "--gpu=h100"], ["estimate"]], ids=lambda words: words[0])
def test_every_command_takes_pictures(model, command, capsys):
    assert run([*command, str(model), "--image=1366x980", "--json"]) in (0, 1)
    assert '"error"' not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["memory", "train", "flops", "estimate"])
def test_a_model_without_towers_is_refused_pictures(command, capsys):
    assert run([command, "gpt2", "--image=64x64"]) == 2
    assert "cuts pictures is not known" in capsys.readouterr().err


def test_towers_are_not_read_again_for_each_token(model):
    from paramcalc.measures.reads import reads

    tree = paramcalc.build_model(model).tree
    assert reads(tree, "bf16").dense < 2 * 200_000 < reads(tree, "bf16").stored_bytes


def test_an_encoder_alone_holds_what_all_of_its_positions_give():
    """ViT-B, 197 positions: two residual streams of 768 and a feed-forward's 3,072 values, two bytes each."""
    config = {"model_type": "vit", "architectures": ["ViTModel"]}
    activations = paramcalc.memory(config, image=["640x480"]).total.activations
    assert activations == 197 * (2 * 768 + 3072) * 2
