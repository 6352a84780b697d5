"""A folder as a MODEL: the config.json it means, or the choice its user has."""

import json

import pytest

import paramcalc
from paramcalc.cli.main import run

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
          "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100}
REVISION, OTHER = "0123456789" * 4, "9876543210" * 4


def write_config(folder, **changes):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return folder


def test_a_folder_of_models_names_them(tmp_path):
    for name in ("b", "a", "deep/c"):
        write_config(tmp_path / name)
    with pytest.raises(paramcalc.InputError, match=r"no such file") as refused:
        paramcalc.count(str(tmp_path))
    folders = ", ".join(str(tmp_path / name) for name in ("a", "b", "deep/c"))
    assert refused.value.problems[0].hint == f"give one of {folders}"
    write_config(tmp_path / "e")
    with pytest.raises(paramcalc.InputError) as refused:
        paramcalc.count(str(tmp_path))
    assert refused.value.problems[0].hint.endswith(" …")


def test_a_folder_of_a_checkpoint_names_it(tmp_path):
    (tmp_path / "x.gguf").touch()
    with pytest.raises(paramcalc.InputError) as refused:
        paramcalc.count(str(tmp_path))
    assert refused.value.problems[0].hint == f"give {tmp_path / 'x.gguf'}"


def test_a_folder_of_nothing_has_no_hint(tmp_path):
    with pytest.raises(paramcalc.InputError) as refused:
        paramcalc.count(str(tmp_path))
    assert not refused.value.problems[0].hint


def test_a_folder_of_the_cache_is_the_snapshot_its_reference_names(tmp_path):
    folder = tmp_path / "models--org--a-name"
    write_config(folder / "snapshots" / REVISION)
    only = paramcalc.count(str(folder))
    assert only.model.name == "org/a-name"
    assert paramcalc.count(str(folder / "snapshots" / REVISION)).model.name == "org/a-name"
    write_config(folder / "snapshots" / OTHER, num_hidden_layers=3)
    with pytest.raises(paramcalc.InputError) as refused:
        paramcalc.count(str(folder))
    assert REVISION in refused.value.problems[0].hint
    assert OTHER in refused.value.problems[0].hint
    (folder / "refs").mkdir()
    for revision, larger in ((REVISION, False), (OTHER, True)):
        (folder / "refs" / "main").write_text(revision)
        assert (paramcalc.count(str(folder)).total > only.total) is larger


def test_a_reference_leads_nowhere_else(tmp_path):
    folder = tmp_path / "models--org--name"
    write_config(folder / "snapshots" / REVISION)
    write_config(folder / "snapshots" / OTHER)
    write_config(tmp_path / "elsewhere")
    (folder / "refs").mkdir()
    for text in ("../../elsewhere", "..", ".", "", "nothing", "x" * 5000, "\0"):
        (folder / "refs" / "main").write_text(text)
        with pytest.raises(paramcalc.InputError):
            paramcalc.count(str(folder))


@pytest.mark.parametrize("models", [["gpt2"], ["gpt2", "llama-2-7b"], ["gpt2", "nobody"], ["nobody"]])
@pytest.mark.parametrize("option", [["--json-lines"], ["--format", "jsonl"]])
def test_json_lines_have_one_shape_for_one_model_and_for_many(models, option, capsys):
    assert run(["count", *models, *option, "--quiet"]) == (2 if "nobody" in models else 0)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [("error" in line, line["model"]["name"]) for line in lines] == [(name == "nobody", name) for name in models]


def test_json_lines_and_another_format_are_two(capsys):
    assert run(["count", "gpt2", "--json-lines", "--format", "csv"]) == 2
    assert "--json-lines and --format csv are two formats" in capsys.readouterr().err
    assert run(["count", "gpt2", "--json-lines", "--json"]) == 2


@pytest.mark.parametrize(("name", "words"), [("model_index.json", "a diffusers pipeline"),
                                             ("open_clip_config.json", "an open_clip model"),
                                             ("modules.json", "a pipeline of sentence-transformers")])
def test_a_folder_of_another_kind_of_model_is_named(name, words, tmp_path):
    (tmp_path / name).write_text("{}")
    with pytest.raises(paramcalc.InputError, match=rf"no such file: the folder holds {words} \({name}\)"):
        paramcalc.count(str(tmp_path))
