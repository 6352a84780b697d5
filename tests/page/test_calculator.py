"""The calculator page in a real browser: the command line's figures and errors, nothing from elsewhere, no barrier."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paramcalc.readers.presets import presets
from tests.processor import quick, slowness

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent.parent
BAD = sorted(path for path in (ROOT / "tests/data/bad").glob("*/*") if path.suffix in (".yaml", ".json"))
LARGEST, LARGEST_PACKED = 22 * 2**20, 12 * 2**20
PATIENCE = 180_000
"""Milliseconds after which an answer is missing."""


def ask(page, **question):
    """What the worker answers, as the page itself asks it."""
    return page.evaluate("question => window.paramcalc.ask(question)", question)


def answer_after(page, act):
    """Does what asks a question of the page, and waits until its answer stands there."""
    page.evaluate("delete document.body.dataset.command")
    act()
    page.wait_for_selector("body[data-command]", timeout=60_000)


def command(*words):
    """The command line's JSON."""
    process = subprocess.run([sys.executable, "-m", "paramcalc", *words, "--json"], capture_output=True, text=True,
                          check=False, cwd=ROOT)
    return json.loads(process.stdout)


def test_nothing_comes_from_elsewhere(page, address):
    assert {url for url in page.requests if not url.startswith((address, "data:", "blob:"))} == set()
    assert page.errors == []


def test_download_is_small(site, tmp_path):
    import gzip

    files = [path for path in site.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST
    assert sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) <= LARGEST_PACKED


def test_presets_count_as_on_the_command_line(page):
    names = presets()
    for name, expected in zip(names, command("count", *names), strict=True):
        assert json.loads(ask(page, command="count", model=name)["json"]) == expected


@pytest.mark.parametrize("name", ["memory", "flops", "train"])
def test_other_questions_have_the_command_lines_figures(page, name):
    answer = json.loads(ask(page, command=name, model="qwen3-8b", context="4096", batch="1")["json"])
    option = "--context" if name == "memory" else "--seq"
    assert answer == command(name, "qwen3-8b", option, "4096")


@pytest.mark.parametrize("by", ["layer", "tensor"])
def test_a_count_by_other_parts_has_the_command_lines_figures(page, by):
    answer_after = ask(page, command="count", model="gemma-3-12b", by=by)
    assert json.loads(answer_after["json"]) == command("count", "gemma-3-12b", "--by", by)
    assert answer_after["cli"] == f"paramcalc count gemma-3-12b --by {by}"
    assert ("language_model.model.layers.47: " in answer_after["html"]) == (by == "layer")


def test_speed_has_the_command_lines_figures(page):
    answer = json.loads(ask(page, command="speed", model="qwen3-8b", context="4096", batch="8", gpu="h100")["json"])
    assert answer == command("speed", "qwen3-8b", "--prompt", "4096", "--concurrency", "8", "--gpu", "h100")


def test_each_question_is_copied_as_the_command_line_writes_it(page):
    for name in ("count", "explain"):
        answer_after = ask(page, command=name, model="gpt2")
        assert json.loads(answer_after["json"]) == command(name, "gpt2")
        assert answer_after["cli"] == f"paramcalc {name} gpt2"
        for form in ("markdown", "csv"):
            process = subprocess.run([sys.executable, "-m", "paramcalc", name, "gpt2", "--format", form],
                                  capture_output=True, text=True, check=True, cwd=ROOT)
            assert ask(page, command=name, model="gpt2", copy=form)["text"] == process.stdout


def test_a_random_draw_is_counted_as_on_the_command_line(page, tmp_path):
    """Configs nobody tuned for: the first drawn of each eleventh class that transformers' records have."""
    lines = (ROOT / "tests/data/oracle_running.jsonl").read_text("utf-8").splitlines()[::11][:20]
    drawn = [json.loads(line)["config"] for line in lines]
    for number, config in enumerate(drawn):
        path = tmp_path / str(number) / "config.json"
        path.parent.mkdir()
        path.write_text(json.dumps(config), "utf-8")
        answer = ask(page, command="count", model="config.json", text=json.dumps(config))
        assert json.loads(answer["json"])["parameters"] == command("count", str(path))["parameters"]


