"""The report of the powered run: its sentences follow its tables, whichever way they fell."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, write_json
from fusehr.evaluate.powered_report import powered_report
from fusehr.evaluate.report import report


@pytest.fixture(scope="module")
def kept(world: Path, tmp_path_factory: pytest.TempPathFactory, fakes) -> Path:
    """What the powered run keeps, of a small world; tests only read it."""
    root = tmp_path_factory.mktemp("powered")
    params = fakes.params(reference="majority", unimodal=fakes.unimodal)
    shutil.copytree(world / "data", root / "data")
    report(root, fakes.recipes, params, restricted=False)
    block = {"evaluate": dataclasses.asdict(params)}
    (root / "params.yaml").write_text(yaml.safe_dump(block))
    (root / "commit.txt").write_text("0123abc\n")
    gains = {"recipe": "gbm", "withheld": ["notes", "images", "series"], "task": "triage"}
    bounds = pd.DataFrame(gains | {"high": [0.004, 0.013, 0.2]})
    bounds.to_csv(root / "silenced.csv", index=False)
    alone = pd.read_csv(root / "plots/unimodal.csv", keep_default_na=False, na_values=[""])
    alone = alone.assign(recipe="gbm", unimodal="gbm_series", verdict="not shown")
    alone.to_csv(root / "unimodal.csv", index=False)
    return root


@pytest.fixture
def result(kept: Path, tmp_path: Path) -> Path:
    """A copy of `kept` to change."""
    return Path(shutil.copytree(kept, tmp_path / "result"))


def section(text: str, title: str) -> str:
    (found,) = (part for part in text.split("\n## ") if part.startswith(title))
    return found


def test_numbers_are_those_of_the_tables(kept: Path) -> None:
    text = powered_report(kept)
    assert "Commit 0123abc." in text
    row = pd.read_csv(kept / "plots/metrics.csv").query(
        "task == 'triage' and recipe == 'gbm' and metric == 'auroc' and variant == 'full'"
        " and `class` == 'macro'"
    )
    value, low, high = row[["value", "low", "high"]].to_numpy(float)[0]
    board = section(text, "Leaderboard")
    (line,) = (line for line in board.splitlines() if line.startswith("| gbm |"))
    assert line.endswith(f"| {value:.3f} [{low:.3f}, {high:.3f}] |")
    names = [line.split()[1] for line in board.splitlines()[4:] if line.startswith("|")]
    assert names[0] == "gbm"
    assert set(names[-2:]) == {"oracle", "attainable"}
    paired = pd.read_csv(kept / "plots/paired.csv").query(
        "task == 'triage' and recipe == 'gbm' and claim == 'superiority'"
    )
    difference, low, high, bound = paired[["difference", "low", "high", "low_holm"]].to_numpy()[0]
    cell = f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]; {bound:+.3f}"
    assert cell in section(text, "Better than majority")


def test_claims_are_told_both_ways(result: Path) -> None:
    before = powered_report(result)
    won = "gbm is better than majority on 5 of 5 tasks"
    assert won in section(before, "Better than majority")
    assert "gbm is not worse than gbm" not in before
    lost = "- majority is not worse than gbm by 0.01 on 0 of 5 tasks; worse on mortality, "
    assert lost in section(before, "Not worse than gbm")
    unimodal = section(before, "Better than its own")
    assert "- gbm is better than one_vital on" in unimodal
    assert "- gbm is better than gbm_series on 0 of 5 tasks; not shown on mortality, " in unimodal
    paired = pd.read_csv(result / "plots/paired.csv")
    mine = (paired["recipe"] == "gbm") & (paired["task"] == "triage")
    paired.loc[mine & (paired["claim"] == "superiority"), "verdict"] = "not shown"
    paired.to_csv(result / "plots/paired.csv", index=False)
    after = section(powered_report(result), "Better than majority")
    assert won not in after
    assert "gbm is better than majority on 4 of 5 tasks" in after
    assert "; not shown on triage." in after


def test_a_withheld_source_that_costs_nothing_is_named(kept: Path) -> None:
    part = section(powered_report(kept), "What a withheld source costs")
    assert "| gbm without series |" in part
    table = pd.read_csv(kept / "plots/withheld.csv")
    nothing = table[(table["low"] <= 0) & (table["high"] >= 0)]
    assert len(nothing)
    assert f"Of 10 differences {10 - len(nothing)} exclude zero." in part
    for row in nothing.itertuples():
        assert f"gbm without {row.withheld} on {row.task}" in part


def test_a_gain_from_nothing_is_named(kept: Path) -> None:
    part = section(powered_report(kept), "What is gained from sources that tell nothing")
    assert "| gbm, notes | - | - | - | - | +0.004 |" in part
    assert "Of 2 bounds 1 are below 0.01. Those that are not: gbm from images on triage." in part


def test_shares_leave_out_the_reference_and_ends_that_cannot_be_told(result: Path) -> None:
    ceiling = pd.read_csv(result / "plots/ceiling.csv")
    ceiling.loc[(ceiling["recipe"] == "gbm") & (ceiling["task"] == "triage"), "share_high"] = None
    ceiling.to_csv(result / "plots/ceiling.csv", index=False)
    part = section(powered_report(result), "Share of the way from majority")
    rows = [line for line in part.splitlines() if line.startswith("|")]
    assert not any(line.startswith("| majority |") for line in rows)
    (line,) = (line for line in rows if line.startswith("| gbm |"))
    assert line.endswith(", ] |")


def test_what_was_skipped_is_a_dash_with_its_reason(result: Path) -> None:
    board = read_json(result / "metrics/leaderboard.json")
    board["triage"]["gbm"] = {"skipped": "no image"}
    write_json(result / "metrics/leaderboard.json", board)
    metrics = pd.read_csv(result / "plots/metrics.csv")
    gone = (metrics["recipe"] == "gbm") & (metrics["task"] == "triage")
    metrics[~gone].to_csv(result / "plots/metrics.csv", index=False)
    part = section(powered_report(result), "Leaderboard")
    (line,) = (line for line in part.splitlines() if line.startswith("| gbm |"))
    assert line.endswith("| - |")
    assert "- gbm on triage: no image" in part


def test_without_comparisons_it_says_so(result: Path) -> None:
    for name in ("plots/unimodal", "plots/withheld", "plots/ceiling", "unimodal"):
        path = result / f"{name}.csv"
        pd.read_csv(path).iloc[:0].to_csv(path, index=False)
    text = powered_report(result)
    assert "No recipe was compared." in section(text, "Better than its own")
    assert "No recipe was tested without a source." in text
    assert "The source has no ceiling" in text


@pytest.mark.parametrize("name", ["plots/withheld.csv", "commit.txt", "metrics/leaderboard.json"])
def test_a_missing_file_is_named(result: Path, name: str) -> None:
    (result / name).unlink()
    with pytest.raises(InputError, match=name):
        powered_report(result)
