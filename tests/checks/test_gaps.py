"""What leaves a size open: `--strict` refuses what `check --strict` reports, in the same words and by the same rule."""

import json

import pytest

from paramcalc.checks.results import Finding
from paramcalc.checks.rules import rules
from paramcalc.checks.run import check_file
from paramcalc.errors import DEFAULTED, UNCOUNTED, UNREAD, SpecError
from paramcalc.readers.models import load

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_attention_heads": 4,
          "vocab_size": 100, "num_hidden_layers": 2}
OPEN = {
    UNREAD: {"intermediate_size": 128, "memory_dim": 7},
    UNCOUNTED: {"intermediate_size": 128, "vision_config": {"model_type": "nobody_knows", "hidden_size": 8}},
    DEFAULTED: {},
}


@pytest.mark.parametrize("code", OPEN)
def test_strict_refuses_what_check_reports(code, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | OPEN[code]))
    with pytest.raises(SpecError) as refusal:
        load(str(path), strict=True)
    findings = [finding for finding in check_file(path, (), rules(), strict=True) if finding.rule in OPEN]
    refused = [Finding.of(problem, str(path), problem.code) for problem in refusal.value.problems]
    assert {(each.rule, each.message) for each in findings} == {(each.rule, each.message) for each in refused}
    assert code in {each.rule for each in findings}
    assert all(finding.line for finding in findings)
