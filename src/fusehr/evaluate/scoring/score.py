"""Everything that can be said of one recipe alone: points, intervals, draws, curves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fusehr.core.frame.tasks import POSITIVE
from fusehr.core.metrics import Array
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.outputs import BOARD, INTERVAL, TABLES
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.labels import Support, kept_labels, support
from fusehr.evaluate.scoring.recalibration import recalibrate
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.scorers import ALL, MACRO, MICRO, Options, SeedScorer, Values
from fusehr.evaluate.scoring.shapes import calibration_bins, confusions, curves

# Sums of floats differ in the last bits with the number of threads; what is written does not.
DECIMALS = 9


def score(
    found: Iterable[Condition], params: EvaluateParams, *, step_hours: float
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Tables by name (see outputs.py), and by condition the classes that were not recalibrated."""
    options = Options(
        calibration_bins=params.calibration_bins,
        net_benefit_thresholds=tuple(params.net_benefit_thresholds),
        alarm_sensitivity=params.alarm_sensitivity,
        step_hours=step_hours,
    )
    parts: dict[str, list[pd.DataFrame]] = {table.name: [] for table in TABLES}
    not_recalibrated: dict[str, list[str]] = {}
    for condition in found:
        kept = kept_labels(
            condition.test.labels, condition.test.patients, at_least=params.min_label_patients
        )
        recalibrated = recalibrate(condition)
        if recalibrated.unsolved:
            key = f"{condition.task}/{condition.variant}"
            not_recalibrated[key] = list(recalibrated.unsolved)
        scorers = [
            SeedScorer(condition, s, recalibrated, kept, options)
            for s in range(len(condition.seeds))
        ]
        behind = _supports(condition, kept)
        one = np.ones((1, len(condition.test.samples)), np.int32)
        points = [
            {key: float(value[0]) for key, value in scorer.values(one).items()}
            for scorer in scorers
        ]
        # Small products gain nothing from a second thread and stall where a core is busy.
        with threadpool_limits(1, user_api="blas"):
            draws = _draws(scorers, condition.test.patients, params)
        reasons = _reasons(condition, scorers, points, kept, params.min_label_patients)
        frames = {
            "points": _points(condition, points, behind, reasons),
            "intervals": _intervals(condition, points, draws, behind, reasons),
            "draws": _board_draws(draws, condition.kind),
            "labels": _labels(condition, kept, behind),
            "curves": curves(condition, kept),
            "calibration": calibration_bins(
                condition, recalibrated.probabilities, kept, params.calibration_bins
            ),
            "confusion": confusions(condition),
        }
        for name, frame in frames.items():
            parts[name].append(frame.assign(task=condition.task, variant=condition.variant))
    return {table.name: _joined(table.arrow().names, parts[table.name]) for table in TABLES}, (
        not_recalibrated
    )


def _joined(columns: list[str], parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame({column: [] for column in columns})
    frame = pd.concat(filled, ignore_index=True)[columns]
    floats = frame.select_dtypes("float").columns
    frame[floats] = frame[floats].round(DECIMALS) + 0.0  # + 0.0 makes -0.0 plain 0
    return frame


def headline(kind: str, metric: str) -> str:
    """The scope of a metric that speaks for the whole task."""
    if kind == "binary":
        return POSITIVE
    return ALL if metric == "f1_weighted" else MACRO


def _draws(scorers: list[SeedScorer], patients: Array, params: EvaluateParams) -> Values:
    """(scope, metric) -> (draws,), averaged over seeds inside each draw."""
    chunks: list[Values] = []
    for weights in resamples(patients, draws=params.bootstrap_draws, seed=params.seed):
        seeds = [scorer.values(weights) for scorer in scorers]
        chunks.append({key: np.mean([found[key] for found in seeds], axis=0) for key in seeds[0]})
    return {key: np.concatenate([chunk[key] for chunk in chunks]) for key in chunks[0]}


def _supports(condition: Condition, kept: Array) -> dict[str, Support]:
    """Scope -> sizes behind its numbers."""
    labels, patients = condition.test.labels, condition.test.patients
    found = {name: support(labels[:, [k]], patients) for k, name in enumerate(condition.classes)}
    pooled = support(labels[:, kept], patients)
    return found | {MACRO: pooled, MICRO: pooled, ALL: support(labels, patients)}


def _reasons(
    condition: Condition,
    scorers: list[SeedScorer],
    points: list[dict[tuple[str, str], float]],
    kept: Array,
    at_least: int,
) -> list[dict[tuple[str, str], str]]:
    """Per seed, why each undefined value is undefined."""
    found = []
    for scorer, values in zip(scorers, points, strict=True):
        known = scorer.reasons()
        for (scope, metric), value in values.items():
            if np.isfinite(value) or (scope, metric) in known:
                continue
            undefined = [name for name in condition.classes if (name, metric) in known]
            if scope in (MACRO, MICRO) and not kept.any():
                why = f"no class with {at_least} positive and {at_least} negative patients"
            elif scope == MACRO and undefined:
                why = f"undefined for {', '.join(undefined)}"
            elif metric.startswith("alarm"):
                why = "no positive sample"
            else:
                why = "one class is both the only true and the only predicted one"
            known[scope, metric] = why
        found.append(known)
    return found


def _points(
    condition: Condition,
    points: list[dict[tuple[str, str], float]],
    behind: dict[str, Support],
    reasons: list[dict[tuple[str, str], str]],
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"seed": seed, "class": scope, "metric": metric, "value": value}
            | vars(behind[scope])
            | {"reason": why.get((scope, metric), "")}
            for seed, values, why in zip(condition.seeds, points, reasons, strict=True)
            for (scope, metric), value in values.items()
        ]
    )


def _intervals(
    condition: Condition,
    points: list[dict[tuple[str, str], float]],
    draws: Values,
    behind: dict[str, Support],
    reasons: list[dict[tuple[str, str], str]],
) -> pd.DataFrame:
    rows = []
    for (scope, metric), values in draws.items():
        key = (scope, metric)
        defined = values[np.isfinite(values)]
        value = float(np.mean([point[key] for point in points]))
        some = len(defined) > 0 and np.isfinite(value)
        low, high = np.quantile(defined, INTERVAL) if some else (np.nan, np.nan)
        rows.append(
            {"class": scope, "metric": metric, "value": value, "low": low, "high": high}
            | vars(behind[scope])
            | {
                "draws": len(values),
                "undefined_draws": len(values) - len(defined),
                "seeds": " ".join(map(str, condition.seeds)),
                "reason": next((why[key] for why in reasons if why.get(key)), ""),
            }
        )
    return pd.DataFrame(rows)


def _board_draws(draws: Values, kind: str) -> pd.DataFrame:
    size = len(next(iter(draws.values())))
    nothing = np.full(size, np.nan)
    columns = {metric: draws.get((headline(kind, metric), metric), nothing) for metric in BOARD}
    return pd.DataFrame({"draw": np.arange(size), **columns})


def _labels(condition: Condition, kept: Array, behind: dict[str, Support]) -> pd.DataFrame:
    common = {"digest": condition.digest(), "split_sha": condition.split_sha}
    return pd.DataFrame(
        [
            {"class": name, "kept": bool(kept[k])} | vars(behind[name]) | common
            for k, name in enumerate(condition.classes)
        ]
    )
