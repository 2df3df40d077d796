"""The stage from its script: what it writes, the same bytes twice, whatever the search brought."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.evaluate.scoring.conditions import conditions

from .conftest import NAME, RATE, ROOT, WIDTH

PICTURES = ("history", "importance", "parallel", "slices")


def run_stage(root: Path) -> str:
    done = subprocess.run(
        [sys.executable, "stages/train_tune.py", NAME],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(root: Path) -> dict[str, str]:
    """SHA-256 of every output, by name."""
    files = [*(root / "data/tune").rglob("*"), *(root / "plots/tune").rglob("*")]
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def test_a_search_from_its_script(
    repository: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = repository()
    said = run_stage(root)
    folder, plots = root / "data/tune" / NAME, root / "plots/tune" / NAME
    assert said.count("trial ") == 4

    trials = pd.read_csv(plots / "trials.csv")
    assert trials["trial"].tolist() == [1, 2, 3, 4]
    assert [trials[RATE].iloc[0], trials[WIDTH].iloc[0]] == [0.01, 16]
    best = yaml.safe_load((folder / "best.yaml").read_text())
    assert list(best) == sorted(best) == [WIDTH, RATE]
    top = trials.sort_values("auprc").iloc[-1]
    assert {path: top[path] for path in best} == best
    assert trials["best_so_far"].iloc[-1] == top["auprc"]

    effect = json.loads((folder / "effect.json").read_text())
    assert effect["parameters"] == {"default": {RATE: 0.01, WIDTH: 16}, "best": best}
    assert effect["trials"] == {"complete": 4, "pruned": 0, "diverged": 0}
    assert effect["pruned_by"] == "auroc" and effect["metric"] == "auprc"
    # the validation scores are those of the trials, as both had the first seed
    assert effect["validation"]["best"] == pytest.approx(top["auprc"], abs=1e-6)
    assert effect["validation"]["default"] == pytest.approx(trials["auprc"][0], abs=1e-6)
    test = effect["test"]
    assert test["difference"] == pytest.approx(test["best"] - test["default"], abs=2e-6)
    assert test["low"] <= test["difference"] <= test["high"] and 0 < test["p"] <= 1
    assert test["verdict"] in ("better", "worse", "no difference shown", "the same")
    assert test["verdict"] in said and f"{test['difference']:+.4f}" in said
    table = pd.read_csv(plots / "effect.csv").set_index("patients")
    assert table.loc["test", "difference"] == test["difference"]
    assert table.loc["validation", "reason"] == "chosen on these patients"

    predictions = read_parquet(folder / "predictions.parquet", PREDICTIONS)
    found = [one.variant for one in conditions(predictions, source="predictions")]
    assert found == ["best", "default"]
    for name in PICTURES:
        with Image.open(plots / f"{name}.png") as picture:
            assert min(picture.size) > 200 and "Software" not in picture.info

    # anew, with nothing kept of the first: the same bytes
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "other_cache"))
    again = repository("again")
    run_stage(again)
    assert written(again) == written(root)


def test_an_unknown_space_is_one_clear_line(repository: Callable[..., Path]) -> None:
    done = subprocess.run(
        [sys.executable, "stages/train_tune.py", "big"],
        cwd=repository(),
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: params.yaml: train-tune@big: expected one of {NAME}\n"
