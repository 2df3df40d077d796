"""The same inputs give the same bytes: within a process, and from the stage script in another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
FITTED = ("one_vital", "logistic", "gbm", "lstm_vitals")


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def differing(a: Path, b: Path) -> set[str]:
    """Files that only one has, or whose bytes differ."""
    one, other = content(a), content(b)
    assert one
    return {name for name in one | other if one.get(name) != other.get(name)}


@pytest.mark.parametrize("recipe", FITTED)
def test_two_runs_write_the_same_bytes(
    recipe: str, once: Callable, trained: Callable, tables: Path
) -> None:
    assert differing(once(recipe), trained(recipe, tables)) == set()


def test_tasks_in_processes_of_their_own_write_the_same_bytes(
    once: Callable, trained: Callable, tables: Path
) -> None:
    """But for recipe.json, which says how many processes there were."""
    beside = trained("gbm", tables, train__threads=2, train__tasks=["mortality", "triage"])
    for task in ("mortality", "triage"):
        weights = Path("weights") / task / "split" / "1.safetensors"
        assert (beside / weights).read_bytes() == (once("gbm") / weights).read_bytes()
    rows, all_rows = (
        pd.read_parquet(folder / "predictions.parquet") for folder in (beside, once("gbm"))
    )
    expected = all_rows[all_rows["task"].isin(["mortality", "triage"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected)


@pytest.mark.parametrize(("recipe", "with_torch"), [("logistic", False), ("lstm_vitals", True)])
def test_the_stage_script_writes_the_same_bytes_in_another_process(
    recipe: str, with_torch: bool, once: Callable, tables: Path, project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tables").symlink_to(tables)
    script = f"""
import runpy, sys
sys.argv = ["train.py", "{recipe}"]
runpy.run_path({str(ROOT / "stages" / "train.py")!r}, run_name="__main__")
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert differing(once(recipe), tmp_path / "data" / "train" / recipe) == set()
    *lines, torch_loaded = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"{recipe} {task}"
        for task in ("mortality", "readmission", "deterioration", "next_diagnoses", "triage")
    ]
    # starting PyTorch takes longer than a small recipe's training
    assert torch_loaded == str(with_torch)


@pytest.mark.parametrize("recipe", ["gbm", "lstm_vitals"])
def test_each_seed_trains_a_model_of_its_own(recipe: str, trained: Callable, tables: Path) -> None:
    folder = trained(recipe, tables, train__seeds=[1, 2], train__tasks=["mortality"])
    weights = folder / "weights" / "mortality" / "split"
    names = [path.name.removeprefix("1") for path in sorted(weights.glob("1*"))]
    assert names
    for name in names:
        assert (weights / f"1{name}").read_bytes() != (weights / f"2{name}").read_bytes()


def test_a_seed_does_not_depend_on_what_else_is_trained(
    once: Callable, trained: Callable, tables: Path
) -> None:
    alone = trained("lstm_vitals", tables, train__seeds=[2, 1], train__tasks=["triage"])
    path = Path("weights") / "triage" / "split" / "1.safetensors"
    assert (alone / path).read_bytes() == (once("lstm_vitals") / path).read_bytes()
