"""One recipe on one task, or on several that it learns together: every round and seed of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fusehr.core.cohort import Round, TaskSamples, load_rounds, load_task
from fusehr.core.folds import Fold, fold_rows, untrainable
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.predictions import FULL, long_form
from fusehr.core.seeding import seed_of
from fusehr.train.engine.contract import (
    WITHHELD,
    Epoch,
    Explaining,
    Fit,
    Fitted,
    JointRecipe,
    Modality,
    Skip,
    Source,
    TaskInputs,
)
from fusehr.train.engine.curves import Point
from fusehr.train.engine.registry import Job
from fusehr.train.engine.share import with_share

ROWS = (Path(__file__).parent / "sample_rows.sql").read_text()


@dataclass
class Trained:
    """What came of one task: predictions and summaries by round and seed, or why there are none.

    explained: what the first fit says of a few test samples.
    """

    task: Task
    skipped: str = ""
    said: str = ""
    fitted: dict[str, Any] = field(default_factory=dict)
    predictions: list[pd.DataFrame] = field(default_factory=list)
    explained: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Ready:
    """A task whose inputs are read."""

    samples: TaskSamples
    folds: list[Fold]
    inputs: TaskInputs


def train_tasks(
    job: Job,
    tasks: Sequence[Task],
    tables: Path,
    weights: Path,
    *,
    log: Callable[[Point], None],
) -> list[Trained]:
    """Fit the recipe on `tasks`; weights go to `weights`/<task>/<round>/<seed>."""
    rounds = with_share(load_rounds(tables), job.share)
    done: dict[Task, Trained] = {task: Trained(task) for task in tasks}
    ready: dict[Task, _Ready] = {}
    # a process for each task has one thread
    threads = 1 if job.worth_processes and not job.joint else job.threads
    with open_tables(tables, job.recipe.tables, threads=threads) as con:
        for task in tasks:
            try:
                ready[task] = _read(job, task, Source(con, tables, threads), rounds)
            except Skip as skip:
                done[task].skipped = str(skip)
    runs = [(number, seed) for number in range(len(rounds)) for seed in job.seeds]
    what = " ".join(tasks) if len(tasks) == 1 else "all tasks"
    for number, seed in tqdm(runs, desc=f"{job.name} {what}", unit="fit", disable=None):
        fits: dict[Task, Fit] = {
            task: _fit_of(job, task, one.folds[number], seed, log) for task, one in ready.items()
        }
        for task, fitted in _fit(job, ready, fits, done).items():
            samples, fit = ready[task].samples, fits[task]
            stem = weights / task / fit.fold.name / str(seed)
            stem.parent.mkdir(parents=True, exist_ok=True)
            fitted.save(stem)
            of_round = done[task].fitted.setdefault(fit.fold.name, {})
            of_round[str(seed)] = {"train": len(fit.fold.train), **fitted.summary()}
            done[task].predictions += _predictions(job, samples, fit, fitted, seed)
            asked = job.explained
            if asked.samples and isinstance(fitted, Explaining) and not done[task].explained:
                rows = fit.fold.test
                one = fitted.explain(rows, most=asked.samples, steps=asked.steps)
                done[task].explained.append(one)
    for task, one in done.items():
        if one.skipped:
            shutil.rmtree(weights / task, ignore_errors=True)
            one.fitted, one.predictions, one.explained = {}, [], []
            one.said = f"skipped, {one.skipped}"
        else:
            one.said = _sentence(job, ready[task].folds)
    return list(done.values())


def _read(job: Job, task: Task, source: Source, rounds: list[Round]) -> _Ready:
    samples = load_task(source.tables, task)
    folds = fold_rows(samples, rounds)
    if reason := untrainable(samples, folds):
        raise Skip(reason)
    source.con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
    return _Ready(samples, folds, job.recipe.inputs(source, samples))


def _fit_of(job: Job, task: Task, fold: Fold, seed: int, log: Callable[[Point], None]) -> Fit:
    return Fit(
        fold=fold,
        seed=seed_of(job.name, task, fold.name, seed),
        name=f"{job.name}, {task}, round {fold.name}, seed {seed}",
        log=partial(_log_point, log, task, fold.name, seed),
    )


def _log_point(
    log: Callable[[Point], None], task: str, round_name: str, seed: int, epoch: Epoch
) -> None:
    log(Point(task, round_name, seed, epoch))


def _fit(
    job: Job,
    ready: Mapping[Task, _Ready],
    fits: Mapping[Task, Fit],
    done: Mapping[Task, Trained],
) -> dict[Task, Fitted]:
    """Fits of the tasks that are not skipped; a Skip raised by one leaves the others."""
    if isinstance(job.recipe, JointRecipe):
        inputs: dict[Task, TaskInputs] = {task: one.inputs for task, one in ready.items()}
        return dict(job.recipe.fit_jointly(inputs, fits)) if inputs else {}
    fitted: dict[Task, Fitted] = {}
    for task, one in ready.items():
        if not done[task].skipped:
            try:
                fitted[task] = one.inputs.fit(fits[task])
            except Skip as skip:
                done[task].skipped = str(skip)
    return fitted


def _predictions(
    job: Job, samples: TaskSamples, fit: Fit, fitted: Fitted, seed: int
) -> list[pd.DataFrame]:
    """Of validation and test rows, with everything and with each source of inputs withheld."""
    frames = []
    for variant, without in _variants(job.recipe.modalities).items():
        for part, rows in (("val", fit.fold.val), ("test", fit.fold.test)):
            p = fitted.predict(rows, without)
            if p.shape != (len(rows), len(samples.classes)) or not np.isfinite(p).all():
                raise InputError(f"{fit.name}: expected a probability for each sample and class")
            frames.append(long_form(samples, rows, p, fold=part, seed=seed, variant=variant))
    return frames


def _variants(modalities: Collection[Modality]) -> dict[str, tuple[Modality, ...]]:
    """Conditions in which a recipe is tested; one of a single source is not tested without it."""
    variants: dict[str, tuple[Modality, ...]] = {FULL: ()}
    for name, of_source in WITHHELD.items():
        if set(modalities) & set(of_source) and set(modalities) - set(of_source):
            variants[f"without_{name}"] = of_source
    return variants


def _sentence(job: Job, folds: list[Fold]) -> str:
    parts = [
        f"{sum(len(rows) for rows in of_folds):,}"
        for of_folds in zip(*((fold.train, fold.val, fold.test) for fold in folds), strict=True)
    ]
    return (
        f"rounds {len(folds)}, seeds {len(job.seeds)}; fitted on {parts[0]} training samples, "
        f"predicted {parts[1]} validation and {parts[2]} test samples"
    )
