"""The block `evaluate`: what it refuses, and which of it scoring reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams, UndeclaredParameterError, validate
from fusehr.core.params.evaluate import EvaluateParams, score_params

TREE = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
SCORING = (
    *("bootstrap_draws", "seed", "calibration_bins", "net_benefit_thresholds"),
    *("min_label_patients", "alarm_sensitivity"),
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"primary_metric": {"triage": "auprc"}}, "primary_metric: expected a metric for each .*"),
        ({"noninferior": {"against": "gbm", "margin": 0.0}}, r"noninferior\.margin: Input should"),
        ({"noninferior": {"margin": 0.1}}, r"noninferior\.against: missing parameter"),
        ({"unimodal": {"gbm": 3}}, r"unimodal\.gbm: Input should be a valid string"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], told: str) -> None:
    block = TREE["evaluate"] | changes
    with pytest.raises(InputError, match=rf"params\.yaml: evaluate\.{told}"):
        validate(block, EvaluateParams, "evaluate")


def test_scoring_needs_no_more_of_the_block_than_it_reads() -> None:
    """Another reference compares anew; it scores nothing anew."""
    declared = tuple(f"evaluate.{name}" for name in SCORING)
    params = StageParams("evaluate-score@gbm", declared, TREE)
    found = score_params(params)
    assert params.reads == set(declared)
    for name in SCORING:
        assert getattr(found, name) == TREE["evaluate"][name]
    with pytest.raises(UndeclaredParameterError, match=r"expected evaluate\.seed"):
        score_params(StageParams("evaluate-score@gbm", declared[:1], TREE))
