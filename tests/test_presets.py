"""Every file under configs/: valid against the published schema, with a source, and exactly what it promises."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from paramcalc.build import build
from paramcalc.measures.parameters import count
from paramcalc.readers.models import load
from paramcalc.readers.presets import presets
from paramcalc.spec.model import ModelSpec
from tests.yaml_files import parse_yaml, read_yaml

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).parent.parent / "configs"
FILES = sorted(ROOT.glob("*/*.yaml"))
SCHEMA = ROOT / "spec.schema.json"
MODELINE = "# yaml-language-server: $schema=../spec.schema.json"


@pytest.fixture(scope="module")
def validator():
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def test_the_folder_is_listed_once():
    assert presets() is presets()
    assert set(presets()) == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_preset(path, validator):
    text = path.read_text("utf-8")
    assert text.startswith(MODELINE)
    assert list(validator.iter_errors(parse_yaml(text))) == []
    spec = load(path.stem).spec
    assert (spec.name, spec.source[:8]) == (path.stem, "https://")
    counts = count(build(spec).tree)
    assert spec.expect is not None
    assert spec.expect.total[:2] == (counts.total, counts.total)
    if counts.active != counts.total:
        assert spec.expect.active[:2] == (counts.active, counts.active)


def test_names_are_unique_and_all_are_found():
    assert len({path.stem for path in FILES}) == len(FILES) >= 220
    assert set(presets()) == {path.stem for path in FILES}


def test_no_two_presets_are_one_repository():
    """A repository's name must lead to one preset."""
    sources = [re.search(r"^source: (\S+)", path.read_text("utf-8"), re.MULTILINE)[1] for path in FILES]
    repositories = [source.lower() for source in sources if source.startswith("https://huggingface.co/")]
    assert len(set(repositories)) == len(repositories) >= 250


# Parameters of rows of the paper's table A9 by its own counting, as karpathy/nanoGPT@3adf61e154c3 scaling_laws.ipynb
# works them out and finds them equal to the printed ones: (hidden_size, heads, head_dim, layers) to the count.
CHINCHILLA = {
    (640, 10, 64, 10): 73_825_280,
    (1024, 16, 64, 20): 305_707_008,
    (1280, 10, 128, 24): 552_604_160,
    (1792, 14, 128, 26): 1_143_453_696,
    (2048, 16, 128, 28): 1_593_126_912,
    (3584, 28, 128, 40): 6_796_274_688,
}


@pytest.mark.parametrize("sizes", CHINCHILLA, ids=str)
def test_chinchilla_counts_as_the_paper_does(sizes):
    hidden, heads, head, layers = sizes
    data = read_yaml(ROOT / "chinchilla" / "chinchilla-70b.yaml")
    parts = data["blocks"]["layer"]["parts"]
    parts["self_attn"] |= {"num_heads": heads, "head_dim": head}
    parts["self_attn.r_w_bias"]["shape"] = parts["self_attn.r_r_bias"]["shape"] = [hidden]
    parts["mlp"]["intermediate_size"] = 4 * hidden
    spec = ModelSpec.model_validate(data | {"hidden_size": hidden, "num_layers": layers})
    assert count(build(spec).tree).total == CHINCHILLA[sizes]
