"""What a shell completes, asked as bash and zsh ask."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from paramcalc.answers.listing import What
from paramcalc.cli import completion

ROOT = Path(__file__).parents[2]


def completed(line, shell="bash"):
    """The words a shell is offered for the last word of a line."""
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)} if shell == "bash" else {}
    environment = os.environ | variables | {"_TYPER_COMPLETE_ARGS": line, "_PARAMCALC_COMPLETE": f"complete_{shell}",
                                       "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    process = subprocess.run([sys.executable, "-m", "paramcalc"], env=environment, cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert process.stderr == ""
    return process.stdout.replace('"', " ").split()


@pytest.mark.parametrize(("line", "word"), [
    ("fit qwen3-8b --gpu h10", "h100"), ("fit qwen3-8b --gpu rtx-4090,h10", "rtx-4090,h100"),
    ("train qwen3-8b --gpu mi3", "mi300x"), ("speed qwen3-8b --gpu b2", "b200"),
    ("memory qwen3-8b --quant q4_k_", "q4_k_m"), ("memory qwen3-8b --kv-dtype q8", "q8_0"),
    ("train qwen3-8b --optimizer ada", "adamw"), ("fit qwen3-8b --runtime v", "vllm"), ("fit x --format js", "json"),
    ("speed qwen3-8b --draft qwen3-0", "qwen3-0.6b"), ("fit deepseek-v3 --draft mt", "mtp"),
    ("count qwen3-8", "qwen3-8b"), ("qwen3-8", "qwen3-8b"), ("co", "compare"), ("diff gpt2 qwen3-8", "qwen3-8b"),
    ("list gp", "gpus"), ("list gpus h10", "h100"), ("list models qwen3-8", "qwen3-8b"), ("schema me", "memory"),
    ("check --ignore PC00", "PC008"), ("compare gpt2 --sort tot", "total"),
    ("compare gpt2 --columns name,tot", "name,total"),
])
def test_words_are_completed(line, word):
    assert word in completed(f"paramcalc {line}")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("line", "word"), [("fit x --gpu h10", "h100"), ("count qwen3-8", "qwen3-8b")])
def test_other_shells_are_offered_the_same(line, word, shell):
    assert word in completed(f"paramcalc {line}", shell)


@pytest.mark.parametrize(("complete", "incomplete", "words"), [
    (completion.models, "qwen3-8", ["qwen3-8b"]), (completion.drafts, "mt", ["mtp"]),
    (completion.accelerators, "rtx-4090,h10", ["rtx-4090,h100"]), (completion.weight_formats, "q4_k_m", ["q4_k_m"]),
    (completion.number_formats, "fp8,q8_", ["fp8,q8_0"]), (completion.optimizers, "adamw", ["adamw"]),
    (completion.schemas, "memory", ["memory"]), (completion.rules, "PC008", ["PC008"]),
    (completion.columns, "name,tota", ["name,total"]), (completion.models, "no-such-model", []),
])
def test_names_that_begin_so_are_offered(complete, incomplete, words):
    assert set(words) <= set(complete(incomplete))
    assert all(word.startswith(incomplete) for word in complete(incomplete))


@pytest.mark.parametrize(("what", "incomplete", "word"), [(None, "gpt2", "gpt2"), (What.gpus, "h10", "h100")])
def test_entries_of_a_list_are_offered(what, incomplete, word):
    context = SimpleNamespace(params={"what": what})
    assert word in completion.entries(context, incomplete)
