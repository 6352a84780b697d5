"""`paramcalc schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import Output, Talk
from paramcalc.cli.run import write
from paramcalc.errors import Problem, UsageError

EXAMPLES = (
    "paramcalc schema",
    "paramcalc schema count",
    "paramcalc schema spec --output spec.schema.json",
)


def schema(
    talk: Talk,
    what: Annotated[str, typer.Argument(help="`spec`, or the command whose JSON output to describe.",
                                         autocompletion=completion.schemas)] = "spec",
    output: Output = None,
) -> int:
    """Print the JSON Schema of a spec, or of what a command writes with --json."""
    import json

    from paramcalc.answers.registry import command_schema, schema_names

    if what not in schema_names():
        raise UsageError(Problem(f"unknown schema {what[:60]!r}", hint=f"one of {', '.join(schema_names())}"))
    if what == "spec":
        from paramcalc.spec.schema import spec_schema

        described = spec_schema()
    else:
        described = command_schema(what)
    write(json.dumps(described, indent=2, ensure_ascii=False) + "\n", output)
    return 0
