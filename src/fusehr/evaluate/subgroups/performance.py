"""A row a group: the primary metric with its interval, and how far it is behind the whole fold.

Where a metric is a mean over classes, a group's mean takes the classes with enough of its patients,
and is compared with the whole fold's mean over the same classes: another choice of classes is
easier or harder by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.metrics import Array
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.outputs import INTERVAL
from fusehr.evaluate.pairs import sign
from fusehr.evaluate.scoring.conditions import Condition
from fusehr.evaluate.scoring.labels import Support, kept_labels, support
from fusehr.evaluate.scoring.scorers import Patients
from fusehr.evaluate.subgroups.draws import F1, Part, part_draws
from fusehr.evaluate.subgroups.groups import ATTRIBUTES
from fusehr.evaluate.subgroups.hidden import hidden_groups

METHOD = "patient-cluster bootstrap; 95 % percentile"
SIZES = ("n", "n_patients", "n_positive", "positive_patients", "negative_patients")


@dataclass(frozen=True)
class Group:
    """Samples of the test fold that share a value of one attribute.

    sizes: behind its numbers, pooled over the classes that count; None where they are hidden.
    counted: bool (K,), the classes that its average takes.
    left_out: why it has no value; empty where it has one.
    """

    attribute: str
    name: str
    part: Part
    counted: Array
    sizes: Support | None
    left_out: str


@dataclass(frozen=True)
class Scored:
    """One group under one recipe; arrays (draws,) of the value, and of how far it is behind.

    `behind` is the whole fold less the group, turned so that it is positive where the group is
    worse; `overall` the whole fold's value on the classes that count in the group.
    """

    task: str
    recipe: str
    metric: str
    seeds: str
    group: Group
    value: float
    overall: float
    values: Array
    behind: Array

    @property
    def gap(self) -> float:
        """How far the group is behind."""
        return (self.overall - self.value) * sign(self.metric)


def groups_of(
    condition: Condition, groups: pd.DataFrame, params: EvaluateParams, *, small: int | None
) -> list[Group]:
    """Groups of the test fold in the order of ATTRIBUTES; `groups`: of groups.sample_groups.

    small: the limit of small cells, None for open data. Raises InputError where a test sample is
    not among the tables' samples.
    """
    test = condition.test
    if not pd.Index(test.samples).isin(groups.index).all():
        raise InputError(
            f"data/tables/samples.parquet: column sample_id: expected the test samples of "
            f"{condition.task}, found predictions of others; run `dvc repro`"
        )
    own = groups.loc[test.samples]
    owner = Patients.of(test.patients).owner
    kept = kept_labels(test.labels, test.patients, at_least=params.min_label_patients)
    found: list[Group] = []
    for attribute in ATTRIBUTES:
        column = own[attribute]
        members = [(str(name), (column == name).to_numpy()) for name in column.cat.categories]
        members = [(name, inside) for name, inside in members if inside.any()]
        hidden = _hidden(condition, [inside for _, inside in members], small)
        for (name, inside), unseen in zip(members, hidden, strict=True):
            rows = np.flatnonzero(inside)
            labels, patients = test.labels[rows], test.patients[rows]
            counted = kept & kept_labels(labels, patients, at_least=params.min_label_patients)
            why = "" if counted.any() else _too_few(condition, params)
            if unseen:
                why = f"hidden: a count below {small}, or one that would tell of it"
            shown = labels[:, counted] if counted.any() else labels
            sizes = None if unseen else support(shown, patients)
            found.append(Group(attribute, name, Part.of(rows, owner), counted, sizes, why))
    return found


def _too_few(condition: Condition, params: EvaluateParams) -> str:
    least = params.min_label_patients
    if condition.kind == "binary":
        return f"fewer than {least} positive or {least} negative patients"
    return f"no class with {least} positive and {least} negative patients"


def _hidden(condition: Condition, members: list[Array], small: int | None) -> Array:
    """Which of the groups of one attribute are hidden, bool (g,)."""
    if small is None or not members:
        return np.zeros(len(members), bool)
    labels, patients = condition.test.labels, condition.test.patients
    cells = []
    for inside in members:
        own = support(labels[inside], patients[inside])
        counts = [own.n, own.n_patients]
        if condition.kind == "binary":
            counts += [own.n_positive, own.n - own.n_positive]
            counts += [own.positive_patients, own.negative_patients]
        cells.append(counts)
    return hidden_groups(np.array(cells), small=small)


def scored_groups(
    recipes: dict[str, Condition], groups: list[Group], metric: str, params: EvaluateParams
) -> list[Scored]:
    """Every group that has a value, of every recipe; all conditions are of one task."""
    first = next(iter(recipes.values()))
    everyone = np.arange(len(first.test.samples))
    whole = Part.of(everyone, Patients.of(first.test.patients).owner)
    told = [group for group in groups if not group.left_out]
    drawn = part_draws(recipes, [whole, *(group.part for group in told)], metric, params)
    found = []
    for recipe, condition in recipes.items():
        overall, *inside = drawn[recipe]
        for group, values in zip(told, inside, strict=True):
            counted = np.array([True]) if metric == F1 else group.counted
            own, all_ = values[counted].mean(0), overall[counted].mean(0)
            found.append(
                Scored(
                    condition.task,
                    recipe,
                    metric,
                    " ".join(map(str, condition.seeds)),
                    group,
                    value=float(own[0]),
                    overall=float(all_[0]),
                    values=own[1:],
                    behind=(all_[1:] - own[1:]) * sign(metric),
                )
            )
    return found


def interval(draws: Array) -> tuple[float, float]:
    """Ends of the 95 % interval over the defined draws; nan where there is none."""
    defined = draws[np.isfinite(draws)]
    if len(defined) == 0:
        return np.nan, np.nan
    low, high = np.quantile(defined, INTERVAL)
    return float(low), float(high)


COLUMNS = (
    *("task", "recipe", "attribute", "group", "metric", "value", "low", "high"),
    *("overall", "gap", "gap_low", "gap_high", *SIZES, "classes"),
    *("draws", "undefined_draws", "seeds", "method", "reason"),
)


def table(
    task: str, recipes: list[str], metric: str, groups: list[Group], scored: list[Scored]
) -> pd.DataFrame:
    """Columns COLUMNS: a row a recipe and group, also of those that are left out, with the reason.

    n_positive: positive samples, summed over the classes that count; classes: how many do.
    """
    values = {(one.recipe, one.group.attribute, one.group.name): one for one in scored}
    rows = []
    for recipe in recipes:
        for group in groups:
            row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
            row |= {"task": task, "recipe": recipe, "metric": metric, "method": METHOD}
            row |= {"attribute": group.attribute, "group": group.name, "reason": group.left_out}
            row |= {size: getattr(group.sizes, size, pd.NA) for size in SIZES}
            row |= dict.fromkeys(("classes", "draws", "undefined_draws", "seeds"), pd.NA)
            one = values.get((recipe, group.attribute, group.name))
            row |= _numbers(one) if one else {}
            rows.append(row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = [*SIZES, "classes", "draws", "undefined_draws"]
    return frame.assign(**{name: frame[name].astype("Int64") for name in whole})


def _numbers(one: Scored) -> dict[str, Any]:
    low, high = interval(one.values)
    gap_low, gap_high = interval(one.behind)
    return {
        "value": one.value,
        "low": low,
        "high": high,
        "overall": one.overall,
        "gap": one.gap,
        "gap_low": gap_low,
        "gap_high": gap_high,
        "classes": int(one.group.counted.sum()),
        "draws": len(one.values),
        "undefined_draws": int(np.count_nonzero(~np.isfinite(one.behind))),
        "seeds": one.seeds,
    }
