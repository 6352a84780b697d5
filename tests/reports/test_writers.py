"""One registry of formats: what it names exists, and both kinds of commands take their formats from it."""

import re
import sys
from types import ModuleType

import pytest

from paramcalc.cli.embedded import run_embedded
from paramcalc.reports import writers
from paramcalc.reports.table import Column, Report, Table
from paramcalc.reports.writers import WRITERS, Batch, Screen, finding_writer, formats, report_writer

TABLE = Table("a", (Column("b"), Column("c", "exact")), (("x", 1000),))


def choices(command):
    refused = run_embedded([command, "gpt2", "--format", "smoke-signals"]).err
    return re.findall(r"'([a-z]+)'", refused.partition(" is not one of ")[2])


def test_commands_offer_what_the_registry_has():
    assert choices("count") == list(formats("reports"))
    assert choices("check") == list(formats("findings"))
    assert set(formats("reports")) | set(formats("findings")) == set(WRITERS)


@pytest.mark.parametrize("name", formats("reports"))
def test_every_format_writes_the_same_figure(name):
    text = report_writer(name)(Batch([Report({"model": {"name": "m"}, "c": 1000}, (TABLE,))], False, Screen(80)))
    assert "1000" in text.replace(",", "")
    assert text.endswith("\n")


def test_a_format_is_a_module_and_a_line(monkeypatch):
    module = ModuleType("paramcalc.reports.writers.shout")
    module.reports = lambda batch: batch.reports[0].tables[0].title.upper()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(writers.WRITERS, "shout", ("reports",))
    assert "shout" in formats("reports")
    assert report_writer("shout")(Batch([Report({}, (TABLE,))], False, Screen(80))) == "A"
    with pytest.raises(KeyError):
        finding_writer("shout")


def test_colour_is_the_screen_s():
    batch = Batch([Report({}, (TABLE,))], False, Screen(80))
    assert "\x1b[" not in report_writer("table")(batch)
    assert "\x1b[" in report_writer("table")(batch._replace(screen=Screen(80, "utf-8", colored=True)))
