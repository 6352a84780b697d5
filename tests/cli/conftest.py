"""What tests of the command line share."""

import pytest

from paramcalc.cli.main import run


@pytest.fixture
def call(capsys):
    """Run a command line: its exit code, what it printed, and what it said on standard error."""
    def ask(*arguments):
        code = run(list(arguments))
        output = capsys.readouterr()
        return code, output.out, output.err

    return ask
