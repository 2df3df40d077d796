"""One trial: fit a recipe on train patients, score it on validation patients, see nobody else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusehr.core.cohort import TaskSamples, load_rounds, load_task
from fusehr.core.folds import Fold, fold_rows
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.metrics import Array, auprc, auroc, confusion, weighted_f1
from fusehr.core.params.train import Seeds, Share, Threads
from fusehr.core.params.tune import Metric
from fusehr.core.seeding import seed_of
from fusehr.train.engine.contract import Epoch, Fit, Fitted, JointRecipe, Skip, Source
from fusehr.train.engine.registry import load_recipe
from fusehr.train.engine.share import with_share
from fusehr.train.engine.task import ROWS
from fusehr.tune.space import Space, Values, with_values

Report = Callable[[int, float], None]  # epoch from 1, the recipe's own metric on validation samples


@dataclass(frozen=True)
class Training:
    """What the trials of one study have in common; called with values, it is one trial."""

    space: Space
    params: StageParams
    tables: Path

    def __call__(self, values: Values, report: Report) -> float:
        """The space's metric on validation samples, of the first of `train.seeds`.

        report: called after each epoch of a recipe that has epochs, with the metric that chooses
        its best one; what it raises ends the trial. Raises InputError where the recipe cannot be
        trained.
        """
        of = self.space.params
        params = with_values(self.params, values)
        recipe = load_recipe(of.recipe, params).recipe
        threads = params.section("train.threads", Threads)
        seed = params.section("train.seeds", Seeds)[0]
        share = params.section("train.share", Share)
        samples, fold = searched_samples(self.tables, of.task, share)
        fit = Fit(
            fold=fold,
            seed=seed_of(of.recipe, of.task, fold.name, seed),
            name=f"{of.recipe}, {of.task}, seed {seed}",
            log=lambda epoch: _tell(report, epoch),
        )
        try:
            with open_tables(self.tables, recipe.tables, threads=threads) as con:
                con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
                inputs = recipe.inputs(Source(con, self.tables, threads), samples)
                fitted: Fitted
                if isinstance(recipe, JointRecipe):
                    fitted = recipe.fit_jointly({of.task: inputs}, {of.task: fit})[of.task]
                else:
                    fitted = inputs.fit(fit)
                p = fitted.predict(fold.val)
        except Skip as skip:
            raise InputError(f"{of.recipe} cannot be tuned on {of.task}: {skip}") from None
        return validation_score(of.metric, samples.labels[fold.val], p)


def searched_samples(tables: Path, task: Task, share: float) -> tuple[TaskSamples, Fold]:
    """Samples of train and validation patients, and the rows of each; `fold.test` is empty.

    share: of the train patients, as `train.share`. Raises InputError where patients are
    cross-validated, as each then is someone's test patient, and where either part lacks samples or
    has one class.
    """
    rounds = with_share(load_rounds(tables), share)
    where = f"{tables}/splits.parquet: column fold"
    if len(rounds) != 1:
        raise InputError(
            f"{where}: expected one split into train, val and test, found cross-validation over "
            f"{len(rounds)} folds, in which every patient tests"
        )
    (one,) = rounds
    samples = load_task(tables, task)
    kept = samples.samples["patient_id"].isin(one.train | one.val).to_numpy()
    searched = dataclasses.replace(
        samples,
        samples=samples.samples[kept].reset_index(drop=True),
        labels=samples.labels[kept],
        new_onset=None if samples.new_onset is None else samples.new_onset[kept],
    )
    (fold,) = fold_rows(searched, rounds)
    for part, rows in (("train", fold.train), ("val", fold.val)):
        positive = searched.labels[rows].sum(axis=0)
        if not ((positive > 0) & (positive < len(rows))).any():
            raise InputError(
                f"{where}: {task}: expected {part} samples with and without a class, "
                f"found n positive {positive.max(initial=0)} of {len(rows)}"
            )
    return searched, fold


def validation_score(metric: Metric, labels: Array, p: Array) -> float:
    """labels 0/1 and p (n, classes): macro over classes with both labels, or weighted F1."""
    if metric == "f1_weighted":
        counts = confusion(labels.argmax(1), p.argmax(1), classes=labels.shape[1])
        return float(weighted_f1(counts))
    score = {"auroc": auroc, "auprc": auprc}[metric]
    values = [score(y, own) for y, own in zip(labels.T, p.T, strict=True) if 0 < y.sum() < len(y)]
    return float(np.mean(values))


def _tell(report: Report, epoch: Epoch) -> None:
    report(epoch.epoch, epoch.val_metric)
