"""The last stage as a whole: what it writes, prints, tells and leaves out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.params.evaluate import NonInferior
from fusehr.evaluate.report import report

PLOTS = {
    *("metrics", "metrics_by_class", "net_benefit", "paired", "unimodal", "ceiling", "withheld"),
    *("roc", "pr", "calibration", "confusion", "labels", "skipped"),
}
PICTURES = {"leaderboard", "withheld", "roc", "pr", "calibration", "training"}


def files(root: Path, *folders: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def test_every_output_is_written_and_none_else(world: Path) -> None:
    written = set(files(world, "metrics", "plots"))
    assert written == {
        "metrics/leaderboard.json",
        *(f"plots/{name}.csv" for name in PLOTS),
        *(f"plots/{name}.png" for name in PICTURES),
    }


def test_two_runs_give_the_same_bytes(world: Path, tmp_path: Path, fakes) -> None:
    fakes.scored(fakes.world(tmp_path), fakes.params())
    report(tmp_path, fakes.recipes, fakes.params(unimodal=fakes.unimodal), restricted=False)
    folders = ("metrics", "plots", "data/evaluate")
    assert files(tmp_path, *folders) == files(world, *folders)


def test_the_leaderboard_is_flat_numbers_rounded(world: Path, fakes) -> None:
    board = json.loads((world / "metrics/leaderboard.json").read_text())
    assert set(board) == {"mortality", "readmission", "deterioration", "next_diagnoses", "triage"}
    table = pd.read_csv(world / "plots/metrics.csv").query("variant == 'full'")
    table = table.set_index(["task", "recipe", "metric", "class"])
    for task, recipes in board.items():
        assert set(recipes) == set(fakes.recipes)
        for recipe, entry in recipes.items():
            expected = {"auroc", "auprc", "min_p_se", "brier"}
            assert set(entry) == expected | ({"f1_weighted"} if task == "triage" else set())
            scope = "macro" if task in ("triage", "next_diagnoses") else "positive"
            for metric in expected:
                value = table.loc[(task, recipe, metric, scope), "value"]
                assert entry[metric] == pytest.approx(value, abs=0.6e-4)
                assert entry[metric] == round(entry[metric], 4)


def test_nothing_written_is_about_one_patient(world: Path, fakes) -> None:
    frame = fakes.predictions("gbm", noise=1.2)
    ids = {*frame["sample_id"].astype(str), *frame["patient_id"].astype(str)}
    for name, content in files(world, "metrics", "plots").items():
        if name.endswith(".png"):
            continue
        words = set(content.decode().replace('"', ",").replace("\n", ",").split(","))
        assert not words & ids, name
    for name in ("roc", "pr"):
        curve = pd.read_csv(world / f"plots/{name}.csv")
        assert set(curve.groupby(["task", "recipe", "variant", "class"]).size()) == {101}
    bins = pd.read_csv(world / "plots/calibration.csv")
    assert bins.groupby(["task", "recipe", "probabilities"]).size().max() <= 10


def test_every_number_tells_its_n_method_and_seeds(world: Path) -> None:
    names = ("metrics", "metrics_by_class", "net_benefit", "paired", "unimodal", "withheld")
    for name in names:
        table = pd.read_csv(world / f"plots/{name}.csv")
        assert len(table), name
        for column in ("n", "n_patients", "method", "seeds", "draws", "undefined_draws"):
            assert table[column].notna().all(), (name, column)


def test_treat_all_follows_from_the_share_of_positives(world: Path) -> None:
    net = pd.read_csv(world / "plots/net_benefit.csv")
    row = net.query("task == 'mortality' and recipe == 'gbm' and threshold == 0.2").iloc[0]
    rate = row["n_positive"] / row["n"]
    assert row["treat_all"] == pytest.approx(rate - (1 - rate) * 0.25, abs=1e-5)
    # A constant score above the threshold treats all.
    majority = net.query(
        "task == 'next_diagnoses' and recipe == 'majority' and threshold == 0.05"
    ).iloc[0]
    assert majority["net_benefit"] == pytest.approx(majority["treat_all"], abs=1e-5)


@pytest.fixture
def uneven(tmp_path: Path, fakes) -> Path:
    """A recipe that skipped a task, one that says nothing about one, and a one-class test fold."""
    for recipe in ("gbm", "logistic", "lstm_vitals"):
        frame = fakes.predictions(recipe, noise=1.2, tasks=("mortality", "readmission", "triage"))
        frame.loc[frame["task"].eq("mortality") & frame["fold"].eq("test"), "y"] = 0
        if recipe == "gbm":
            fakes.trained(tmp_path, recipe, frame)
        elif recipe == "logistic":
            frame = frame[frame["task"] != "triage"]
            fakes.trained(tmp_path, recipe, frame, skipped={"triage": "train fold has one class"})
        else:
            fakes.trained(tmp_path, recipe, frame[frame["task"] != "readmission"])
    return fakes.scored(tmp_path, fakes.params())


def test_skips_and_undefined_values_keep_their_reasons(uneven: Path, fakes) -> None:
    text = report(uneven, ("gbm", "logistic", "lstm_vitals"), fakes.params(), restricted=False)
    board = json.loads((uneven / "metrics/leaderboard.json").read_text())
    assert board["triage"]["logistic"] == {"skipped": "train fold has one class"}
    assert board["readmission"]["lstm_vitals"] == {"skipped": "no predictions"}
    assert board["mortality"]["gbm"]["undefined"] == "auprc, auroc, min_p_se: no positive sample"
    assert isinstance(board["mortality"]["gbm"]["brier"], float)
    assert "auroc" not in board["mortality"]["gbm"]
    skipped = pd.read_csv(uneven / "plots/skipped.csv")
    told = set(zip(skipped["task"], skipped["recipe"], skipped["reason"], strict=True))
    assert ("triage", "logistic", "train fold has one class") in told
    assert ("readmission", "lstm_vitals", "no predictions") in told
    assert "skipped: train fold has one class" in text
    assert "no positive sample" in text
    paired = pd.read_csv(uneven / "plots/paired.csv")
    assert set(paired[paired["recipe"] == "logistic"]["task"]) == {"readmission", "mortality"}
    # AUROC is undefined for mortality, so the family that Holm adjusts for is readmission alone.
    tested = paired[(paired["recipe"] == "logistic") & paired["p"].notna()]
    assert tested["task"].tolist() == ["readmission"]
    assert (tested["p"] == tested["p_holm"]).all()


@pytest.mark.parametrize("restricted", [False, True])
def test_a_source_without_any_sample_still_has_a_board_of_reasons(
    tmp_path: Path, fakes, restricted: bool
) -> None:
    for recipe in ("gbm", "attainable"):
        empty = fakes.predictions(recipe, noise=1.0, tasks=("triage",)).iloc[:0]
        fakes.trained(tmp_path, recipe, empty, skipped={"triage": "no samples"})
    fakes.scored(tmp_path, fakes.params())
    report(tmp_path, ("gbm", "attainable"), fakes.params(), restricted=restricted)
    board = json.loads((tmp_path / "metrics/leaderboard.json").read_text())
    reason = {"skipped": "no samples"}
    assert board == {"triage": {"gbm": reason, "attainable": reason}}


def test_the_printed_board_holds_the_numbers(world: Path, fakes) -> None:
    params = fakes.params(unimodal=fakes.unimodal)
    text = report(world, fakes.recipes, params, restricted=False)
    row = (
        pd.read_csv(world / "plots/metrics.csv")
        .query("task == 'readmission' and recipe == 'gbm' and metric == 'auroc'")
        .query("variant == 'full'")
        .iloc[0]
    )
    (block,) = (part for part in text.split("\n\n") if part.startswith("readmission"))
    line = next(line for line in block.splitlines() if line.split()[:1] == ["gbm"])
    assert f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in line
    names = [line.split()[0] for line in block.splitlines()[2:]]
    assert names[-2:] == ["oracle", "attainable"]  # ceilings stand last
    assert "warning" not in text


def test_a_model_above_the_ceiling_is_warned_of(tmp_path: Path, fakes) -> None:
    for recipe, noise in (("gbm", 0.0), ("logistic", 1.5), ("attainable", 3.0)):
        frame = fakes.predictions(recipe, noise=noise, tasks=("next_diagnoses",))
        fakes.trained(tmp_path, recipe, frame)
    fakes.scored(tmp_path, fakes.params())
    text = report(tmp_path, ("gbm", "logistic", "attainable"), fakes.params(), restricted=False)
    assert "warning: gbm is above attainable on next_diagnoses: auroc +0." in text
    ceiling = pd.read_csv(tmp_path / "plots/ceiling.csv").set_index("recipe")
    assert ceiling.loc["gbm", "verdict"] == "above"


def test_without_ceilings_the_table_of_ceilings_is_empty(uneven: Path, fakes) -> None:
    text = report(uneven, ("gbm", "logistic", "lstm_vitals"), fakes.params(), restricted=False)
    lines = (uneven / "plots/ceiling.csv").read_text().splitlines()
    assert len(lines) == 1
    assert "verdict" in lines[0]
    assert "ceiling" not in text


def test_a_variant_is_scored_but_not_ranked(tmp_path: Path, fakes) -> None:
    full = fakes.predictions("gbm", noise=1.0, tasks=("mortality",))
    without = fakes.predictions("gbm", noise=3.0, tasks=("mortality",), variant="no_notes")
    fakes.trained(tmp_path, "gbm", pd.concat([full, without]))
    fakes.scored(tmp_path, fakes.params())
    report(tmp_path, ("gbm",), fakes.params(), restricted=False)
    table = pd.read_csv(tmp_path / "plots/metrics.csv").query("metric == 'auroc'")
    values = table.set_index("variant")["value"]
    assert values["no_notes"] < values["full"]
    board = json.loads((tmp_path / "metrics/leaderboard.json").read_text())
    assert board["mortality"]["gbm"]["auroc"] == pytest.approx(values["full"], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reference": "nobody"}, r"evaluate\.reference: expected one of .*found nobody"),
        (
            {"noninferior": NonInferior(against="nobody", margin=0.01)},
            r"evaluate\.noninferior\.against: expected one of .*found nobody",
        ),
        ({"unimodal": {"gbm": "nobody"}}, r"evaluate\.unimodal\.gbm: expected one of .*nobody"),
        ({"unimodal": {"nobody": "gbm"}}, r"evaluate\.unimodal\.nobody: .*found nobody: gbm"),
        ({"unimodal": {"gbm": "gbm"}}, r"evaluate\.unimodal\.gbm: .*found gbm: gbm"),
    ],
)
def test_comparisons_with_unknown_recipes_are_refused(
    world: Path, fakes, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        report(world, fakes.recipes, fakes.params(**changes), restricted=False)


def test_scoring_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys, fusehr.evaluate.scoring.score_recipe; "
        "print([m for m in ('sklearn', 'matplotlib', 'torch', 'scipy') if m in sys.modules])"
    )
    env = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "[]", done.stderr


def test_pictures_have_content(world: Path) -> None:
    from matplotlib.image import imread

    for name in PICTURES:
        picture = imread(world / f"plots/{name}.png")
        assert min(picture.shape[:2]) > 300
        assert np.mean(picture[..., :3].min(axis=2) < 0.9) > 0.005, name  # ink on the paper
