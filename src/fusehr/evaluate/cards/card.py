"""One model's card in Markdown, with the header that Hugging Face reads from a model's README."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from fusehr.evaluate.figures.style import METRICS, TITLES
from fusehr.evaluate.subgroups.groups import ANY


@dataclass(frozen=True)
class Model:
    """What a card is about.

    metrics: the recipe's rows of plots/metrics.csv that speak for a task as a whole; gaps: its
    rows of plots/subgroup_gaps.csv; skipped: task -> why it has no score.
    """

    recipe: str
    params: dict[str, Any]
    metrics: pd.DataFrame
    gaps: pd.DataFrame
    skipped: dict[str, str]


def card(
    model: Model, texts: dict[str, Any], *, source: str, split_sha: str, seeds: list[int]
) -> str:
    """The whole card; `texts`: of texts.yaml."""
    own = texts["recipes"][model.recipe]
    publication = own.get("publication", "None: a baseline or a model of this project.")
    parts = [
        f"---\n{yaml.safe_dump(_header(model, source), sort_keys=False)}---",
        f"# {model.recipe}",
        own["what"],
        f"System and publication: {publication}",
        f"## Intended use\n\n{texts['intended']}",
        f"## Training data\n\nSource `{source}`. {texts['sources'].get(source, '')} "
        f"The cohort, its tasks and labels: [data set card](../dataset.md). {_fitted(own)}, "
        f"seeds {', '.join(map(str, seeds))}; SHA-256 of the split: `{split_sha}`.",
        f"## Parameters\n\n```yaml\n{yaml.safe_dump(model.params, sort_keys=True)}```",
        _evaluation(model),
        _groups(model),
        "## Limitations\n\n" + "\n".join(f"- {line}" for line in texts["limitations"]),
    ]
    return "\n\n".join(parts) + "\n"


def _fitted(own: dict[str, Any]) -> str:
    if own.get("fitted_again"):
        return "Fitted on train patients until validation patients tell to stop, then on both"
    return "Fitted on train patients only"


def _header(model: Model, source: str) -> dict[str, Any]:
    """License, tags and metrics, with the results in the form of a model index."""
    results = [
        {
            "task": {"type": "tabular-classification", "name": task},
            "dataset": {"name": source, "type": source, "split": "test"},
            "metrics": [
                {
                    "type": row["metric"],
                    "name": METRICS[row["metric"]],
                    "value": float(row["value"]),
                }
                for row in rows.to_dict("records")
            ],
        }
        for task, rows in model.metrics.groupby("task", sort=True)
    ]
    header: dict[str, Any] = {
        "license": "mit",
        "tags": ["electronic-health-records", "mimic-iv", source.replace("_", "-")],
        "metrics": sorted(set(model.metrics["metric"])),
    }
    if results:
        header["model-index"] = [{"name": model.recipe, "results": results}]
    return header


def _evaluation(model: Model) -> str:
    lines = ["## Evaluation", "", "Test patients; 95 % intervals by a bootstrap over patients."]
    if len(model.metrics):
        lines += ["", "| task | metric | value | samples | patients |", "|---|---|---|---|---|"]
    for row in model.metrics.to_dict("records"):
        value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        name = METRICS[row["metric"]]
        lines.append(
            f"| {_title(row['task'])} | {name} | {value} | {row['n']} | {row['n_patients']} |"
        )
    lines += [""] if model.skipped else []
    lines += [f"- No score on {task}: {why}." for task, why in sorted(model.skipped.items())]
    return "\n".join(lines)


def _groups(model: Model) -> str:
    """The worst group of each task, or that groups were not evaluated."""
    lines = ["## Groups of patients", ""]
    rows = model.gaps[model.gaps["attribute"] == ANY]
    if rows.empty:
        return "\n".join([*lines, "Not evaluated by groups: `evaluate.subgroups.recipes`."])
    lines += ["How far the worst group by age, sex or type of admission is behind all patients; p"]
    lines += ["is adjusted for the number of groups.", "", "| task | group | behind by | p |"]
    lines += ["|---|---|---|---|"]
    for row in rows.to_dict("records"):
        gap = f"{row['gap']:+.3f} [{row['gap_low']:+.3f}, {row['gap_high']:+.3f}]"
        lines.append(f"| {_title(row['task'])} | {row['worst']} | {gap} | {row['p']:.3f} |")
    return "\n".join(lines)


def _title(task: str) -> str:
    return TITLES.get(task, task)
