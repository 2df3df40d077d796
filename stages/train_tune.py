"""Search the hyperparameters of one space: `python stages/train_tune.py <space>`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from fusehr.core.frame.stage import run, say
from fusehr.core.params.evaluate import score_params
from fusehr.core.params.raw import RESTRICTED
from fusehr.tune.effect import compare
from fusehr.tune.report import best_of, write_report
from fusehr.tune.run import TABLES, search, tune_params
from fusehr.tune.space import load_space, pruning_metric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space")
    name = parser.parse_args().space
    # as in train: waiting threads sleep, and leave the cores to others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    params = tune_params(name)
    space = load_space(name, params)
    scoring = score_params(params)
    restricted = params.section("raw.source", str) in RESTRICTED
    small_cell = params.section("evaluate.small_cell", int)
    trials = search(space, params)
    compared = compare(
        space,
        best_of(trials).values,
        params,
        TABLES,
        scoring,
        step_hours=params.section("tables.deterioration.step_hours", int),
        small=small_cell if restricted else None,
    )
    text = write_report(
        space,
        trials,
        compared,
        pruned_by=pruning_metric(space, params),
        seed=params.section("tune.seed", int),
        folder=Path("data/tune", name),
        plots=Path("plots/tune", name),
    )
    say(text)


if __name__ == "__main__":
    run(main)
