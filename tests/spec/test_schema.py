"""The committed JSON Schema of a spec; releases of pydantic differ in how they write one, the newest counts."""

import json
import re
from pathlib import Path

from paramcalc.spec.schema import spec_schema

SCHEMA = Path(__file__).parent.parent.parent / "configs" / "spec.schema.json"


def test_committed_schema_is_the_one_of_the_code():
    remedy = "run `paramcalc schema spec > configs/spec.schema.json`"
    assert json.loads(SCHEMA.read_text("utf-8")) == spec_schema(), remedy


def test_every_reference_leads_somewhere():
    text = SCHEMA.read_text("utf-8")
    assert set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', text)) <= set(json.loads(text)["$defs"])
