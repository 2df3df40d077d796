"""What a search leaves: its trials, the best parameters, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fusehr.core.frame.files import output_folder, write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.tune.effect import BEST, DEFAULT, Compared
from fusehr.tune.figures.history import draw_history
from fusehr.tune.figures.importance import draw_importance
from fusehr.tune.figures.parallel import draw_parallel
from fusehr.tune.figures.slices import draw_slices
from fusehr.tune.importance import importances
from fusehr.tune.space import Space
from fusehr.tune.study import Finished

OVERLAY = "best.yaml"
DECIMALS = 6
STATES = ("complete", "pruned", "diverged")
DIFFERENCE = ("difference", "low", "high", "p", "verdict")
EFFECT = (
    *("space", "recipe", "task", "metric", "patients", DEFAULT, BEST, *DIFFERENCE),
    *("n", "n_patients", "draws", "undefined_draws", "seeds", "method", "reason"),
)


def best_of(trials: Sequence[Finished]) -> Finished:
    """The trial with the highest score, of equal ones the first."""
    complete = [one for one in trials if one.score is not None]
    return max(complete, key=lambda one: (one.score, -one.place))


def write_report(
    space: Space,
    trials: Sequence[Finished],
    compared: Compared,
    *,
    pruned_by: str,
    seed: int,
    folder: Path,
    plots: Path,
) -> str:
    """Fill data/tune/<name> (`folder`) and plots/tune/<name> (`plots`); a line on the result.

    pruned_by: the metric that trials were compared by epoch by epoch. seed: of the importances.
    """
    table, best = trials_table(space, trials), best_of(trials)
    effect = effect_table(space, compared)
    weights = importances(space, trials, seed=seed)
    counts = {state: int((table["state"] == state).sum()) for state in STATES}
    about: dict[str, Any] = {
        "space": space.name,
        "recipe": space.params.recipe,
        "task": space.params.task,
        "metric": space.params.metric,
        "pruned_by": pruned_by,
        "trials": counts,
        "first_trial_is_default": space.holds_defaults,
        "best_trial": best.place + 1,
        "parameters": {DEFAULT: dict(space.defaults), BEST: dict(best.values)},
        "importance": {path: round(value, DECIMALS) for path, value in weights.items()},
        "validation": _rounded(compared.validation),
        "test": _rounded(compared.test),
    }
    with output_folder(folder) as data:
        (data / OVERLAY).write_text(yaml.safe_dump(dict(best.values), sort_keys=True))
        write_json(data / "effect.json", about)
        write_parquet(data / "predictions.parquet", compared.predictions, PREDICTIONS)
    with output_folder(plots) as drawn:
        for name, frame in (("trials", table), ("effect", effect)):
            frame.to_csv(drawn / f"{name}.csv", index=False, lineterminator="\n")
        draw_history(drawn / "history.png", space, table)
        draw_importance(drawn / "importance.png", weights)
        draw_parallel(drawn / "parallel.png", space, table)
        draw_slices(drawn / "slices.png", space, table)
    return _sentence(space, counts, compared)


def trials_table(space: Space, trials: Sequence[Finished]) -> pd.DataFrame:
    """A row a trial in the order of places, from 1: state, score, best so far, epochs, values."""
    rows, best = [], np.nan
    for one in trials:
        score = np.nan if one.score is None else round(one.score, DECIMALS)
        best = np.fmax(best, score)
        state = "diverged" if one.diverged else "pruned" if one.score is None else "complete"
        rows.append(
            {
                "trial": one.place + 1,
                "state": state,
                space.params.metric: score,
                "best_so_far": best,
                "epochs": max(one.epochs, default=0),
                "last_epoch_metric": round(list(one.epochs.values())[-1], DECIMALS)
                if one.epochs
                else np.nan,
                **one.values,
            }
        )
    return pd.DataFrame(rows)


def effect_table(space: Space, compared: Compared) -> pd.DataFrame:
    """Columns EFFECT: a row for validation patients, without an interval, and one for test."""
    of = space.params
    common = {"space": space.name, "recipe": of.recipe, "task": of.task, "metric": of.metric}
    chosen = "chosen on these patients"
    rows = [
        {**common, "patients": "validation", **_rounded(compared.validation), "reason": chosen},
        {**common, "patients": "test", **_rounded(compared.test)},
    ]
    frame = pd.DataFrame(rows, columns=list(EFFECT))
    counts = ["n", "n_patients", "draws", "undefined_draws"]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def _rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        key: round(value, DECIMALS) + 0.0 if isinstance(value, float) else value
        for key, value in numbers.items()
    }


def _sentence(space: Space, counts: dict[str, int], compared: Compared) -> str:
    own, test = compared.validation, compared.test
    told = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    start = (
        f"tune {space.name}: {sum(counts.values())} trials ({told}); {space.params.metric} on "
        f"validation patients {own[DEFAULT]:.4f} -> {own[BEST]:.4f}"
    )
    if "reason" in test:
        return f"{start}; on test patients not told: {test['reason']}"
    return (
        f"{start}; on {test['n_patients']} test patients {test[DEFAULT]:.4f} -> {test[BEST]:.4f}, "
        f"difference {test['difference']:+.4f} [{test['low']:+.4f}, {test['high']:+.4f}], "
        f"p {test['p']:.3f}: {test['verdict']}"
    )
