"""Teacher and students: scored, compared, and told of, where the right answers are known."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.schemas import LABEL, PREDICTIONS
from fusehr.evaluate.pairs import Value
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.score_recipe import score_recipe
from fusehr.evaluate.students.new_onset import new_onset_auroc, read_onsets
from fusehr.evaluate.students.report import evaluate_students

REPOSITORY = Path(__file__).parents[2]

# Noise of each one's logits; the student that is served says what the teacher says, `full` what
# `hard` says.
NOISE = {
    "teacher": 0.8,
    "hard": 2.0,
    "logits_unlabelled": 1.2,
    "smoothed": 1.8,
    "permuted": 5.0,
}
SAME = {"full_unlabelled": "teacher", "full": "hard"}
VARIANTS = ("hard", "logits_unlabelled", "full", "full_unlabelled", "smoothed", "permuted")
TASKS: tuple[str, ...] = ("next_diagnoses", "mortality", "triage")

# What a test of its own needs.
FEW = ("hard", "full_unlabelled", "full", "permuted")
ONE = ("next_diagnoses",)
SKIPPED = {"triage": "no texts"}

Frames = Mapping[str, pd.DataFrame]


def write_label(root: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """A label table of the samples in `frame`, a third of its classes known from before."""
    rows = frame.drop_duplicates(["sample_id", "class"]).sort_values(["sample_id", "class"])
    known = np.random.default_rng(4).uniform(size=len(rows)) < 0.35
    label = rows.assign(
        label_time=np.datetime64("2150-01-01", "us"),
        label_code=rows["task"],
        label_value=rows["y"].astype(float),
        visit_id=1,
        new_onset=pd.Series(~known, rows.index, object).where(rows["task"] == "next_diagnoses"),
    )
    write_parquet(root / "data/tables/label.parquet", label, LABEL)
    return label


def write_room(
    root: Path,
    frames: Frames,
    *,
    skipped: Mapping[str, str] = SKIPPED,
) -> None:
    """What `distill` leaves, and the copy, which says yes where a class was coded before."""
    for name, frame in frames.items():
        own = "teacher" if name == "teacher" else f"students/{name}"
        folder = root / "data/distill" / own
        write_parquet(folder / "predictions.parquet", frame, PREDICTIONS)
        write_json(folder / "skipped.json", dict(skipped))
    label = write_label(root, frames["teacher"])
    copy = frames["teacher"][frames["teacher"]["task"] == "next_diagnoses"]
    new = label.set_index(["sample_id", "class"])["new_onset"]
    keys = pd.MultiIndex.from_frame(copy[["sample_id", "class"]])
    copy = copy.assign(recipe="previous_diagnoses", p=np.where(new.loc[keys], 0.1, 0.6))
    folder = root / "data/train/previous_diagnoses"
    write_parquet(folder / "predictions.parquet", copy, PREDICTIONS)
    write_json(folder / "skipped.json", {"mortality": "copies diagnoses"})


def predict(
    fakes: Any,
    *,
    variants: tuple[str, ...] = VARIANTS,
    tasks: tuple[str, ...] = ("next_diagnoses", "mortality"),
    **changes: float,
) -> dict[str, pd.DataFrame]:
    """Predictions of the teacher and the variants; `changes` are other noises."""
    noise, found = NOISE | changes, {}
    for name in ("teacher", *variants):
        other = name if name in noise else SAME[name]
        frame = fakes.predictions(f"ckd_{other}", noise=noise[other], tasks=tasks)
        found[name] = frame.assign(recipe=f"ckd_{name}")
    return found


@pytest.fixture(scope="session")
def run(fakes) -> Callable[..., str]:
    """Score the copy as its own stage does, then do the stage's work below a root."""

    def compare(root: Path, *, restricted: bool = False, **changes: Any) -> str:
        params = fakes.params(**changes.pop("params", {}))
        copy = "previous_diagnoses"
        score_recipe(
            root / "data/train" / copy, root / "data/evaluate" / copy, params, step_hours=1
        )
        given = {"tasks": TASKS, "variants": VARIANTS} | changes
        return evaluate_students(root, params, step_hours=1, restricted=restricted, **given)

    return compare


