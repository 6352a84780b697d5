"""`paramcalc schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import options as o

EXAMPLES = (
    "paramcalc schema",
    "paramcalc schema count",
    "paramcalc schema spec --output spec.schema.json",
)


def schema(
    what: Annotated[str, typer.Argument(help="`spec`, or a command whose JSON it describes.")] = "spec",
    output: o.Output = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Print the JSON Schema of a spec, or of what a command writes with --json."""
    import json

    from paramcalc.errors import Problem, UsageError
    from paramcalc.reports.schemas import command_schema, known

    if what not in known():
        raise UsageError(Problem(f"no schema is called {what[:60]!r}", hint=f"one of {', '.join(known())}"))
    if what == "spec":
        from paramcalc.spec.schema import spec_schema

        found = spec_schema()
    else:
        found = command_schema(what)
    o.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n", output)
    raise typer.Exit(0)
