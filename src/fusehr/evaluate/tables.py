"""The CSV tables under plots/: every number with its n, interval, method and seeds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.ceiling import paired_with_ceiling
from fusehr.evaluate.compare import paired_with_reference, paired_with_unimodal
from fusehr.evaluate.disclosure import hide_bins, hide_confusion, hide_support
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import FULL, HEADLINE, WITHOUT
from fusehr.evaluate.withheld import withheld_sources

METHOD = "patient-cluster bootstrap; 95 % percentile"
DECIMALS = 5

WHERE = ["task", "recipe", "variant", "class"]
VALUES = ("value", "low", "high")
BEHIND = [
    *("n", "n_patients", "n_positive", "positive_patients", "negative_patients"),
    *("draws", "undefined_draws", "seeds", "method", "reason"),
]
# Rows stand in this order, whatever order the recipes are given in.
ORDER = (
    *("task", "variant", "class", "metric", "probabilities", "threshold", "recipe", "seed"),
    *("bin", "false_positive_rate", "sensitivity", "truth", "predicted", "what", "reason"),
    *("claim", "withheld"),
)
BY_CLASS = ("auroc", "auprc", "brier")


def tables(scores: Scores, params: EvaluateParams, *, small: int | None) -> dict[str, pd.DataFrame]:
    """File name (without .csv) -> table. `small`: the limit of small cells, None for open data."""
    numbers = scores.intervals.assign(method=METHOD)
    if small is not None:
        numbers = hide_support(
            numbers, small=small, values=VALUES, by=("recipe", "variant", "metric")
        )
        numbers = _hide_rates(numbers, scores.intervals, small)
    compared = _compared(scores, params)
    if small is not None:
        compared = {name: _visible(frame, numbers) for name, frame in compared.items()}
    net = numbers["metric"].str.startswith("net_benefit_")
    whole = numbers["class"].isin((*HEADLINE, "micro"))
    found = {
        "metrics": numbers.loc[whole & ~net, [*WHERE, "metric", *VALUES, *BEHIND]],
        "metrics_by_class": numbers.loc[
            ~whole & numbers["metric"].isin(BY_CLASS), [*WHERE, "metric", *VALUES, *BEHIND]
        ],
        "net_benefit": _net_benefit(numbers[whole & net], scores),
        **compared,
        "roc": _curve(scores, numbers, "roc", ("false_positive_rate", "sensitivity"), small),
        "pr": _curve(scores, numbers, "pr", ("sensitivity", "precision"), small),
        "calibration": _calibration(scores, small),
        "confusion": _confusion(scores, small),
        "labels": _labels(scores, small),
        "skipped": _skipped(scores),
    }
    return {
        name: frame.sort_values([c for c in ORDER if c in frame]) for name, frame in found.items()
    }


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats to five decimals: enough to compare, few enough to be the same everywhere."""
    floats = frame.select_dtypes("float").columns
    return frame.assign(**{name: frame[name].round(DECIMALS) + 0.0 for name in floats})


def _compared(scores: Scores, params: EvaluateParams) -> dict[str, pd.DataFrame]:
    primary = params.primary
    second = (params.noninferior.against, params.noninferior.margin)
    return {
        "paired": paired_with_reference(
            scores, reference=params.reference, noninferior=second, primary=primary
        ),
        "unimodal": paired_with_unimodal(scores, unimodal=params.unimodal, primary=primary),
        "ceiling": paired_with_ceiling(scores, reference=params.reference, primary=primary),
        "withheld": withheld_sources(scores, primary=primary),
    }


def _visible(frame: pd.DataFrame, numbers: pd.DataFrame) -> pd.DataFrame:
    """Comparisons of which neither side is hidden."""
    shown = numbers[numbers["value"].notna() & numbers["class"].isin(HEADLINE)]
    keys = ("task", "metric", "recipe", "variant")
    seen = set(zip(*(shown[key] for key in keys), strict=True))

    def sides(row: Mapping[Hashable, str]) -> list[tuple[str, str]]:
        """(recipe, variant) of both."""
        one = (row["recipe"], FULL)
        if "withheld" in row:
            return [one, (row["recipe"], WITHOUT + row["withheld"])]
        return [one, (row["unimodal"] if "unimodal" in row else row["reference"], FULL)]

    both = [
        all((row["task"], row["metric"], *side) in seen for side in sides(row))
        for row in frame.to_dict("records")
    ]
    return frame[np.array(both, dtype=bool)]


