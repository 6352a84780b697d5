"""Collect the calculator page into one folder that any static host serves: `python docs/calculator/build.py OUT`.

The page runs the project's own wheel, unmodified, on Pyodide. Nothing is loaded from elsewhere when it is opened: this
script takes Pyodide from the npm registry and the wheels from the Python package index, through npm and pip.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYODIDE = "314.0.7"
"""Release of the npm package, which holds Python 3.14 for the platform below."""
PLATFORM = ("--python-version", "3.14", "--implementation", "cp", "--abi", "cp314", "--platform",
            "pyemscripten_2026_0_wasm32", "--only-binary", ":all:")
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
PAGE_FILES = ("index.html", "page.css", "calculator.js", "worker.js", "page.py")
STYLE = ROOT / "paramcalc" / "reports" / "html" / "style.css"
"""The style sheet that reports carry too."""


def main() -> None:
    """Make the folder anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--wheel", type=Path, help="wheel of paramcalc; built from this checkout when not given")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    (arguments.out / "wheels").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        collect(Path(scratch), arguments.out, arguments.wheel)


def collect(scratch: Path, out: Path, wheel: Path | None) -> None:
    """Put the page, Pyodide and the wheels into the folder, and the list of wheels the page loads."""
    for name in PAGE_FILES:
        shutil.copy(HERE / name, out / name)
    shutil.copy(STYLE, out / STYLE.name)
    pyodide(scratch, out)
    pip("download", "--dest", out / "wheels", *PLATFORM, *dependencies(without="pyyaml"))
    pure_yaml(scratch, out / "wheels")
    if wheel is None:
        pip("wheel", "--no-deps", "--wheel-dir", out / "wheels", ROOT)
    else:
        shutil.copy(wheel, out / "wheels" / wheel.name)
    names = sorted(path.name for path in (out / "wheels").iterdir())
    (out / "wheels.json").write_text(json.dumps(names), "utf-8")


def dependencies(*, without: str) -> list[str]:
    """The package's dependencies as `pyproject.toml` states them, but for one that has no wheel for the platform."""
    listed: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return [line for line in listed if not line.startswith(without)]


def pyodide(scratch: Path, out: Path) -> None:
    """Pyodide's own files, as its package holds them."""
    command = ["npm", "pack", "--silent", f"pyodide@{PYODIDE}", "--pack-destination", scratch]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(scratch.glob("pyodide-*.tgz"))) as package:
        package.extractall(scratch, filter="data")
    for name in PYODIDE_FILES:
        shutil.copy(scratch / "package" / name, out / name)


def pure_yaml(scratch: Path, wheels: Path) -> None:
    """PyYAML's pure Python from its source distribution, as a wheel that Pyodide can unpack."""
    pip("download", "--no-deps", "--no-binary", "pyyaml", "--dest", scratch, "pyyaml")
    source = next(scratch.glob("[pP]y[yY][aA][mM][lL]-*.tar.gz"))
    version = source.name.removesuffix(".tar.gz").partition("-")[2]
    with tarfile.open(source) as package:
        package.extractall(scratch, filter="data")
    library = next(scratch.glob("[pP]y[yY][aA][mM][lL]-*/lib/yaml"))
    with zipfile.ZipFile(wheels / f"pyyaml-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(library.glob("*.py")):
            archive.write(path, f"yaml/{path.name}")


def pip(*arguments: str | Path) -> None:
    """Run pip of this Python, quietly."""
    command, *rest = arguments
    subprocess.run([sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *rest], check=True)


if __name__ == "__main__":
    main()
