"""Scores of an ablation's variants with intervals, each against the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fusehr.ablation.plan import Plan, scored_as
from fusehr.evaluate.compare import two_sided_p
from fusehr.evaluate.figures.style import METRICS, TITLES
from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import INTERVAL
from fusehr.evaluate.pairs import METHOD, Drawn, difference
from fusehr.evaluate.tables import rounded

SHOWN = ("auroc", "auprc")
COLUMNS = (
    *("task", "recipe", "variant", "metric", "value", "low", "high", "against", "difference"),
    *("difference_low", "difference_high", "p", "n", "n_patients", "draws", "seeds", "method"),
    "reason",
)


def ablation_table(scores: Scores, plan: Plan, *, primary: Mapping[str, str]) -> pd.DataFrame:
    """Columns COLUMNS: the primary metric, AUROC and AUPRC of each task, recipe and variant.

    A difference is the variant's less that of `plan.against`, over the same draws of patients; p is
    two-sided and not adjusted for the number of comparisons. A variant without a score has a
    reason.
    """
    drawn = Drawn(scores)
    rows: list[dict[str, Any]] = []
    for task in plan.tasks:
        for recipe in plan.recipes:
            for variant in plan.variants:
                for metric in dict.fromkeys([primary[task], *SHOWN]):
                    rows.append(_row(scores, drawn, plan, task, recipe, variant, metric))
    return rounded(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(
    scores: Scores, drawn: Drawn, plan: Plan, task: str, recipe: str, variant: str, metric: str
) -> dict[str, Any]:
    name, whole = scored_as(recipe, variant), scored_as(recipe, plan.against)
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"task": task, "recipe": recipe, "variant": variant, "metric": metric, "seeds": ""}
    row |= {"against": "" if variant == plan.against else plan.against, "method": METHOD}
    one, other = drawn.value(task, name, metric), drawn.value(task, whole, metric)
    row["reason"] = scores.skipped.get((task, name), "") if one is None else ""
    if one is None:
        return row
    defined = one.draws[np.isfinite(one.draws)]
    low, high = np.quantile(defined, INTERVAL)
    row |= {"value": one.value, "low": low, "high": high, "seeds": one.seeds}
    row |= {"n": one.n, "n_patients": one.n_patients, "draws": len(one.draws)}
    paired = difference(one, other, metric)
    if paired is not None and variant != plan.against:
        low, high = np.quantile(paired.defined, INTERVAL)
        row |= {"difference": paired.value, "difference_low": low, "difference_high": high}
        row["p"] = two_sided_p(paired.defined)
    return row


def page(table: pd.DataFrame, plan: Plan) -> str:
    """The table as Markdown."""
    parts = [f"# {plan.title}", ""]
    for (task, metric), rows in table.groupby(["task", "metric"], sort=False):
        parts += [f"## {TITLES.get(str(task), task)}, {METRICS.get(str(metric), metric)}", ""]
        parts += [
            f"| recipe | variant | value | less {plan.against} | p |",
            "|---|---|---|---|---|",
        ]
        for row in rows.to_dict("records"):
            parts.append(f"| {row['recipe']} | {row['variant']} | {' | '.join(_cells(row))} |")
        known = rows[rows["value"].notna()]
        if len(known):
            first = known.iloc[0]
            parts += ["", f"{first['n']:,.0f} samples of {first['n_patients']:,.0f} test patients."]
        parts += [""]
    parts += [
        "In brackets: 95 % intervals over patients. p-values are two-sided and not adjusted for",
        f"the number of comparisons. Training seeds {' / '.join(_seeds(table))}, averaged over.",
    ]
    return "\n".join(parts) + "\n"


def _cells(row: Mapping[Any, Any]) -> list[str]:
    if pd.isna(row["value"]):
        return [f"- ({row['reason']})", "-", "-"]
    value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    if pd.isna(row["difference"]):
        return [value, "-", "-"]
    ends = f"[{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]"
    return [value, f"{row['difference']:+.3f} {ends}", f"{row['p']:.3f}"]


def _seeds(table: pd.DataFrame) -> list[str]:
    return [seeds for seeds in dict.fromkeys(table["seeds"]) if seeds]
