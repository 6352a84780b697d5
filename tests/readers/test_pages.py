"""Readers of pages: classes of LayoutLM 3 with the numbers of transformers 5.24.0, and what is refused by name."""

import pytest

import paramcalc
from paramcalc.errors import SpecError

LABELS = {str(index): f"label {index}" for index in range(12)}


@pytest.mark.parametrize(("config", "total"), [
    ({"id2label": LABELS}, 125_926_028),
    ({"has_relative_attention_bias": False, "has_spatial_attention_bias": False, "visual_embed": False}, 124_580_098),
])
def test_layoutlm_counts_as_its_class(config, total):
    """Built with these settings and their other defaults; ten labels and more are chosen by two layers."""
    config = {"model_type": "layoutlmv3", "architectures": ["LayoutLMv3ForTokenClassification"], **config}
    assert paramcalc.count(config).total == total


@pytest.mark.parametrize(("config", "path"), [
    ({"model_type": "visual_bert", "architectures": ["VisualBertModel"], "bypass_transformer": True},
     ("bypass_transformer",)),
    ({"model_type": "layoutlmv3", "architectures": ["LayoutLMv3Model"], "text_embed": False}, ("text_embed",)),
    ({"model_type": "bros", "architectures": ["BrosForSequenceClassification"]}, ("architectures", 0)),
])
def test_what_is_not_described_is_refused_by_name(config, path):
    with pytest.raises(SpecError) as caught:
        paramcalc.count(config)
    assert [problem.path for problem in caught.value.problems] == [path]
