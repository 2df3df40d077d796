"""The pipeline on real data: MIMIC-IV demo, copied in, and as if it were the full MIMIC-IV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusehr.core.frame.tasks import TASKS

# the first of them waits for the small run, which others share
pytestmark = [pytest.mark.real, pytest.mark.pipeline, pytest.mark.timeout(1800)]


def _read(clone: Any, name: str) -> Any:
    return json.loads((clone.folder / name).read_text())


def _objects(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_one_flag_swaps_the_data(copy_of_small: Any, mirror: Path) -> None:
    clone = copy_of_small
    clone.run(
        *("dvc", "exp", "run", "-S", "raw.source=mimic4_demo"),
        *("-S", "raw.mimic4_demo.verify=false", "evaluate"),
        FUSEHR_MIRROR=str(mirror),
    )
    tables = _read(clone, "metrics/tables.json")
    assert tables["source"] == {
        "patients": 100,
        "admissions": 275,
        "icu_stays": 140,
        "ed_stays": 0,
    }
    board = _read(clone, "metrics/leaderboard.json")
    assert set(board) == set(TASKS)
    assert 0 <= board["mortality"]["gbm"]["auroc"] <= 1
    # no emergency department, no known truth: skipped with a reason, not a crash
    assert "no samples" in board["triage"]["gbm"]["skipped"]
    assert "skipped" in board["mortality"]["oracle"]


def test_the_full_mimic_is_used_in_place_and_kept_apart(copy_of_small: Any, mirror: Path) -> None:
    """The demo's files stand in for the credentialed ones: same layout, restricted as those are."""
    clone, root = copy_of_small, mirror / "mimic-iv-demo/2.2"
    clone.set_params(
        {
            "raw.source": "mimic4",
            "raw.mimic4.version": "2.2",
            "evaluate.min_label_patients": 10,
            "train.tasks": ["mortality", "readmission"],
        }
    )
    refused = clone.run("dvc", "repro", check=False, FUSEHR_MIMIC4=str(root))
    assert "raw.remote" in refused
    clone.set_params({"raw.remote": "restricted"})
    unset = clone.run("dvc", "repro", check=False)
    assert "FUSEHR_MIMIC4" in unset
    stages = ("tables-card", "rag-embed", "evaluate-score@gbm")
    clone.run("dvc", "repro", *stages, FUSEHR_MIMIC4=str(root))

    raw = clone.folder / "data/raw"
    assert not (raw / "icu/chartevents.csv.gz").exists()
    assert str(root) not in (raw / "manifest.json").read_text()
    assert str(root) not in (clone.folder / "dvc.lock").read_text()
    in_git = clone.run("git", "status", "--porcelain").split()
    assert not [name for name in in_git if name.startswith("data/")]

    scored = pd.read_parquet(clone.folder / "data/evaluate/gbm/intervals.parquet")
    assert set(scored["task"]) == {"mortality", "readmission"}
    tables = _read(clone, "metrics/tables.json")
    counts = [n for fold in tables["tasks"]["mortality"]["folds"].values() for n in fold.values()]
    assert "<10" in counts and not [n for n in counts if isinstance(n, int) and 0 < n < 10]

    clone.run("dvc", "push")
    shared, private = (
        clone.folder.parent / f"fusehr-{name}" for name in ("remote", "restricted-remote")
    )
    assert _objects(private)
    assert not shared.exists() or not _objects(shared) & _objects(private)
