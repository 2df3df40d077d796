"""The floor that a clinician could hold in mind: one variable, one direction, one cut-off.

For each class, the rule with the best balanced accuracy on train samples, over each variable's last
value and cut-offs at train quantiles. The rule fires or not; a missing value never fires it. Each
side's probability is the rate of the class among train samples on that side, so that a prediction
takes two values, and its AUROC, ties counted half, is about the rule's balanced accuracy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.files import write_json
from fusehr.core.frame.params import frozen
from fusehr.core.params.train import TabularParams
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Source
from fusehr.train.tabular.matrix import TABLES, Matrix, build_matrix

SHARED = (TabularParams,)


@frozen
class Params(RecipeParams):
    """Block `recipes.one_vital`."""

    modalities: tuple[Literal["series"]]
    quantiles: Annotated[int, Field(ge=1, le=99)]


@dataclass(frozen=True)
class Rule:
    """`variable` above (or at most) `cutoff` gives `p_fired`, else `p_not`; both are rates."""

    variable: str
    column: int
    above: bool
    cutoff: float
    p_fired: float
    p_not: float

    def fires(self, values: np.ndarray) -> np.ndarray:
        """values (n,) -> bool (n,); nan compares false either way."""
        return values > self.cutoff if self.above else values <= self.cutoff


@dataclass(frozen=True)
class OneVital:
    """The recipe."""

    params: Params
    shared: TabularParams
    tables: tuple[str, ...] = TABLES

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Every variable's last value in the window."""
        matrix = build_matrix(source, samples, modalities=self.params.modalities)
        return _Inputs(self, samples, matrix)


@dataclass(frozen=True)
class _Inputs:
    recipe: OneVital
    samples: TaskSamples
    matrix: Matrix

    def fit(self, fit: Fit) -> _Fitted:
        """The best rule of each class."""
        train = fit.fold.train
        known = self.matrix.vocabulary(train, min_share=self.recipe.shared.min_share)
        last = [k for k in known.tolist() if self.matrix.columns[k].endswith("|all|last")]
        labels = self.samples.labels[train]
        if not last:
            rules = [None] * labels.shape[1]
        else:
            rules = best_rules(
                self.matrix.values[train][:, last],
                labels,
                names=[self.matrix.columns[k].split("|")[0] for k in last],
                columns=last,
                quantiles=self.recipe.params.quantiles,
            )
        return _Fitted(self.samples, self.matrix, tuple(rules), labels.mean(axis=0))


def best_rules(
    values: np.ndarray,
    labels: np.ndarray,
    *,
    names: list[str],
    columns: list[int],
    quantiles: int,
) -> list[Rule | None]:
    """For each class the rule with the best balanced accuracy.

    Ties go to rules that fire above their cut-off, then to the lower quantile, then in given order.

    values (n, n_variables) with nan where missing, labels (n, n_classes) of 0 and 1. A class that
    all or none of the samples have gets no rule.
    """
    levels = np.arange(1, quantiles + 1) / (quantiles + 1)
    cutoffs = np.nanquantile(values, levels, axis=0, method="inverted_cdf")  # (q, v)
    above = values[:, None, :] > cutoffs  # (n, q, v)
    at_most = values[:, None, :] <= cutoffs  # (n, q, v)
    fired = np.stack([above, at_most]).astype(np.float32)  # (2, n, q, v)
    rules: list[Rule | None] = []
    for y in labels.T:
        n_positive = y.sum()
        n_negative = len(y) - n_positive
        if not n_positive or not n_negative:
            rules.append(None)
            continue
        hits = np.einsum("n,dnqv->dqv", y.astype(np.float32), fired)
        alarms = np.einsum("n,dnqv->dqv", (1 - y).astype(np.float32), fired)
        balanced = (hits / n_positive + 1 - alarms / n_negative) / 2  # (2, q, v)
        direction, level, variable = np.unravel_index(np.argmax(balanced), balanced.shape)
        side = fired[direction, :, level, variable] > 0
        rules.append(
            Rule(
                variable=names[variable],
                column=columns[variable],
                above=bool(direction == 0),
                cutoff=float(cutoffs[level, variable]),
                p_fired=float(y[side].mean()) if side.any() else float(y.mean()),
                p_not=float(y[~side].mean()) if not side.all() else float(y.mean()),
            )
        )
    return rules


@dataclass(frozen=True)
class _Fitted:
    samples: TaskSamples
    matrix: Matrix
    rules: tuple[Rule | None, ...]
    prevalence: np.ndarray  # (n_classes,)

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        p = np.tile(self.prevalence, (len(rows), 1))  # (n_rows, n_classes)
        for k, rule in enumerate(self.rules):
            if rule is not None:
                fires = rule.fires(self.matrix.values[rows, rule.column])
                p[:, k] = np.where(fires, rule.p_fired, rule.p_not)
        if self.samples.kind == "multiclass":
            total = p.sum(axis=1, keepdims=True)
            p = np.where(total > 0, p / np.where(total > 0, total, 1), self.prevalence)
        return p

    def save(self, stem: Path) -> None:
        write_json(stem.with_suffix(".json"), self.summary())

    def summary(self) -> dict[str, Any]:
        return {
            "rules": {
                name: None
                if rule is None
                else {
                    "rule": f"{rule.variable} {'>' if rule.above else '<='} {rule.cutoff:g}",
                    "p_fired": rule.p_fired,
                    "p_not": rule.p_not,
                }
                for name, rule in zip(self.samples.classes, self.rules, strict=True)
            },
            "prevalence": dict(zip(self.samples.classes, self.prevalence.tolist(), strict=True)),
        }


def build(params: Params, shared: TabularParams) -> OneVital:
    """The recipe `one_vital`."""
    return OneVital(params, shared)
