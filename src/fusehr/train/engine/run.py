"""Train one recipe on every task, and write what it learnt and what it predicts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fusehr.core.cohort import TaskSamples, load_rounds, load_task, split_sha
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.stage import say
from fusehr.core.gate.availability import open_tables
from fusehr.core.seeding import seed_of
from fusehr.train.engine.contract import Fit, Fold, Skip, Source, TaskInputs
from fusehr.train.engine.curves import Curves
from fusehr.train.engine.folds import fold_rows, untrainable
from fusehr.train.engine.predictions import long_form, predictions_table
from fusehr.train.engine.registry import Job

ROWS = (Path(__file__).parent / "sample_rows.sql").read_text()


def train(job: Job, *, tables: Path, folder: Path, live: Path) -> None:
    """Fill the empty `folder` with weights, predictions, curves, recipe.json and skipped.json.

    live: where curves can be watched while they grow.
    """
    rounds, sha = load_rounds(tables), split_sha(tables)
    curves = Curves(live)
    skipped: dict[str, str] = {}
    fitted: dict[str, Any] = {}
    frames: list[pd.DataFrame] = []
    with open_tables(tables, job.recipe.tables, threads=job.threads) as con:
        for task in job.tasks:
            samples = load_task(tables, task)
            folds = fold_rows(samples, rounds)
            weights = folder / "weights" / task
            try:
                if reason := untrainable(samples, folds):
                    raise Skip(reason)
                con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
                inputs = job.recipe.inputs(Source(con, tables, job.threads), samples)
                fitted[task], predicted = _fit_rounds(job, samples, inputs, folds, weights, curves)
            except Skip as skip:
                shutil.rmtree(weights, ignore_errors=True)
                skipped[task] = str(skip)
                say(f"{job.name} {task}: skipped, {skip}")
            else:
                frames += predicted
                say(_sentence(job, samples, folds))
    predictions = predictions_table(frames, recipe=job.name, split_sha=sha)
    write_parquet(folder / "predictions.parquet", predictions, PREDICTIONS)
    curves.write(folder / "curves.csv")
    write_json(folder / "skipped.json", skipped)
    about = {"recipe": job.name, "params": job.resolved, "split_sha": sha, "fitted": fitted}
    write_json(folder / "recipe.json", about)


def _fit_rounds(
    job: Job,
    samples: TaskSamples,
    inputs: TaskInputs,
    folds: list[Fold],
    weights: Path,
    curves: Curves,
) -> tuple[dict[str, Any], list[pd.DataFrame]]:
    """Every round and seed of a task: fitted, saved as weights/<round>/<seed>, and used.

    Returns summaries by round and seed, and predictions of each round's val and test rows.
    """
    summaries: dict[str, Any] = {fold.name: {} for fold in folds}
    frames: list[pd.DataFrame] = []
    runs = [(fold, seed) for fold in folds for seed in job.seeds]
    for fold, seed in tqdm(runs, desc=f"{job.name} {samples.task}", unit="fit", disable=None):
        fit = Fit(
            fold=fold,
            seed=seed_of(job.name, samples.task, fold.name, seed),
            name=f"{job.name}, {samples.task}, round {fold.name}, seed {seed}",
            log=curves.log(samples.task, fold.name, seed),
        )
        fitted = inputs.fit(fit)
        stem = weights / fold.name / str(seed)
        stem.parent.mkdir(parents=True, exist_ok=True)
        fitted.save(stem)
        summaries[fold.name][str(seed)] = {"train": len(fold.train), **fitted.summary()}
        for part, rows in (("val", fold.val), ("test", fold.test)):
            p = fitted.predict(rows)
            if p.shape != (len(rows), len(samples.classes)) or not np.isfinite(p).all():
                raise InputError(f"{fit.name}: expected a probability for each sample and class")
            frames.append(long_form(samples, rows, p, fold=part, seed=seed))
    return summaries, frames


def _sentence(job: Job, samples: TaskSamples, folds: list[Fold]) -> str:
    parts = [
        f"{sum(len(rows) for rows in of_folds):,}"
        for of_folds in zip(*((fold.train, fold.val, fold.test) for fold in folds), strict=True)
    ]
    return (
        f"{job.name} {samples.task}: rounds {len(folds)}, seeds {len(job.seeds)}; "
        f"fitted on {parts[0]} training samples, "
        f"predicted {parts[1]} validation and {parts[2]} test samples"
    )
