"""Everything that can be said of one recipe alone: points, intervals, draws, curves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fusehr.core.frame.tasks import POSITIVE
from fusehr.core.metrics import Array, Weights
from fusehr.core.params.evaluate import ScoreParams
from fusehr.evaluate.outputs import BOARD, INTERVAL, TABLES
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.labels import Support, kept_labels, support
from fusehr.evaluate.scoring.recalibration import Recalibrated, recalibrate
from fusehr.evaluate.scoring.resample import resamples
from fusehr.evaluate.scoring.scorers import (
    ALL,
    MACRO,
    MICRO,
    Options,
    Patients,
    SeedScorer,
    Values,
)
from fusehr.evaluate.scoring.shapes import calibration_bins, confusions, curves

# Sums of floats differ in the last bits with the number of threads; what is written does not.
DECIMALS = 9


@dataclass(frozen=True)
class _Ready:
    """A condition whose scorers, one a seed, wait for weights."""

    condition: Condition
    kept: Array
    recalibrated: Recalibrated
    patients: Patients
    scorers: list[SeedScorer]


def score(
    found: Iterable[Condition], params: ScoreParams, *, step_hours: float
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Tables by name (see outputs.py), and by condition the classes that were not recalibrated.

    Of a variant in which something is withheld only the metrics of the board are computed, for the
    task as a whole.
    """
    options = Options(
        calibration_bins=params.calibration_bins,
        net_benefit_thresholds=tuple(params.net_benefit_thresholds),
        alarm_sensitivity=params.alarm_sensitivity,
        step_hours=step_hours,
    )
    parts: dict[str, list[pd.DataFrame]] = {table.name: [] for table in TABLES}
    not_recalibrated: dict[str, list[str]] = {}
    for group in _same_patients(found):
        ready = [_ready(condition, params, options) for condition in group]
        # Small products gain nothing from a second thread and stall where a core is busy.
        with threadpool_limits(1, user_api="blas"):
            values = _values(ready, params)
        for one, seeds in zip(ready, values, strict=True):
            condition = one.condition
            if one.recalibrated.unsolved:
                key = f"{condition.task}/{condition.variant}"
                not_recalibrated[key] = list(one.recalibrated.unsolved)
            for name, frame in _frames(one, seeds, params).items():
                parts[name].append(frame.assign(task=condition.task, variant=condition.variant))
    return {table.name: _joined(table.arrow().names, parts[table.name]) for table in TABLES}, (
        not_recalibrated
    )


def _same_patients(found: Iterable[Condition]) -> list[list[Condition]]:
    """Conditions that share their patients, and with them the draws."""
    groups: dict[bytes, list[Condition]] = {}
    for condition in found:
        known = np.unique(condition.test.patients)
        groups.setdefault(known.tobytes(), []).append(condition)
    return list(groups.values())


def _ready(condition: Condition, params: ScoreParams, options: Options) -> _Ready:
    test = condition.test
    kept = kept_labels(test.labels, test.patients, at_least=params.min_label_patients)
    recalibrated, patients = recalibrate(condition), Patients.of(test.patients)
    scorers = [
        SeedScorer(condition, s, recalibrated, kept, patients, options)
        for s in range(len(condition.seeds))
    ]
    return _Ready(condition, kept, recalibrated, patients, scorers)


def _values(ready: list[_Ready], params: ScoreParams) -> list[list[Values]]:
    """For each condition and seed: (scope, metric) -> (1 + draws,), the whole fold first."""
    chunks: list[list[list[Values]]] = [[[] for _ in one.scorers] for one in ready]
    patients = ready[0].patients.count
    whole = np.ones((patients, 1), np.int32)
    for drawn in resamples(patients, draws=params.bootstrap_draws, seed=params.seed):
        weights = Weights(drawn if whole is None else np.concatenate([whole, drawn], axis=1))
        whole = None
        for one, seeds in zip(ready, chunks, strict=True):
            for scorer, own in zip(one.scorers, seeds, strict=True):
                own.append(scorer.values(weights))
    return [
        [{key: np.concatenate([part[key] for part in own]) for key in own[0]} for own in seeds]
        for seeds in chunks
    ]


def _frames(one: _Ready, seeds: list[Values], params: ScoreParams) -> dict[str, pd.DataFrame]:
    condition = one.condition
    behind = _supports(condition, one.kept)
    if not condition.whole:
        told = {key for key in seeds[0] if key[0] == headline(condition.kind, key[1])}
        seeds = [{key: own[key] for key in own if key in told} for own in seeds]
    points = [{key: float(value[0]) for key, value in own.items()} for own in seeds]
    draws = {key: np.mean([own[key][1:] for own in seeds], axis=0) for key in seeds[0]}
    reasons = _reasons(condition, one.scorers, points, one.kept, params.min_label_patients)
    frames = {
        "points": _points(condition, points, behind, reasons),
        "intervals": _intervals(condition, points, draws, behind, reasons),
        "draws": _board_draws(draws, condition.kind),
        "labels": _labels(condition, one.kept, behind),
    }
    if condition.whole:
        frames |= {
            "curves": curves(condition, one.kept),
            "calibration": calibration_bins(
                condition, one.recalibrated.probabilities, one.kept, params.calibration_bins
            ),
            "confusion": confusions(condition),
        }
    return frames


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
    ends = _ends(np.array(list(draws.values())))
    for (key, values), (low, high) in zip(draws.items(), ends, strict=True):
        scope, metric = key
        value = float(np.mean([point[key] for point in points]))
        some = np.isfinite(value)
        rows.append(
            {"class": scope, "metric": metric, "value": value}
            | {"low": low if some else np.nan, "high": high if some else np.nan}
            | vars(behind[scope])
            | {
                "draws": len(values),
                "undefined_draws": int(np.count_nonzero(~np.isfinite(values))),
                "seeds": " ".join(map(str, condition.seeds)),
                "reason": next((why[key] for why in reasons if why.get(key)), ""),
            }
        )
    return pd.DataFrame(rows)


def _ends(draws: Array) -> Array:
    """Ends of the intervals (m, 2) of draws (m, b), from the defined ones; nan without any."""
    found = np.full((len(draws), 2), np.nan)
    defined = np.isfinite(draws)
    whole = defined.all(1)
    if whole.any():
        found[whole] = np.quantile(draws[whole], INTERVAL, axis=1).T
    for m in np.flatnonzero(~whole & defined.any(1)):
        found[m] = np.quantile(draws[m, defined[m]], INTERVAL)
    return found


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
