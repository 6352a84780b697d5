"""The help of each command starts with three examples, one line each, and each of them runs."""

import contextlib
import os
import shlex
from pathlib import Path

import pytest

from paramcalc.cli import COMMANDS
from paramcalc.cli.main import EXAMPLES, command_module
from paramcalc.cli.main import run as guarded

ROOT = Path(__file__).parent.parent.parent
CONFIG = """{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 512, "hidden_size": 64,
"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128}"""
OF_HELP = {name: command_module(name).EXAMPLES for name in COMMANDS}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A clone as the examples see it, with a config of the reader's own."""
    for name in (".git", "configs"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "path/to").mkdir(parents=True)
    (tmp_path / "path/to/config.json").write_text(CONFIG, "utf-8")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    with contextlib.chdir(tmp_path):
        yield tmp_path


EVERY = [*EXAMPLES, *(line for name, lines in OF_HELP.items() if name != "mcp" for line in lines)]
"""But for the server, which waits for a client."""


@pytest.mark.parametrize("example", EVERY)
def test_example_runs(example, place, capsys):
    if "git:" in example and not os.path.exists(".git"):
        pytest.skip("not in a repository")
    command, *words = shlex.split(example)[1:]
    code = guarded([command, *words])
    output = capsys.readouterr()
    assert code in ((0, 1) if command in ("check", "fit", "train") else (0,))  # which may find something, or not fit
    assert output.out or "--output" in example
    assert "error:" not in output.err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_starts_with_them(name, capsys):
    assert guarded([name, "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert len(OF_HELP[name]) == 3
    assert lines[2:5] == list(OF_HELP[name])
