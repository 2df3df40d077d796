"""Performance within groups of patients: values, intervals, gaps, what is left out or hidden."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import validate
from fusehr.core.frame.schemas import SAMPLES, STATIC
from fusehr.core.params.evaluate import SubgroupParams
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.subgroups.groups import ANY, age_bands
from fusehr.evaluate.subgroups.hidden import hidden_groups
from fusehr.evaluate.subgroups.report import evaluate_subgroups

RECIPES = ("gbm", "logistic")
COUNTS = ("n", "n_patients", "n_positive", "positive_patients", "negative_patients")


def write_tables(root: Path, predictions: pd.DataFrame) -> pd.DataFrame:
    """samples and static of the predicted samples: a visit each; age, sex, type by patient."""
    samples = predictions.drop_duplicates("sample_id").reset_index(drop=True)
    number = samples["patient_id"].to_numpy() % 100
    time = pd.Timestamp("2150-01-01")
    visits = pd.DataFrame(
        {
            "patient_id": samples["patient_id"],
            "visit_id": np.arange(len(samples)),
            "age": np.where(number < 30, 44.0, np.where(number < 95, 45.0 + number / 2, np.nan)),
            "sex": np.where(number % 2 == 0, "F", "M"),
            "admission_type": [None if k < 3 else "ED" if k < 60 else "URGENT" for k in number],
            "admission_location": None,
            "available_time": time,
        }
    )
    write_parquet(root / "data/tables/static.parquet", visits, STATIC)
    columns = {column.name: None for column in SAMPLES.columns}
    rows = samples[["sample_id", "patient_id", "task"]].assign(visit_id=visits["visit_id"])
    rows = pd.DataFrame(columns | {name: rows[name] for name in rows})
    rows = rows.assign(index_time=time, window_start=time, history_start=time)
    rows = rows.assign(codes_through=time, train_use=False)
    write_parquet(root / "data/tables/samples.parquet", rows, SAMPLES)
    return samples[["sample_id"]].join(visits)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, fakes) -> tuple[Path, pd.DataFrame]:
    """Two recipes with predictions of five tasks, and the tables behind them."""
    root = tmp_path_factory.mktemp("subgroups")
    for recipe, noise in zip(RECIPES, (1.2, 1.6), strict=True):
        frame = fakes.predictions(recipe, noise=noise, seeds=(1, 2))
        fakes.trained(root, recipe, frame)
    return root, write_tables(root, frame)


def run(root: Path, params: Any, *, restricted: bool = False, **where: Path) -> str:
    (root / "plots").mkdir(exist_ok=True)
    places = {name: Path(f"data/train/{name}/predictions.parquet") for name in RECIPES} | where
    return evaluate_subgroups(root, places, params, restricted=restricted)


def table(root: Path, name: str = "subgroups") -> pd.DataFrame:
    return pd.read_csv(root / f"plots/{name}.csv")


def test_a_group_s_value_is_scikit_learn_s_on_its_samples(place, fakes) -> None:
    root, visits = place
    run(root, fakes.params())
    frame = fakes.predictions("gbm", noise=1.2, seeds=(1, 2), tasks=("deterioration",))
    frame = frame[frame["fold"] == "test"].merge(visits, on="sample_id")

    def value(part: pd.DataFrame) -> float:
        return float(np.mean([roc_auc_score(s["y"], s["p"]) for _, s in part.groupby("seed")]))

    young, women = frame[frame["age"] < 45], frame[frame["sex"] == "F"]
    rows = table(root).query("task == 'deterioration' and recipe == 'gbm'")
    for group, part in (("18-44", young), ("F", women)):
        (row,) = rows[rows["group"] == group].to_dict("records")
        assert row["value"] == pytest.approx(value(part), abs=1e-5)
        assert row["gap"] == pytest.approx(value(frame) - value(part), abs=2e-5)
        once = part[part["seed"] == 1]
        assert row["n"] == len(once)
        assert row["n_patients"] == once["patient_id_x"].nunique()
        assert row["n_positive"] == once["y"].sum()


def test_intervals_are_those_of_drawing_whole_patients(place, fakes) -> None:
    root, visits = place
    params = fakes.params()
    run(root, params)
    frame = fakes.predictions("gbm", noise=1.2, seeds=(1, 2), tasks=("readmission",))
    frame = frame[frame["fold"] == "test"].merge(visits, on="sample_id")
    known, owner = np.unique(frame["patient_id_x"], return_inverse=True)
    inside = (frame["sex"] == "M").to_numpy()
    values, gaps = [], []
    for weights in resamples(len(known), draws=params.bootstrap_draws, seed=params.seed):
        for draw in weights.T:
            both = []
            for rows in (inside, np.ones(len(frame), bool)):
                by_seed = []
                for seed in (1, 2):
                    own = rows & (frame["seed"] == seed).to_numpy() & (draw[owner] > 0)
                    part = frame[own]
                    by_seed.append(
                        roc_auc_score(part["y"], part["p"], sample_weight=draw[owner][own])
                    )
                both.append(np.mean(by_seed))
            values.append(both[0])
            gaps.append(both[1] - both[0])
    (row,) = (
        table(root)
        .query("task == 'readmission' and recipe == 'gbm' and group == 'M'")
        .to_dict("records")
    )
    low, high = np.quantile(values, (0.025, 0.975))
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-5)
    low, high = np.quantile(gaps, (0.025, 0.975))
    assert (row["gap_low"], row["gap_high"]) == pytest.approx((low, high), abs=1e-5)


def test_a_mean_over_classes_is_compared_on_the_same_classes(place, fakes) -> None:
    root, visits = place
    run(root, fakes.params())
    frame = fakes.predictions("gbm", noise=1.2, seeds=(1, 2), tasks=("next_diagnoses",))
    frame = frame[frame["fold"] == "test"].merge(visits, on="sample_id")
    part = frame[frame["age"] < 45]

    def enough(rows: pd.DataFrame) -> bool:
        sides = rows.groupby("y")["patient_id_x"].nunique()
        return len(sides) == 2 and sides.min() >= 10

    counted = [name for name, rows in part.groupby("class") if enough(rows)]
    assert 0 < len(counted) < frame["class"].nunique()

    def value(rows: pd.DataFrame) -> float:
        groups = rows[rows["class"].isin(counted)].groupby(["class", "seed"])
        return float(np.mean([roc_auc_score(own["y"], own["p"]) for _, own in groups]))

    (row,) = (
        table(root)
        .query("task == 'next_diagnoses' and recipe == 'gbm' and group == '18-44'")
        .to_dict("records")
    )
    assert row["classes"] == len(counted)
    assert row["value"] == pytest.approx(value(part), abs=1e-5)
    assert row["overall"] == pytest.approx(value(frame), abs=1e-5)


@pytest.mark.parametrize("metric", ["brier", "f1_weighted"])
def test_other_primary_metrics(place, fakes, tmp_path: Path, metric: str) -> None:
    """Of the Brier score, lower is better: a group with more is behind."""
    root, _ = place
    params = fakes.params()
    changed = {**params.primary_metric, "triage": metric}
    run(root, replace(params, primary_metric=changed))
    rows = table(root).query("task == 'triage' and recipe == 'gbm'").dropna(subset=["value"])
    side = -1 if metric == "brier" else 1
    assert rows["gap"].to_numpy() == pytest.approx(
        side * (rows["overall"] - rows["value"]).to_numpy(), abs=2e-5
    )
    fakes.scored(root, params)
    known = pd.read_parquet(root / "data/evaluate/gbm/intervals.parquet")
    scope = "macro" if metric == "brier" else "all"
    known = known[(known["task"] == "triage") & (known["metric"] == metric)]
    overall = known.loc[known["class"] == scope, "value"].item()
    assert rows.loc[rows["classes"] == 3, "overall"].iloc[0] == pytest.approx(overall, abs=1e-5)


def test_the_brier_score_is_that_of_recalibrated_probabilities(place, fakes) -> None:
    root, visits = place
    params = fakes.params()
    run(root, replace(params, primary_metric=dict.fromkeys(params.primary_metric, "brier")))
    frame = fakes.predictions("gbm", noise=1.2, seeds=(1, 2), tasks=("mortality",))
    frame = frame[frame["fold"] == "test"].merge(visits, on="sample_id")
    part = frame[frame["sex"] == "F"]
    raw = np.mean([brier_score_loss(own["y"], own["p"]) for _, own in part.groupby("seed")])
    (row,) = (
        table(root)
        .query("task == 'mortality' and recipe == 'gbm' and group == 'F'")
        .to_dict("records")
    )
    assert row["value"] != pytest.approx(raw, abs=1e-3)
    assert row["value"] < raw  # the fake noise makes raw probabilities too extreme


def test_the_worst_group_is_the_one_that_is_most_behind(place, fakes) -> None:
    root, _ = place
    text = run(root, fakes.params())
    rows, gaps = table(root), table(root, "subgroup_gaps")
    own = rows[(rows["task"] == "readmission") & (rows["recipe"] == "gbm")]
    worst = own.sort_values("gap", na_position="first").iloc[-1]
    (row,) = gaps.query(
        "task == 'readmission' and recipe == 'gbm' and attribute == @ANY", local_dict={"ANY": ANY}
    ).to_dict("records")
    assert row["worst"] == f"{worst['attribute']} {worst['group']}"
    for name in ("gap", "gap_low", "gap_high"):
        assert row[name] == worst[name]
    assert row["groups"] == own["gap"].notna().sum()
    # the largest of many: chance reaches it more often than the group alone would tell
    assert 0 < row["p"] <= 1
    assert f"{row['gap']:.3f}" in text
    numbers = json.loads((root / "metrics/subgroups.json").read_text())
    told = numbers["readmission"]["gbm"]
    assert told == {"worst_gap": round(row["gap"], 4), "worst_group": row["worst"]}


def test_groups_of_few_patients_are_left_out_with_the_reason(place, fakes) -> None:
    root, _ = place
    run(root, fakes.params())
    rows = table(root)
    few = rows[rows["value"].isna()]
    assert len(few)
    binary = few[few["task"] == "mortality"]
    assert set(binary["reason"]) == {"fewer than 10 positive or 10 negative patients"}
    assert (binary[["positive_patients", "negative_patients"]].min(axis=1) < 10).all()
    assert rows.loc[rows["value"].notna(), "reason"].isna().all()
    assert {"unknown"} <= set(rows["group"])


def test_no_small_cell_of_a_restricted_source_is_written_or_follows(place, fakes) -> None:
    root, _ = place
    run(root, fakes.params(), restricted=False)
    open_ = table(root).set_index(["task", "recipe", "attribute", "group"])
    run(root, fakes.params(), restricted=True)
    rows = table(root)
    assert (rows[list(COUNTS)].min() >= 10).all()
    binary = rows[~rows["task"].isin(["triage", "next_diagnoses"])]
    assert ((binary["n"] - binary["n_positive"]).dropna() >= 10).all()
    hidden = rows[rows["n"].isna()]
    assert len(hidden)
    assert hidden["value"].isna().all()
    assert hidden["reason"].str.startswith("hidden").all()
    # what is hidden of an attribute is no small cell in sum either
    whole = ["task", "recipe", "attribute"]
    for _, part in hidden.groupby(whole):
        assert len(part) != 1
        counts = open_.loc[pd.MultiIndex.from_frame(part[[*whole, "group"]])]
        assert (counts[["n", "n_patients"]].sum() >= 10).all()
    gaps = table(root, "subgroup_gaps")
    assert (gaps[["n", "n_patients"]].min() >= 10).all()
    for task, of_task in gaps.groupby("task"):
        unseen = set(hidden.loc[hidden["task"] == task, "group"])
        assert not unseen & set(of_task["worst"])


def test_a_hidden_group_is_never_alone_nor_small_with_its_companions() -> None:
    cells = np.array([[50, 20], [4, 3], [30, 15]])
    assert hidden_groups(cells, small=10).tolist() == [False, True, True]
    cells = np.array([[50, 20], [2, 2], [3, 1], [30, 15]])  # 5 together
    assert hidden_groups(cells, small=10).tolist() == [False, True, True, True]
    assert not hidden_groups(np.array([[50, 20], [30, 15]]), small=10).any()


def test_two_runs_give_the_same_bytes(place, fakes) -> None:
    root, _ = place
    outputs = ("plots/subgroups.csv", "plots/subgroup_gaps.csv", "plots/subgroups.png")
    found = []
    for _ in range(2):
        run(root, fakes.params())
        found.append([(root / name).read_bytes() for name in (*outputs, "metrics/subgroups.json")])
    assert found[0] == found[1]


def test_age_bands() -> None:
    ages = np.array([17, 18, 44, 45, 64, 65, 79, 80, 99, np.nan], float)
    assert list(age_bands(ages, [18, 45, 65, 80])) == [
        *("under 18", "18-44", "18-44", "45-64", "45-64"),
        *("65-79", "65-79", "80+", "80+", "unknown"),
    ]


@pytest.mark.parametrize(
    "change",
    [{"age_bounds": [45, 18]}, {"age_bounds": []}, {"recipes": []}, {"recipes": ["gbm", "gbm"]}],
)
def test_bad_parameters_are_refused_with_their_path(change: dict[str, Any]) -> None:
    block = {"recipes": ["gbm"], "age_bounds": [18, 45]} | change
    (name,) = change
    with pytest.raises(InputError, match=rf"params\.yaml: evaluate\.subgroups\.{name}: expected"):
        validate(block, SubgroupParams, "evaluate.subgroups")


def test_an_unknown_recipe_is_refused(place, fakes) -> None:
    root, _ = place
    block = SubgroupParams(recipes=["nobody"], age_bounds=[18])
    with pytest.raises(InputError, match=r"subgroups\.recipes: expected some of gbm.*nobody"):
        run(root, fakes.params(subgroups=block))


def test_predictions_of_other_samples_are_refused(place, fakes, tmp_path: Path) -> None:
    root, _ = place
    sizes = {"mortality": 60, "patients": 50, "labels": 2}
    frame = fakes.predictions("other", noise=1.0, tasks=("mortality",), sizes=sizes)
    fakes.trained(tmp_path, "other", frame)
    where = tmp_path / "data/train/other/predictions.parquet"
    block = SubgroupParams(recipes=["gbm", "other"], age_bounds=[18])
    with pytest.raises(InputError, match="expected the test samples, labels and split of gbm"):
        run(root, fakes.params(subgroups=block), other=where)


def test_a_source_without_a_large_enough_group_has_reasons_and_an_empty_picture(
    place, fakes, tmp_path: Path
) -> None:
    frame = fakes.predictions("gbm", noise=1.0, tasks=("mortality",))
    fakes.trained(tmp_path, "gbm", frame)
    write_tables(tmp_path, frame)
    block = SubgroupParams(recipes=["gbm"], age_bounds=[18])
    run(tmp_path, fakes.params(subgroups=block, min_label_patients=10_000))
    assert table(tmp_path)["value"].isna().all()
    assert json.loads((tmp_path / "metrics/subgroups.json").read_text()) == {}
    assert (tmp_path / "plots/subgroups.png").stat().st_size > 0
