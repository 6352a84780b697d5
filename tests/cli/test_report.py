"""The report: one file that a parser of HTML takes, that loads nothing, runs nothing, and holds every figure."""

import json
import re

import html5lib
import pytest

from paramcalc.cli.main import run
from paramcalc.readers.presets import presets
from paramcalc.reports.pictures.context import contexts_up_to
from tests.processor import within


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    assert run(["report", "llama-3.1-8b", "mixtral-8x7b", "--quiet", "--output", str(path)]) == 0
    return path.read_text("utf-8")


def test_is_html(page):
    parser = html5lib.HTMLParser(strict=True)
    assert parser.parse(page) is not None  # strict: raises at the first fault
    assert parser.errors == []


def test_loads_and_runs_nothing(page):
    assert re.findall(r"(?:href|src)=\"(?!#)[^\"]*\"|url\([^)]*\)", page) == []
    assert re.findall(r"<script(?! type=\"application/json\")", page) == []
    assert "default-src 'none'" in page


def test_holds_the_figures(page):
    data = re.search(r'<script type="application/json" id="figures">(.*)</script>', page)[1]
    figures = json.loads(data)
    assert figures["mixtral-8x7b"]["count"]["parameters"]["total"] == 46_702_792_704
    assert figures["llama-3.1-8b"]["estimate"]["parameters"]["total"] == 8_030_261_248


def test_ten_models_take_two_seconds(tmp_path):
    models = [name for name in presets() if name.startswith("qwen3-")][:10]
    assert len(models) == 10
    assert within(2, run, ["report", *models, "--quiet", "--output", str(tmp_path / "report.html")]) == 0


def test_several_models_stand_side_by_side(page):
    table = page[page.index("Side by side"):page.index("</section>")]
    assert "46,702,792,704" in table
    assert "8,030,261,248" in table


def test_check_writes_a_page_of_its_findings(tmp_path, capsys):
    spec, page = tmp_path / "spec.yaml", tmp_path / "page.html"
    spec.write_text("paramcalc: 1\nvocab_size: 10\nhidden_size: 8\nnum_layers: 1\nnum_heads: 2\n"
                    "intermediate_size: 8\nname: <b>\nexpect: {total: 5}\n")
    assert run(["check", str(spec), "--report", str(page)]) == 1
    written = page.read_text("utf-8")
    html5lib.HTMLParser(strict=True).parse(written)
    assert "1 failed" in written
    assert "spec.yaml" in written
    assert "<b>" not in written
    assert "1 failed" in capsys.readouterr().out


def test_text_of_a_file_is_no_markup(tmp_path, capsys):
    spec = tmp_path / "spec.yaml"
    spec.write_text("paramcalc: 1\nname: '</script><script>alert(1)</script>'\nvocab_size: 10\nhidden_size: 8\n"
                    "num_layers: 1\nnum_heads: 2\nintermediate_size: 8\n")
    assert run(["report", str(spec)]) == 0
    assert "<script>alert" not in capsys.readouterr().out


def test_a_model_that_fails_leaves_the_rest(tmp_path, capsys):
    path = tmp_path / "report.html"
    assert run(["report", "no-such-model", "qwen3-8b", "-q", "-o", str(path)]) == 2
    assert "qwen3-8b" in path.read_text("utf-8")
    assert "no-such-model" in capsys.readouterr().err


def test_other_formats_are_refused(capsys):
    assert run(["report", "qwen3-8b", "--json"]) == 2
    assert "report writes HTML" in capsys.readouterr().err


def test_pictures_end_where_the_model_does():
    assert contexts_up_to(None) == contexts_up_to(2**20) == (1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)
    assert contexts_up_to(1024) == (8, 16, 32, 64, 128, 256, 512, 1024)
    assert contexts_up_to(448)[-1] == 256
    assert contexts_up_to(40_960)[-1] == 32_768
    assert contexts_up_to(1) == (1,)


def test_side_by_side_has_the_figures_of_compare(tmp_path, capsys):
    """A context that nobody named is cut to the positions of each model in both."""
    path = tmp_path / "report.html"
    assert run(["report", "gpt2", "bert-base-uncased", "--quiet", "--output", str(path)]) == 0
    assert run(["compare", "gpt2", "bert-base-uncased", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(f"{row['flops_per_token']:,}" in path.read_text("utf-8") for row in rows)
