"""The card of the model that is served: what the stage `evaluate-cards` wrote, and its numbers."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from fusehr.serve.predictors.contract import About

CARDS, METRICS = Path("plots/cards"), Path("plots/metrics.csv")
HEADLINE = ("positive", "macro", "all")
NUMBERS = ("value", "low", "high")
NO_CARD = "No card was written of this model; `dvc repro evaluate-cards` writes one."
OTHER_RUN = "What follows was written of another run than the model that is served."
NOT_A_DEVICE = "For research. Not a medical device: no decision about a patient may rest on it."


def card(root: Path, about: About) -> str:
    """Markdown: what is loaded, then the recipe's card."""
    path = root / CARDS / f"{about.recipe}.md"
    if not path.is_file():
        return f"{_served(about)}\n\n{NO_CARD}\n"
    text = path.read_text(encoding="utf-8")
    if text.startswith("---\n"):  # the header that model hubs read
        text = text.split("\n---", 1)[-1].lstrip()
    served = _served(about)
    parts = [served, text] if of_this_run(root, about) else [served, OTHER_RUN, text]
    return "\n\n".join(parts).rstrip() + "\n"


def of_this_run(root: Path, about: About) -> bool:
    """Whether the card was written of a model fitted on the same split."""
    path = root / CARDS / f"{about.recipe}.md"
    return path.is_file() and about.split_sha in path.read_text(encoding="utf-8")


def metrics(root: Path, about: About) -> list[dict[str, Any]]:
    """Metrics of the recipe on the task's test patients with their intervals.

    Empty where this model has not been evaluated.
    """
    path = root / METRICS
    if not path.is_file() or not of_this_run(root, about):
        return []
    found: list[dict[str, Any]] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = row["recipe"] == about.recipe and row["task"] == about.task
            if own and row["variant"] == "full" and row["class"] in HEADLINE and row["value"]:
                numbers: dict[str, Any] = {key: float(row[key]) for key in NUMBERS if row[key]}
                counts = {key: int(row[key]) for key in ("n", "n_patients") if row[key]}
                found.append({"metric": row["metric"], **numbers, **counts})
    return found


def _served(about: About) -> str:
    return (
        f"Served: `{about.model}` for {about.task}, seed {about.seed}, SHA-256 of the split "
        f"`{about.split_sha}`. {NOT_A_DEVICE}"
    )
