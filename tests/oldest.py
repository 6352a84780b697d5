"""`python -m tests.oldest` prints the oldest versions that pyproject.toml allows, as constraints for pip."""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def constraints(text):
    """`typer>=0.20` as `typer==0.20`, for each dependency of the package itself."""
    for requirement in tomllib.loads(text)["project"]["dependencies"]:
        name, version = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        yield f"{name}=={version}"


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in constraints(PROJECT.read_text("utf-8"))))
