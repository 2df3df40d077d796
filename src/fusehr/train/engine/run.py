"""Train one recipe on every task, and write what it learnt and what it predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fusehr.core.cohort import split_sha
from fusehr.core.frame.files import read_parquet, write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS, SAMPLES
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import Task
from fusehr.core.predictions import predictions_table
from fusehr.core.workers import in_processes
from fusehr.train.engine.curves import Curves
from fusehr.train.engine.explained import write_explanations
from fusehr.train.engine.registry import Job
from fusehr.train.engine.task import Trained, train_tasks


def train(job: Job, *, tables: Path, folder: Path, live: Path) -> None:
    """Fill the empty `folder` with weights, predictions, curves, recipe.json and skipped.json.

    live: where curves can be watched while they grow. Tasks are trained side by side, each in a
    process of its own, where the recipe is worth it; a recipe that learns all tasks together is not
    divided.
    """
    curves = Curves(live)
    groups: list[list[Task]] = [job.tasks] if job.joint else [[task] for task in job.tasks]
    place = {task: k for k, task in enumerate(job.tasks)}
    done: list[Trained] = []
    if job.threads > 1 and len(groups) > 1 and job.worth_processes:
        # the longest first, so that none is left running alone for long
        sizes = read_parquet(tables / "samples.parquet", SAMPLES, ["task"])["task"].value_counts()
        groups.sort(key=lambda group: -sizes.get(group[0], 0))
        calls = [(job, group, tables, folder / "weights") for group in groups]
        for trained in in_processes(train_tasks, calls, most=job.threads, log=curves.add):
            done += trained
    else:
        for group in groups:
            done += train_tasks(job, group, tables, folder / "weights", log=curves.add)
    done.sort(key=lambda one: place[one.task])
    for one in done:
        say(f"{job.name} {one.task}: {one.said}")
    skipped = {one.task: one.skipped for one in done if one.skipped}
    fitted: dict[str, Any] = {one.task: one.fitted for one in done if not one.skipped}
    frames: list[pd.DataFrame] = [frame for one in done for frame in one.predictions]
    sha = split_sha(tables)
    predictions = predictions_table(frames, recipe=job.name, split_sha=sha)
    write_parquet(folder / "predictions.parquet", predictions, PREDICTIONS)
    curves.write(folder / "curves.csv")
    if explained := [part for one in done for part in one.explained]:
        write_explanations(folder, explained)
    write_json(folder / "skipped.json", skipped)
    about = {"recipe": job.name, "params": job.resolved, "split_sha": sha, "fitted": fitted}
    write_json(folder / "recipe.json", about)