def _hide_rates(numbers: pd.DataFrame, counts: pd.DataFrame, small: int) -> pd.DataFrame:
    """A rate times its n is a count: hide those of few people."""
    errors = counts["metric"].isin(("under_triage", "over_triage"))
    found = counts["metric"].eq("sens_at_spec90")
    few = errors & (counts["value"] * counts["n"] < small - 0.5)
    few |= found & (counts["value"] * counts["n_positive"] < small - 0.5)
    return numbers.assign(**{name: numbers[name].mask(few) for name in VALUES})


def _net_benefit(numbers: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """With the net benefit of treating everyone; that of treating no one is zero."""
    name = numbers["metric"].str.removeprefix("net_benefit_")
    threshold = name.str.removesuffix("_raw").astype(float)
    raw = scores.intervals.loc[numbers.index]
    kept = scores.labels[scores.labels["kept"]].groupby(["task", "recipe", "variant"]).size()
    classes = np.array(
        [
            1
            if row["class"] == "positive"
            else kept.get((row["task"], row["recipe"], row["variant"]), 1)
            for _, row in raw.iterrows()
        ]
    )
    rate = raw["n_positive"] / (raw["n"] * classes)
    treat_all = rate - (1 - rate) * threshold / (1 - threshold)
    frame = numbers.rename(columns={"value": "net_benefit"}).assign(
        threshold=threshold,
        probabilities=np.where(name.str.endswith("_raw"), "raw", "recalibrated"),
        treat_all=treat_all.mask(numbers["value"].isna()),
    )
    columns = ["threshold", "probabilities", "net_benefit", "low", "high", "treat_all", *BEHIND]
    return frame[[*WHERE, *columns]]


def _curve(
    scores: Scores, numbers: pd.DataFrame, name: str, axes: tuple[str, str], small: int | None
) -> pd.DataFrame:
    """Curves of the conditions whose AUROC is defined and shown.

    With `small`, a point at which fewer positives than that are found is left empty.
    """
    shown = (numbers["metric"] == "auroc") & numbers["value"].notna()
    behind = scores.intervals.loc[shown, [*WHERE, "n_positive"]]
    frame = scores.curves[scores.curves["curve"] == name].merge(behind, on=WHERE)
    frame = frame.rename(columns=dict(zip(("x", "y"), axes, strict=True)))
    if small is not None:
        few = frame["sensitivity"] * frame["n_positive"] < small - 0.5
        frame[axes[1]] = frame[axes[1]].mask(few)
    return frame[[*WHERE, *axes]]


def _calibration(scores: Scores, small: int | None) -> pd.DataFrame:
    frame = (
        scores.calibration
        if small is None
        else hide_bins(scores.calibration, small=small, by=(*WHERE, "probabilities"))
    )
    return frame[[*WHERE, "probabilities", "bin", "predicted", "observed", "n", "n_positive"]]


def _confusion(scores: Scores, small: int | None) -> pd.DataFrame:
    frame = scores.confusion
    if small is not None:
        frame = hide_confusion(frame, small=small, by=("task", "recipe", "variant", "seed"))
    return frame[["task", "recipe", "variant", "seed", "truth", "predicted", "n"]]


def _labels(scores: Scores, small: int | None) -> pd.DataFrame:
    """Each class once: how many stand behind it, and whether averages over classes take it."""
    frame = scores.labels.drop_duplicates(["task", "variant", "class"])
    if small is not None:
        frame = hide_support(frame, small=small, values=(), by=("task", "variant"))
    support = ["n", "n_patients", "n_positive", "positive_patients", "negative_patients"]
    return frame[["task", "variant", "class", *support, "kept"]]


def _skipped(scores: Scores) -> pd.DataFrame:
    """Tasks without a score, and scores that could not be recalibrated, each with its reason."""
    rows = [
        {"task": task, "recipe": recipe, "variant": FULL, "what": "task", "reason": reason}
        for (task, recipe), reason in scores.skipped.items()
    ]
    for (recipe, condition), classes in scores.not_recalibrated.items():
        task, _, variant = condition.partition("/")
        where = {"task": task, "recipe": recipe, "variant": variant, "what": "recalibration"}
        rows += [where | {"reason": reason} for reason in classes]
    columns = ["task", "recipe", "variant", "what", "reason"]
    return pd.DataFrame(rows, columns=columns)
