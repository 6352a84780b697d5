"""`python -m tests.checks.published FOLDER`: hold our formats against the schemas others publish, which are not ours
to copy: FOLDER has sarif-2.1.0.json (oasis-tcs/sarif-spec or SchemaStore), JUnit.xsd (windyroad/JUnit-Schema),
junit-10.xsd (jenkinsci/xunit-plugin), github-action.json, pre-commit-hooks.json, pre-commit-config.json (SchemaStore).
Needs `pip install xmlschema` beside the development tools.
"""

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from jsonschema.validators import validator_for
from referencing import Registry, Resource

from paramcalc.cli.main import run as guarded
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]


def written(style, *paths):
    """What a check of these paths prints in a format."""
    out = io.StringIO()
    with redirect_stdout(out):
        guarded(["check", *map(str, paths), "--format", style])
    return out.getvalue()


def complaints(folder):
    """Each thing a published schema says against what we write."""
    import xmlschema

    bad = sorted((ROOT / "tests" / "data" / "bad" / "config").glob("*.json"))
    for paths in ([ROOT / "tests" / "data" / "rules"], [ROOT / "configs"], bad):
        yield from json_complaints(json.loads(written("sarif", *paths)), folder / "sarif-2.1.0.json")
        for name in ("JUnit.xsd", "junit-10.xsd"):
            yield from xmlschema.XMLSchema(folder / name).iter_errors(written("junit", *paths))
    for ours, theirs in (("action.yml", "github-action"), (".pre-commit-hooks.yaml", "pre-commit-hooks"),
                         (".pre-commit-config.yaml", "pre-commit-config")):
        yield from json_complaints(read_yaml(ROOT / ours), folder / f"{theirs}.json")


def json_complaints(data, path):
    """What a JSON Schema says against a document."""
    schema = json.loads(path.read_text("utf-8"))
    beside = Registry(retrieve=lambda uri: Resource.from_contents(
        json.loads((path.parent / uri.rpartition("/")[2]).read_text("utf-8"))))
    return validator_for(schema)(schema, registry=beside).iter_errors(data)


if __name__ == "__main__":
    problems = list(complaints(Path(sys.argv[1])))
    sys.stdout.write("\n".join(map(str, problems)) + f"\n{len(problems)} complaints\n")
    sys.exit(bool(problems))