@pytest.fixture(scope="session")
def room(fakes, run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world compared; tests only read it."""
    root = tmp_path_factory.mktemp("students")
    write_room(root, predict(fakes))
    run(root)
    return root


def students(
    root: Path, task: str = "next_diagnoses", metric: str = "auroc"
) -> dict[Any, dict[Any, Any]]:
    """Rows of students.csv by name."""
    table = pd.read_csv(root / "plots/students.csv")
    mine = table[(table["task"] == task) & (table["metric"] == metric)]
    return mine.set_index("student").to_dict("index")


def paired(root: Path, against: str, metric: str = "auroc") -> dict[Any, dict[Any, Any]]:
    """Rows of students_paired.csv by task and name."""
    table = pd.read_csv(root / "plots/students_paired.csv")
    mine = table[(table["against"] == against) & (table["metric"] == metric)]
    return mine.set_index(["task", "student"]).to_dict("index")


def test_every_output_is_written_and_none_else(room: Path) -> None:
    written = {
        path.relative_to(room).as_posix()
        for folder in ("metrics", "plots")
        for path in (room / folder).rglob("*")
    }
    assert written == {
        "metrics/students.json",
        *(f"plots/students{end}" for end in (".csv", "_paired.csv", ".md", ".png")),
    }
    scored = {
        path.parent.relative_to(room / "data/evaluate").as_posix()
        for path in (room / "data/evaluate").rglob("draws.parquet")
    }
    others = {f"students/{name}" for name in VARIANTS if name != "full_unlabelled"}
    assert scored == {"ckd_teacher", "ckd_student", "previous_diagnoses"} | others


def test_a_student_that_is_its_teacher_closes_the_gap_and_one_that_is_the_baseline_none(
    room: Path,
) -> None:
    for task, metric in (
        ("next_diagnoses", "auroc"),
        ("next_diagnoses", "new_onset_auroc"),
        ("mortality", "auroc"),
    ):
        rows = students(room, task, metric)
        best, same = rows["full_unlabelled"], rows["full"]
        for name in ("share_of_gap", "retained"):
            assert best[name] == 1
        assert best["minus_hard"] == rows["teacher"]["minus_hard"]
        assert (same["share_of_gap"], same["minus_hard"], same["minus_hard_p"]) == (0, 0, 1)
        assert (same["minus_hard_low"], same["minus_hard_high"]) == (0, 0)
    row = students(room)["full_unlabelled"]
    assert (row["share_of_gap_low"], row["share_of_gap_high"]) == (1, 1)
    assert {row["difference"] for row in paired(room, "teacher").values()} == {0}


def test_shares_are_ratios_of_differences(room: Path) -> None:
    rows = students(room)
    gap = rows["teacher"]["value"] - rows["hard"]["value"]
    above = rows["teacher"]["value"] - 0.5
    for name in ("logits_unlabelled", "smoothed", "permuted"):
        row = rows[name]
        made = row["value"] - rows["hard"]["value"]
        assert row["minus_hard"] == pytest.approx(made, abs=2e-5)
        assert row["share_of_gap"] == pytest.approx(made / gap, abs=1e-3)
        assert row["retained"] == pytest.approx((row["value"] - 0.5) / above, abs=1e-3)
        assert row["retained_low"] < row["retained"] < row["retained_high"]


def test_intervals_are_those_of_paired_draws(room: Path) -> None:
    def draws(folder: str) -> np.ndarray:
        frame = pd.read_parquet(room / f"data/evaluate/{folder}/draws.parquet")
        return frame[frame["task"] == "next_diagnoses"].sort_values("draw")["auroc"].to_numpy()

    hard = draws("students/hard")
    made, gap = draws("students/logits_unlabelled") - hard, draws("ckd_teacher") - hard
    assert (gap > 0).all()  # else the share's interval would be another
    row = students(room)["logits_unlabelled"]
    for name, expected in (("share_of_gap", made / gap), ("minus_hard", made)):
        found = [row[f"{name}_{end}"] for end in ("low", "high")]
        np.testing.assert_allclose(found, np.percentile(expected, [2.5, 97.5]), atol=1e-5)


def test_nothing_is_said_of_the_teacher_s_and_the_baseline_s_own_shares(room: Path) -> None:
    rows = students(room)
    assert np.isnan(rows["teacher"]["share_of_gap"])
    assert np.isnan(rows["teacher"]["retained"])
    assert np.isnan(rows["hard"]["share_of_gap"])
    assert np.isnan(rows["hard"]["minus_hard"])
    assert 0 < rows["hard"]["retained"] < 1


def test_values_are_those_of_the_scores(room: Path) -> None:
    for task, scope in (("next_diagnoses", "macro"), ("mortality", "positive")):
        scored = pd.read_parquet(room / "data/evaluate/students/hard/intervals.parquet")
        scored = scored[(scored["task"] == task) & (scored["class"] == scope)]
        (expected,) = scored[scored["metric"] == "auroc"].to_dict("records")
        found = students(room, task)["hard"]
        for name in ("value", "low", "high"):
            assert found[name] == pytest.approx(expected[name], abs=1e-5)
        assert found["n"] == expected["n"]


def test_permuted_soft_labels_are_worse_and_the_copy_is_among_the_compared(room: Path) -> None:
    for other in ("permuted", "smoothed", "full", "hard", "logits_unlabelled"):
        row = paired(room, other)["next_diagnoses", "full_unlabelled"]
        assert row["low"] > 0, other
    row = paired(room, "permuted")["next_diagnoses", "full_unlabelled"]
    assert row["p"] == pytest.approx(2 / 121, abs=1e-5)
    assert list(paired(room, "previous_diagnoses")) == [("next_diagnoses", "full_unlabelled")]
    assert "previous_diagnoses" not in students(room, "mortality")


def by_hand(frame: pd.DataFrame, root: Path, weight: Mapping[int, int], at_least: int) -> float:
    """Macro AUROC of new onsets by scikit-learn."""
    test = frame[(frame["task"] == "next_diagnoses") & (frame["fold"] == "test")]
    label = pd.read_parquet(root / "data/tables/label.parquet")[["sample_id", "class", "new_onset"]]
    test = test.merge(label, on=["sample_id", "class"])
    areas = []
    for _, part in test[test["new_onset"].astype(bool)].groupby("class"):
        people = [part[part["y"] == y]["patient_id"].nunique() for y in (0, 1)]
        if min(people) >= at_least:
            w = part["patient_id"].map(weight)
            areas.append(roc_auc_score(part["y"], part["p"], sample_weight=w))
    return float(np.mean(areas))


def test_new_onsets_are_scored_as_scikit_learn_does_on_the_shared_draws(room: Path, fakes) -> None:
    path = room / "data/distill/students/hard/predictions.parquet"
    params = fakes.params()
    found = new_onset_auroc(path, read_onsets(room / "data/tables"), params)
    assert isinstance(found, Value)
    frame = pd.read_parquet(path)
    test = frame[(frame["task"] == "next_diagnoses") & (frame["fold"] == "test")]
    people = np.sort(test["patient_id"].unique())
    whole = by_hand(frame, room, dict.fromkeys(people, 1), params.min_label_patients)
    assert found.value == pytest.approx(whole, abs=1e-9)
    assert students(room, metric="new_onset_auroc")["hard"]["value"] == pytest.approx(
        whole, abs=1e-5
    )
    (drawn,) = resamples(len(people), draws=120, seed=params.seed)
    for k in (0, 119):
        weight = dict(zip(people, drawn[:, k], strict=True))
        expected = by_hand(frame, room, weight, params.min_label_patients)
        assert found.draws[k] == pytest.approx(expected, abs=1e-9)


def test_a_copy_knows_nothing_of_new_onsets(room: Path) -> None:
    assert students(room, metric="new_onset_auroc")["previous_diagnoses"]["value"] == 0.5
    # what it says of the others is not scored there, and is on all samples
    assert students(room)["previous_diagnoses"]["value"] != 0.5


def test_new_onsets_without_enough_patients_have_a_reason(room: Path, fakes) -> None:
    path = room / "data/distill/teacher/predictions.parquet"
    onsets = read_onsets(room / "data/tables")
    told = new_onset_auroc(path, onsets, fakes.params(min_label_patients=1000))
    assert told == "no class with 1000 positive and 1000 negative patients of new onset"
    nothing = new_onset_auroc(path, onsets & False, fakes.params())
    assert isinstance(nothing, str)


def test_numbers_are_few_flat_and_rounded(room: Path) -> None:
    found = json.loads((room / "metrics/students.json").read_text())
    assert set(found) == set(TASKS)
    entry = found["next_diagnoses"]
    assert set(entry) == {"teacher", *VARIANTS, "previous_diagnoses"}
    assert set(entry["hard"]) == {"auroc"}
    expected = {"auroc", "share_of_gap", "retained", "new_onset_auroc"}
    assert set(entry["full_unlabelled"]) == expected
    assert set(found["mortality"]["full_unlabelled"]) == expected - {"new_onset_auroc"}
    assert set(found["triage"]) == {"teacher", *VARIANTS}
    assert all(own == {"skipped": "no texts"} for own in found["triage"].values())
    rows = students(room)
    for name, own in entry.items():
        assert own["auroc"] == pytest.approx(rows[name]["value"], abs=0.6e-4)
        assert all(value == round(value, 4) for value in own.values())


def test_the_page_says_how_each_claim_fell(room: Path) -> None:
    text = (room / "plots/students.md").read_text()
    diagnoses, mortality, triage = (
        text.split(f"## {title}\n")[1].split("\n## ")[0]
        for title in ("Next diagnoses", "Mortality", "Triage")
    )
    assert "of the gap from hard to teacher: holds.** 100.0% [100.0%, 100.0%]" in diagnoses
    assert "AUROC above chance: holds.** 100.0% [100.0%, 100.0%]" in diagnoses
    assert "Soft labels of other patients are worse than its own" in diagnoses
    assert "full_unlabelled less permuted): holds." in diagnoses
    assert "less previous_diagnoses): " in diagnoses
    assert "- New onsets: full_unlabelled has an AUROC of 0." in diagnoses
    assert "new onset" not in mortality.lower()
    assert "previous_diagnoses" not in mortality
    assert "Not scored: no texts." in triage
    assert "nan" not in text


def test_claims_that_fail_are_told_as_such(run, fakes, tmp_path: Path) -> None:
    frames = predict(fakes, tasks=ONE, variants=FEW)
    # the student is as bad as its control, and both are worse than the baseline
    frames["full_unlabelled"] = frames["permuted"]
    write_room(tmp_path, frames)
    run(tmp_path, tasks=ONE, variants=FEW)
    text = (tmp_path / "plots/students.md").read_text().split("## Next diagnoses")[1]
    assert "of the gap from hard to teacher: does not hold.**" in text
    assert "AUROC above chance: does not hold.**" in text
    assert "less permuted): is not shown.**" in text
    assert "less full): the opposite holds.**" in text


def test_without_a_gap_no_share_of_it_is_told(run, fakes, tmp_path: Path) -> None:
    write_room(
        tmp_path,
        predict(fakes, tasks=ONE, variants=FEW, teacher=4.0, hard=1.0, full_unlabelled=1.5),
    )
    run(tmp_path, tasks=ONE, variants=FEW)
    row = students(tmp_path)["full_unlabelled"]
    for name in ("share_of_gap", "share_of_gap_low", "share_of_gap_high"):
        assert np.isnan(row[name])
    assert row["share_of_gap_undefined_draws"] > 0
    assert row["retained"] > 1
    text = (tmp_path / "plots/students.md").read_text()
    assert "of the gap from hard to teacher: cannot be told.** The teacher is not above" in text
    entry = json.loads((tmp_path / "metrics/students.json").read_text())["next_diagnoses"]
    assert "share_of_gap" not in entry["full_unlabelled"]


def test_two_runs_give_the_same_bytes(room: Path, run, fakes, tmp_path: Path) -> None:
    write_room(tmp_path, predict(fakes))
    run(tmp_path)
    for folder in ("metrics", "plots", "data/evaluate"):
        paths = [path for path in (room / folder).rglob("*") if path.is_file()]
        assert paths
        for path in paths:
            other = tmp_path / path.relative_to(room)
            assert other.read_bytes() == path.read_bytes(), path.name


def test_nothing_written_names_a_sample_or_a_patient(room: Path, fakes) -> None:
    frame = predict(fakes)["teacher"]
    ids = {*frame["sample_id"], *frame["patient_id"].astype(str)}
    for name in ("students.csv", "students_paired.csv", "students.md"):
        text = (room / "plots" / name).read_text()
        assert not any(one in text for one in ids), name


def test_a_restricted_source_hides_what_is_about_a_few_people(run, fakes, tmp_path: Path) -> None:
    frames = predict(fakes, variants=FEW)
    for name, frame in frames.items():
        rare = (frame["task"] == "mortality") & (frame["fold"] == "test")
        died = frame["sample_id"].isin([f"mortality-test-{k}" for k in range(4)])
        frames[name] = frame.assign(y=np.where(rare, died, frame["y"]).astype("int8"))
    write_room(tmp_path, frames)
    run(tmp_path, restricted=True, variants=FEW)
    scored = pd.read_parquet(tmp_path / "data/evaluate/students/hard/intervals.parquet")
    scored = scored[(scored["task"] == "mortality") & (scored["metric"] == "auroc")]
    assert scored["value"].notna().all()
    for row in students(tmp_path, "mortality").values():
        shown = {key for key, value in row.items() if pd.notna(value)}
        assert shown == {"task", "metric", "reason"}
        assert row["reason"] == "fewer than 10 patients of one class"
    table = pd.read_csv(tmp_path / "plots/students_paired.csv")
    assert set(table["task"]) == {"next_diagnoses"}
    assert "Not scored: fewer than 10 patients" in (tmp_path / "plots/students.md").read_text()
    found = json.loads((tmp_path / "metrics/students.json").read_text())
    assert found["mortality"]["hard"] == {"skipped": "fewer than 10 patients of one class"}
    assert all(np.isfinite(row["value"]) for row in students(tmp_path).values())


def test_limits_that_would_tell_of_a_few_people_are_refused(run, room: Path) -> None:
    with pytest.raises(InputError, match=r"min_label_patients: expected at least .*found 5"):
        run(room, restricted=True, params={"min_label_patients": 5})


def test_a_source_with_nothing_to_distill_still_has_its_outputs(run, fakes, tmp_path: Path) -> None:
    frames = {name: frame.iloc[:0] for name, frame in predict(fakes, variants=FEW).items()}
    write_room(tmp_path, frames, skipped=dict.fromkeys(TASKS, "no samples"))
    run(tmp_path, variants=FEW)
    table = pd.read_csv(tmp_path / "plots/students.csv")
    assert table["value"].isna().all()
    known = table["student"] != "previous_diagnoses"
    assert set(table.loc[known, "reason"]) == {"no samples"}
    assert (tmp_path / "plots/students.md").read_text().count("Not scored: no samples.") == 3
    assert (tmp_path / "plots/students.png").stat().st_size > 1000


@pytest.mark.parametrize("missing", ["predictions.parquet", "skipped.json"])
def test_a_variant_without_predictions_is_named(run, fakes, missing: str, tmp_path: Path) -> None:
    write_room(tmp_path, predict(fakes, tasks=ONE, variants=FEW))
    (tmp_path / "data/distill/students/permuted" / missing).unlink()
    with pytest.raises(InputError, match=rf"students/permuted/{missing}: expected .*no"):
        run(tmp_path, tasks=ONE, variants=FEW)
    assert not (tmp_path / "plots").exists()
    assert not (tmp_path / "data/evaluate/students").exists()


def test_a_variant_of_another_split_is_refused(run, fakes, tmp_path: Path) -> None:
    frames = predict(fakes, tasks=ONE, variants=FEW)
    frames["permuted"] = frames["permuted"].assign(split_sha="1" * 64)
    write_room(tmp_path, frames)
    with pytest.raises(InputError, match=r"students/permuted/labels\.parquet: column split_sha"):
        run(tmp_path, tasks=ONE, variants=FEW)
    assert not (tmp_path / "plots").exists()


def test_a_sample_without_a_label_is_refused(run, fakes, tmp_path: Path) -> None:
    frames = predict(fakes, tasks=ONE, variants=FEW)
    write_room(tmp_path, frames)
    gone = frames["teacher"]["sample_id"] == "next_diagnoses-test-3"
    write_label(tmp_path, frames["teacher"][~gone])
    told = r"predictions\.parquet: column sample_id: .* found 1 samples .*next_diagnoses-test-3"
    with pytest.raises(InputError, match=told):
        run(tmp_path, tasks=ONE, variants=FEW)


@pytest.mark.parametrize("needed", ["hard", "full_unlabelled"])
def test_baseline_and_student_are_needed(run, room: Path, needed: str) -> None:
    others = tuple(name for name in VARIANTS if name != needed)
    with pytest.raises(InputError, match=rf"variants: expected {needed} among them"):
        run(room, variants=others)


def test_a_primary_metric_in_which_less_is_better_turns_its_signs(
    run, fakes, tmp_path: Path
) -> None:
    write_room(tmp_path, predict(fakes, tasks=ONE, variants=FEW))
    metrics = {
        **dict.fromkeys(("mortality", "readmission", "deterioration", "triage", "other"), "auroc"),
        "next_diagnoses": "brier",
    }
    run(tmp_path, params={"primary_metric": metrics}, tasks=ONE, variants=FEW)
    rows = students(tmp_path, metric="brier")
    assert rows["full_unlabelled"]["minus_hard"] < 0
    assert rows["full_unlabelled"]["share_of_gap"] == 1
    assert all(np.isnan(row["retained"]) for row in rows.values())
    text = (tmp_path / "plots/students.md").read_text()
    assert "of the gap from hard to teacher: holds." in text
    assert "(Brier score, full_unlabelled less permuted): holds." in text
    entry = json.loads((tmp_path / "metrics/students.json").read_text())["next_diagnoses"]
    assert entry["full_unlabelled"]["retained"] == 1


def test_the_picture_has_content(room: Path) -> None:
    from matplotlib.image import imread

    picture = imread(room / "plots/students.png")
    assert min(picture.shape[:2]) > 300
    assert np.mean(picture[..., :3].min(axis=2) < 0.9) > 0.005  # ink on the paper


def test_the_stage_script_reads_what_it_declares(
    room: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(room / "data", tmp_path / "data")
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["evaluate"] |= {"bootstrap_draws": 120}
    params["distill"] = {"tasks": list(TASKS), "student": {"variants": list(VARIANTS)}}
    declared = ["evaluate", "raw.source", "tables.deterioration.step_hours"]
    declared += ["distill.tasks", "distill.student.variants"]
    pipeline = {"stages": {"evaluate-students": {"params": declared}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evaluate_students.py"])
    runpy.run_path(str(REPOSITORY / "stages/evaluate_students.py"), run_name="__main__")
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["evaluate-students"] * 3
    assert "teacher 0." in said[0]
