"""The two stage scripts, run as DVC runs them: declared parameters, declared inputs."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]

SCORING = [
    f"evaluate.{name}"
    for name in (
        *("bootstrap_draws", "seed", "calibration_bins", "net_benefit_thresholds"),
        *("min_label_patients", "alarm_sensitivity"),
    )
]

PIPELINE = {
    "stages": {
        "evaluate-score": {
            "foreach": "${recipes}",
            "do": {"params": [*SCORING, "tables.deterioration.step_hours"]},
        },
        "evaluate": {
            "params": ["evaluate", "raw.source"],
            "deps": [
                "stages/evaluate.py",
                "data/evaluate/gbm",
                "data/evaluate/logistic",
                "data/train/gbm/curves.csv",
                "data/train/logistic/curves.csv",
            ],
        },
    }
}


@pytest.fixture
def root(tmp_path: Path, fakes, monkeypatch: pytest.MonkeyPatch) -> Path:
    for recipe in ("gbm", "logistic", "majority"):
        fakes.trained(
            tmp_path, recipe, fakes.predictions(recipe, noise=1.0, tasks=("deterioration",))
        )
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["evaluate"] |= {"bootstrap_draws": 100, "reference": "gbm", "unimodal": {}}
    params["evaluate"]["noninferior"]["against"] = "logistic"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    runpy.run_path(str(REPOSITORY / "stages" / script), run_name="__main__")


def test_scripts_go_from_predictions_to_the_leaderboard(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for recipe in ("gbm", "logistic", "majority"):
        run(monkeypatch, "evaluate_score.py", recipe)
    assert "majority: scored deterioration\n" in capsys.readouterr().out
    run(monkeypatch, "evaluate.py")
    assert "AUROC [95 % interval]" in capsys.readouterr().out
    board = json.loads((root / "metrics/leaderboard.json").read_text())
    # Scores of a recipe that the stage does not list as its input stay out.
    assert set(board["deterioration"]) == {"gbm", "logistic"}


def test_missing_scores_end_in_one_message(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "evaluate_score.py", "gbm")
    with pytest.raises(SystemExit, match=r"error: data/evaluate/logistic/intervals\.parquet"):
        run(monkeypatch, "evaluate.py")
    assert not (root / "plots").exists()
