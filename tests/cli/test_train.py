"""`train` from the command line: what its bars say, and options that say nothing."""

import pytest

from paramcalc.cli.guard import guarded

ZERO = ("train", "llama-3.1-8b", "--dp", "8", "--zero", "3")


def test_nothing_is_over_a_device_that_is_not_named(capsys):
    assert guarded(ZERO) == 0
    said = capsys.readouterr().out
    assert "beside the total" in said
    assert " over" not in said


def test_more_than_the_named_device_has_is_over(capsys):
    assert guarded(["train", "llama-3.1-8b", "--gpu", "h100"]) in (0, 1)
    assert "GiB over\n" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "message"), [
    (["--gpus", "8"], "error: --gpus is for --search\nhint: say how devices share the work: --dp 8 --zero 3\n"),
    (["--search"], "error: --search needs --gpu NAME and --gpus N\nhint: --gpu h100 --gpus 256 --search\n"),
])
def test_options_that_do_not_go_together(options, message, capsys):
    assert guarded([*ZERO, *options]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", message)