def test_answers_are_quick(browser, address):
    """Ten seconds from a cold start and one for the next answer, of a core that nobody else uses."""
    warm = []

    def cold():
        opened = browser.new_context().new_page()
        start = time.monotonic()
        opened.goto(address)
        opened.wait_for_selector("#answer table", timeout=PATIENCE)
        ready = time.monotonic()
        assert ask(opened, command="memory", model="qwen3-8b", context="8k", gpu="rtx-4090")["html"]
        warm.append(time.monotonic() - ready)
        opened.context.close()
        return ready - start

    assert quick(10, cold, time.monotonic), warm
    assert min(warm) < 1 * slowness(time.monotonic), warm


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_bad_files_get_the_command_lines_message(page, path):
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        pytest.skip("a browser hands over text")
    answer = ask(page, command="count", model=path.name, text=text)
    assert "internal error" not in json.dumps(answer)
    assert answer.get("error") or answer.get("html")
    assert page.errors == []


def test_a_pasted_config_stays_out_of_the_address(page):
    page.evaluate("document.getElementById('own').open = true")
    page.fill("#text", '{"model_type": "llama", "hidden_size": 4096,}')
    page.wait_for_selector("#answer .error", timeout=PATIENCE)
    assert page.inner_text("#answer").startswith("error: config.json:1:45: ")
    assert "hidden_size" not in page.evaluate("atob(location.hash.slice(1).replaceAll('-', '+').replaceAll('_', '/'))")
    page.click("#clear")
    page.wait_for_selector("#answer table", timeout=PATIENCE)


def test_the_address_holds_the_question(browser, page):
    page.fill("#model", "qwen3-8b")
    page.dispatch_event("#model", "change")
    page.locator("#answer", has_text="qwen3-8b").wait_for()
    again = browser.new_page()
    again.goto(page.url)
    again.wait_for_selector("#answer table", timeout=PATIENCE)
    assert again.input_value("#model") == page.input_value("#model")
    again.close()


def test_each_question_has_the_fields_it_takes(page):
    for tab, fields in (("memory", ["context", "batch", "quant", "gpu", "gpus"]), ("flops", ["context", "batch"]),
                        ("count", [])):
        answer_after(page, lambda tab=tab: page.click(f"#tab-{tab}"))
        assert [name for name in ("context", "batch", "quant", "gpu", "gpus") if page.is_visible(f"#{name}")] == fields


def test_keys_alone_lead_from_the_map_to_the_formula_of_a_tensor(page, browser):
    """And the address says so: it opens there."""
    answer_after(page, lambda: (page.fill("#model", "gpt2"), page.dispatch_event("#model", "change")))
    answer_after(page, lambda: page.press("#tab-count", "End"))
    assert page.evaluate("document.activeElement.id") == "tab-explain"
    answer_after(page, lambda: page.press("#tab-explain", "Home"))
    answer_after(page, lambda: page.press("[data-key=attention]", "Enter"))
    page.wait_for_selector("#answer button:focus")
    answer_after(page, lambda: page.press('[data-key$="attn.c_attn.weight"]', " "))
    assert "12·64 + 12·64 + 12·64" in page.inner_text("#answer")
    again = browser.new_page()
    again.goto(page.url)
    again.wait_for_selector("#answer table", timeout=180_000)
    assert again.inner_text("#answer") == page.inner_text("#answer")
    again.close()
    answer_after(page, lambda: page.press("#answer button", "Enter"))
    assert page.locator("[data-key=attention]").count() > 1


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark"), (1920, "light")])
def test_no_barrier(page, axe, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.evaluate(axe)
    for name in page.locator("[role=tab]").all_inner_texts():
        answer_after(page, lambda name=name: page.click(f"#tab-{name}"))
        violations = page.evaluate("axe.run()")["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in violations
                if rule["impact"] in ("serious", "critical")] == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, from the npm registry."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    subprocess.run([npm, "install", "--silent", "--prefix", folder, "axe-core@4.14.1"], check=True)
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")
