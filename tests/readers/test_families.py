"""The registry of families: one index, true to the files, and a lookup that loads no other family."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from paramcalc.readers import families

ROOMS = Path(families.__file__).parent
MODULES = sorted(".".join(path.relative_to(ROOMS).with_suffix("").parts) for room in ROOMS.iterdir() if room.is_dir()
                 for path in room.glob("*.py") if "\nROWS" in path.read_text("utf-8"))


def test_every_file_with_rows_is_in_the_index():
    assert sorted(families.MEMBERS) == [name for name in MODULES if not name.startswith("towers.")]


@pytest.mark.parametrize("module", families.MEMBERS)
def test_the_index_lists_the_rows_of_a_file(module):
    assert sorted(families.MEMBERS[module].split()) == sorted(import_module(f"{families.__name__}.{module}").ROWS)


def test_a_model_type_has_one_home():
    members = " ".join(families.MEMBERS.values()).split()
    assert len(members) == len(set(members))


def test_a_lookup_loads_no_other_family():
    code = ("import sys; from paramcalc.readers.families import builder; builder('llama'); "
            "print(*(name for name in sys.modules if '.decoders.' in name or '.encoders.' in name))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name.rpartition(".")[2] for name in loaded} == {"llama", "shared"}
