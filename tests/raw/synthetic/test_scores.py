"""Scores have mean 0 and variance 1, so that variances of logits are those declared."""

from __future__ import annotations

import numpy as np
import pytest

from fusehr.core.frame.tasks import TASKS, Task
from fusehr.raw.synthetic.latent import scores
from fusehr.raw.synthetic.latent.severity import DEVIATION_SD, chronic_mean, true_severity

SCORED = [task for task in TASKS if task != "next_diagnoses"]


@pytest.mark.parametrize("task", SCORED)
def test_score_is_standard_in_the_population(task: Task) -> None:
    rng = np.random.default_rng(1)
    burden = rng.standard_normal((200_000, 3))
    q = chronic_mean(burden) + DEVIATION_SD * rng.standard_normal((200_000, 4))
    z = true_severity(q, rng.standard_normal((200_000, 4)))
    found = scores.task_score(task, z, burden)
    assert found.mean() == pytest.approx(0, abs=0.015)
    assert found.var() == pytest.approx(1, rel=0.025)


@pytest.mark.parametrize("task", ["mortality", "deterioration", "triage"])
def test_a_linear_model_misses_a_third_of_the_score(task: Task) -> None:
    z = np.random.default_rng(2).standard_normal((100_000, 4))
    found = scores.task_score(task, z, z[:, :3])
    slopes, *_ = np.linalg.lstsq(z, found, rcond=None)
    assert 0.3 < (found - z @ slopes).var() < 0.55


def test_recorded_score_is_standard_too() -> None:
    q = np.sqrt(4 / 3) * np.random.default_rng(3).standard_normal((200_000, 4))
    found = scores.recorded_score(q, scores.MORTALITY)
    assert found.var() == pytest.approx(1, rel=0.025)


def test_next_diagnoses_has_no_severity_score() -> None:
    with pytest.raises(ValueError, match="next_diagnoses"):
        scores.task_score("next_diagnoses", np.zeros((1, 4)), np.zeros((1, 3)))
