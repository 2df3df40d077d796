"""One recipe's numbers: equal to a plain loop over resampled patients, with scikit-learn inside."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from fusehr.core.calibration import calibration
from fusehr.core.metrics import Weights
from fusehr.evaluate.scoring.conditions import Condition, conditions
from fusehr.evaluate.scoring.recalibration import recalibrate
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.score import score


def only(frame: pd.DataFrame) -> Condition:
    (found,) = conditions(frame, source="file")
    return found


def pick(table: pd.DataFrame, scope: str, metric: str) -> pd.Series:
    (row,) = (
        row for _, row in table.iterrows() if (row["class"], row["metric"]) == (scope, metric)
    )
    return row


def loop_draws(condition: Condition, params, metric) -> list[float]:
    """metric(sample positions) of each draw, patients resampled one by one."""
    patients = sorted(set(condition.test.patients))
    rng = np.random.default_rng(params.seed)
    members = {p: np.flatnonzero(condition.test.patients == p) for p in patients}
    found = []
    for _ in range(params.bootstrap_draws):
        picks = rng.integers(0, len(patients), size=len(patients))
        found.append(metric(np.concatenate([members[patients[i]] for i in picks])))
    return found


def min_p_se(y: np.ndarray, p: np.ndarray) -> float:
    precision, recall, _ = sk.precision_recall_curve(y, p)
    return float(np.minimum(precision, recall).max())


def test_intervals_of_a_binary_task_equal_a_loop(fakes) -> None:
    params = fakes.params()
    condition = only(fakes.predictions("gbm", noise=1.2, tasks=("mortality",), seeds=(1, 2)))
    tables, _ = score([condition], params, step_hours=12)
    y, raw = condition.test.labels[:, 0], condition.test.probabilities[:, :, 0]
    adjusted = recalibrate(condition).probabilities[:, :, 0]
    for metric, function, p in (
        ("auroc", sk.roc_auc_score, raw),
        ("auprc", sk.average_precision_score, raw),
        ("min_p_se", min_p_se, raw),
        ("brier_raw", sk.brier_score_loss, raw),
        ("brier", sk.brier_score_loss, adjusted),
    ):
        draws = loop_draws(
            condition, params, lambda at, f=function, q=p: np.mean([f(y[at], s[at]) for s in q])
        )
        row = pick(tables["intervals"], "positive", metric)
        assert row["value"] == pytest.approx(np.mean([function(y, s) for s in p]), abs=1e-8)
        np.testing.assert_allclose(
            [row["low"], row["high"]], np.percentile(draws, [2.5, 97.5]), atol=1e-8
        )
        assert (row["seeds"], row["draws"], row["undefined_draws"]) == ("1 2", 120, 0)
        if metric in tables["draws"]:
            np.testing.assert_allclose(tables["draws"][metric], draws, atol=1e-8)


def test_draws_in_small_chunks_are_the_same(fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [*conditions(fakes.predictions("gbm", noise=1.2, tasks=("triage",)), source="file")]
    whole, _ = score(found, fakes.params(), step_hours=12)
    monkeypatch.setattr(
        "fusehr.evaluate.scoring.score.resamples", functools.partial(resamples, cells=900)
    )
    parts, _ = score(found, fakes.params(), step_hours=12)
    for name, table in whole.items():
        # calibration's second step is taken in single precision
        pd.testing.assert_frame_equal(parts[name], table, rtol=0, atol=1e-5)


def test_a_variant_has_the_metrics_of_the_board_and_no_others(fakes) -> None:
    for task, extra in (("next_diagnoses", set()), ("triage", {"f1_weighted"})):
        full = fakes.predictions("gbm", noise=1.2, tasks=(task,))
        both = pd.concat([full, full.assign(variant="without_notes")])
        tables, _ = score(conditions(both, source="file"), fakes.params(), step_hours=12)
        assert set(tables["labels"]["variant"]) == {"full", "without_notes"}
        assert set(tables["curves"]["variant"]) == {"full"}
        intervals = tables["intervals"].set_index(["class", "metric"])
        less = intervals[intervals["variant"] == "without_notes"]
        assert set(less.index.get_level_values("metric")) == {
            *("auroc", "auprc", "min_p_se", "brier"),
            *extra,
        }
        assert set(less.index.get_level_values("class")) <= {"macro", "all"}
        # the same predictions: what is computed is what the full condition has, draw by draw
        same = intervals[intervals["variant"] == "full"].loc[less.index]
        pd.testing.assert_frame_equal(less.drop(columns="variant"), same.drop(columns="variant"))
        draws = tables["draws"].drop(columns="variant")
        parts = [
            part.reset_index(drop=True) for _, part in draws.groupby(tables["draws"]["variant"])
        ]
        pd.testing.assert_frame_equal(*parts)


def test_points_stand_by_seed_and_intervals_average_them(fakes) -> None:
    condition = only(fakes.predictions("gbm", noise=1.2, tasks=("readmission",), seeds=(3, 5)))
    tables, _ = score([condition], fakes.params(), step_hours=12)
    points = tables["points"].query("metric == 'auroc'").set_index("seed")["value"]
    y, p = condition.test.labels[:, 0], condition.test.probabilities[:, :, 0]
    assert points[3] == pytest.approx(sk.roc_auc_score(y, p[0]))
    assert points[5] == pytest.approx(sk.roc_auc_score(y, p[1]))
    assert pick(tables["intervals"], "positive", "auroc")["value"] == pytest.approx(points.mean())


def test_triage_equals_sklearn_over_classes_and_in_a_loop(fakes) -> None:
    params = fakes.params()
    condition = only(fakes.predictions("gbm", noise=0.6, tasks=("triage",)))
    tables, _ = score([condition], params, step_hours=12)
    truth, p = condition.test.labels.argmax(1), condition.test.probabilities[0]
    named = p.argmax(1)
    intervals = tables["intervals"]
    macro = sk.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert pick(intervals, "macro", "auroc")["value"] == pytest.approx(macro)
    micro = sk.roc_auc_score(condition.test.labels, p, average="micro")
    assert pick(intervals, "micro", "auroc")["value"] == pytest.approx(micro)
    for metric, function in (
        ("f1_weighted", lambda a, b: sk.f1_score(a, b, average="weighted")),
        ("kappa_quadratic", lambda a, b: sk.cohen_kappa_score(a, b, weights="quadratic")),
        ("under_triage", lambda a, b: np.mean(b > a)),
        ("over_triage", lambda a, b: np.mean(b < a)),
    ):
        draws = loop_draws(condition, params, lambda at, f=function: f(truth[at], named[at]))
        row = pick(intervals, "all", metric)
        assert row["value"] == pytest.approx(function(truth, named), abs=1e-8)
        np.testing.assert_allclose(
            [row["low"], row["high"]], np.percentile(draws, [2.5, 97.5]), atol=1e-8
        )
    assert tables["confusion"]["n"].sum() == len(truth)
    cell = tables["confusion"].query("truth == 'high' and predicted == 'low'")["n"].item()
    assert cell == np.sum((truth == 0) & (named == 2))


def test_macro_takes_only_labels_with_enough_patients_and_lists_the_others(fakes) -> None:
    params = fakes.params()
    frame = fakes.predictions("gbm", noise=1.2, tasks=("next_diagnoses",))
    rare = frame["class"].eq("phenotype_00") & frame["fold"].eq("test")
    positive = frame.index[rare & frame["y"].eq(1)]
    frame.loc[positive[9:], "y"] = 0  # nine positive samples are at most nine patients
    condition = only(frame)
    tables, _ = score([condition], params, step_hours=12)
    kept = tables["labels"].set_index("class")["kept"]
    assert kept.to_dict() == {f"phenotype_{k:02d}": k > 0 for k in range(6)}
    y, p = condition.test.labels[:, 1:], condition.test.probabilities[0, :, 1:]
    row = pick(tables["intervals"], "macro", "auroc")
    assert row["value"] == pytest.approx(sk.roc_auc_score(y, p, average="macro"))
    draws = loop_draws(
        condition, params, lambda at: sk.roc_auc_score(y[at], p[at], average="macro")
    )
    np.testing.assert_allclose(
        [row["low"], row["high"]], np.percentile(draws, [2.5, 97.5]), atol=1e-8
    )
    micro = sk.average_precision_score(y, p, average="micro")
    assert pick(tables["intervals"], "micro", "auprc")["value"] == pytest.approx(micro)


def test_patients_are_counted_and_not_their_windows(fakes) -> None:
    frame = fakes.predictions("gbm", noise=1.2, tasks=("next_diagnoses",))
    one = frame["class"].eq("phenotype_01") & frame["fold"].eq("test")
    frame.loc[one, "y"] = 0
    frame.loc[frame.index[one][:40], "y"] = 1  # forty positive samples ...
    same = frame["sample_id"].isin(frame.loc[frame.index[one][:40], "sample_id"])
    frame.loc[same, "patient_id"] = frame["patient_id"].iloc[0]  # ... of one patient
    tables, _ = score([only(frame)], fakes.params(), step_hours=12)
    row = tables["labels"].set_index("class").loc["phenotype_01"]
    assert (row["n_positive"], row["positive_patients"], row["kept"]) == (40, 1, False)


def test_one_class_in_the_test_fold_is_undefined_with_its_reason(fakes) -> None:
    frame = fakes.predictions("gbm", noise=1.2, tasks=("mortality",))
    frame.loc[frame["fold"].eq("test"), "y"] = 0
    tables, _ = score([only(frame)], fakes.params(), step_hours=12)
    for metric in ("auroc", "auprc", "min_p_se", "sens_at_spec90", "calibration_slope"):
        row = pick(tables["intervals"], "positive", metric)
        assert np.isnan([row["value"], row["low"], row["high"]]).all()
        assert row["reason"] == "no positive sample"
        assert row["undefined_draws"] == 120
        assert pick(tables["points"], "positive", metric)["reason"] == "no positive sample"
    assert np.isfinite(pick(tables["intervals"], "positive", "brier")["low"])


def test_undefined_draws_are_counted_and_left_out(fakes) -> None:
    frame = fakes.predictions("gbm", noise=1.2, tasks=("mortality",))
    test = frame.index[frame["fold"].eq("test")]
    frame.loc[test, "y"] = 0
    frame.loc[test[:1], "y"] = 1  # one positive patient: absent from about 37 % of draws
    tables, _ = score([only(frame)], fakes.params(), step_hours=12)
    row = pick(tables["intervals"], "positive", "auroc")
    missing = int(tables["draws"]["auroc"].isna().sum())
    assert 20 < missing < 70
    assert row["undefined_draws"] == missing
    assert np.isfinite([row["low"], row["high"]]).all()


def test_class_weights_cost_nothing_after_recalibration(fakes) -> None:
    plain = fakes.predictions("gbm", noise=0.5, tasks=("readmission",))
    odds = plain["p"] / (1 - plain["p"]) * 6.0  # what weighting the rarer class by six does
    weighted = plain.assign(p=odds / (1 + odds))
    found = [
        score([only(f)], fakes.params(), step_hours=12)[0]["intervals"] for f in (plain, weighted)
    ]
    raw = [pick(table, "positive", "brier_raw")["value"] for table in found]
    adjusted = [pick(table, "positive", "brier")["value"] for table in found]
    assert raw[1] > raw[0] + 0.03
    assert adjusted[1] == pytest.approx(adjusted[0], abs=1e-6)
    intercept = [pick(table, "positive", "calibration_intercept_raw")["value"] for table in found]
    slope = pick(found[0], "positive", "calibration_slope_raw")["value"]
    assert intercept[1] == pytest.approx(intercept[0] - slope * np.log(6.0), abs=1e-4)


def test_calibration_after_recalibration_is_that_of_the_recalibrated_scores(fakes) -> None:
    condition = only(fakes.predictions("gbm", noise=1.2, tasks=("readmission",)))
    params = fakes.params()
    intervals = score([condition], params, step_hours=12)[0]["intervals"]
    y, p = condition.test.labels[:, 0], recalibrate(condition).probabilities[0, :, 0]
    fit = calibration(y, p)
    patients, owner = np.unique(condition.test.patients, return_inverse=True)
    chunks = resamples(len(patients), draws=params.bootstrap_draws, seed=params.seed)
    weights = Weights(np.concatenate(list(chunks), axis=1))
    slopes, intercepts = fit.resampled(y, p, weights, owner=owner)
    for metric, value, draws in (
        ("calibration_slope", fit.slope, slopes),
        ("calibration_intercept", fit.intercept, intercepts),
    ):
        row = pick(intervals, "positive", metric)
        assert row["value"] == pytest.approx(value, abs=1e-5)
        np.testing.assert_allclose(
            [row["low"], row["high"]], np.percentile(draws, [2.5, 97.5]), atol=1e-3
        )


def test_constant_scores_are_not_recalibrated_and_this_is_told(fakes) -> None:
    frame = fakes.predictions("majority", noise=np.inf, tasks=("mortality", "next_diagnoses"))
    tables, told = score(conditions(frame, source="file"), fakes.params(), step_hours=12)
    assert told == {
        "mortality/full": ["positive: constant scores in the validation fold"],
        "next_diagnoses/full": ["every class: constant scores in the validation fold"],
    }
    mortality = tables["intervals"].query("task == 'mortality'")
    assert pick(mortality, "positive", "auroc")["value"] == 0.5
    assert pick(mortality, "positive", "calibration_slope")["reason"] == "constant scores"
