"""Stage `distill-teacher`: teachers of every task and round, and what the whole ones predict."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from fusehr.core.cache_folder import cache_folder
from fusehr.core.cohort import split_sha
from fusehr.core.distill_schemas import TEACHER_FOLDS
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import TASKS, Task
from fusehr.core.params.distill import TeacherParams
from fusehr.core.predictions import FULL, long_form, predictions_table
from fusehr.core.workers import workers
from fusehr.distill.teacher.curves import write_curves
from fusehr.distill.teacher.fitting import (
    Epoch,
    TeacherFit,
    fit_teacher,
    fits_at_once,
    teacher_logits,
    torch_device,
)
from fusehr.distill.teacher.folds import patient_folds
from fusehr.distill.teacher.kept import KeptHidden, keep_hidden
from fusehr.distill.teacher.reading import WHOLE, teacher_tokens
from fusehr.distill.texts import TaskTexts, load_texts
from fusehr.models.distilled.teacher import Source, Teacher, teacher_source
from fusehr.models.distilled.tokens import TokenTexts
from fusehr.models.networks.fitting import Goal, probabilities, settle_torch
from fusehr.models.text.pretrained import files_digest

RECIPE = "ckd_teacher"
NOT_ASKED = "not distilled: distill.tasks does not name it"


@dataclasses.dataclass(frozen=True)
class _Ready:
    """A task whose texts are tokens."""

    task: Task
    texts: TaskTexts
    tokens: TokenTexts


def train_teachers(
    data: Path, tables: Path, folder: Path, tasks: list[Task], params: TeacherParams
) -> None:
    """Fill the empty `folder` with weights, folds, predictions, curves and recipe.json.

    data: what distill-data wrote. Of each round there is a teacher for each fold, who never saw its
    patients, and one of all train patients, who predicts validation and test samples.
    """
    source = teacher_source(params)
    skipped: dict[str, str] = {one: NOT_ASKED for one in TASKS if one not in tasks}
    frames: list[pd.DataFrame] = []
    folds: list[pd.DataFrame] = []
    curves: list[tuple[Any, ...]] = []
    about: dict[str, Any] = {}
    checkpoints: list[Path] = []
    for task in tasks:
        found, reason = load_texts(data, tables, task)
        reason = reason or _too_few(found, params.folds)
        if found is None or reason:
            skipped[task] = reason
            say(f"{RECIPE} {task}: skipped, {reason}")
            continue
        ready = _Ready(task, found, teacher_tokens(source, found))
        with tempfile.TemporaryDirectory(prefix="fusehr-") as scratch:
            settle_torch(threads=params.threads, seed=params.seed)
            teacher = Teacher(source, len(found.samples.classes), params).eval()
            teacher.to(torch_device(params.device))
            known = np.arange(len(found.samples.samples))
            kept = keep_hidden(
                teacher, ready.tokens, known, Path(scratch, "hidden"), most_mb=params.kept_mb
            )
            for number in range(len(found.rounds)):
                fits, of_fold = _fits(ready, number, source, params, kept, folder)
                folds.append(of_fold)
                checkpoints += [fit.checkpoint for fit in fits]
                curves += _fit_all(fits, task, found.folds[number].name, params)
                frames += _predicted(teacher, ready, number, kept, fits[0].stem, params)
        lost = ready.tokens.lost
        cut = int((lost > 0).sum())
        about[task] = {
            "texts": len(lost),
            "tokens": int(ready.tokens.lengths.sum()),
            "texts_cut": cut,
            "tokens_cut": int(lost.sum()),
            "classes": list(found.samples.classes),
        }
        say(
            f"{RECIPE} {task}: {len(found.rounds)} rounds of {params.folds + 1} teachers; "
            f"{len(lost):,} texts, {cut:,} of which are longer than {source.max_tokens} tokens and "
            f"lost {int(lost.sum()):,} of {int(lost.sum() + ready.tokens.lengths.sum()):,} tokens"
        )
    sha = split_sha(tables)
    table = predictions_table(frames, recipe=RECIPE, split_sha=sha)
    write_parquet(folder / "predictions.parquet", table, PREDICTIONS)
    columns = [column.name for column in TEACHER_FOLDS.columns]
    of_all = pd.concat(folds, ignore_index=True) if folds else pd.DataFrame(columns=columns)
    write_parquet(folder / "folds.parquet", of_all, TEACHER_FOLDS)
    write_curves(folder / "curves.csv", curves)
    write_json(folder / "skipped.json", skipped)
    told = {"recipe": RECIPE, "params": dataclasses.asdict(params), "split_sha": sha}
    write_json(folder / "recipe.json", told | {"tasks": about, "pooling": source.pooling})
    for path in checkpoints:
        path.unlink(missing_ok=True)


def _too_few(texts: TaskTexts | None, folds: int) -> str:
    if texts is None:
        return ""
    for fold in texts.folds:
        n = len(np.unique(texts.patients[fold.train]))
        if n < folds:
            return f"train fold {fold.name} has {n} patients, fewer than distill.teacher.folds"
    return ""


def _fits(
    ready: _Ready,
    number: int,
    source: Source,
    params: TeacherParams,
    kept: KeptHidden | None,
    folder: Path,
) -> tuple[list[TeacherFit], pd.DataFrame]:
    """The whole teacher's first, then one a fold; and who is in which fold."""
    texts, fold = ready.texts, ready.texts.folds[number]
    everyone = np.concatenate([fold.train, texts.unlabelled(number)])
    of_patient = patient_folds(
        texts.patients[everyone], params.folds, "teacher", ready.task, fold.name, params.seed
    )
    of_row = np.array([of_patient[int(patient)] for patient in texts.patients[fold.train]])
    one = TeacherFit(
        source=source,
        params=params,
        texts=ready.tokens,
        kept=kept,
        labels=texts.labels,
        train=fold.train,
        val=fold.val,
        goal=_goal(ready.task, fold.name, WHOLE, texts.exclusive),
        stem=folder / ready.task / fold.name / WHOLE,
        checkpoint=Path(),
        # fits side by side have a thread each
        threads=1,
    )
    fits = [one]
    for k in range(params.folds):
        goal = _goal(ready.task, fold.name, f"fold {k}", texts.exclusive)
        stem = folder / ready.task / fold.name / str(k)
        train, none = fold.train[of_row != k], fold.train[:0]
        fits.append(dataclasses.replace(one, train=train, val=none, goal=goal, stem=stem))
    named = [dataclasses.replace(fit, checkpoint=_checkpoint(fit)) for fit in fits]
    table = pd.DataFrame({"patient_id": list(of_patient), "fold": list(of_patient.values())})
    return named, table.assign(task=ready.task, round=fold.name)


def _goal(task: Task, round_name: str, which: str, exclusive: bool) -> Goal:
    return Goal(exclusive, "auroc", f"{RECIPE}, {task}, round {round_name}, {which}")


def _checkpoint(fit: TeacherFit) -> Path:
    """Named by all that decides what comes of the fit, so that no other one goes on from it."""
    digest = hashlib.sha256()
    told = [fit.params, fit.goal, files_digest(fit.source.folder), torch.__version__]
    digest.update(repr(told).encode())
    for part in (fit.texts.ids, fit.texts.offsets, fit.labels):
        digest.update(part.numpy().tobytes())
    for rows in (fit.train, fit.val):
        digest.update(rows.tobytes())
    return cache_folder("teachers") / f"{digest.hexdigest()}.pt"


def _fit_all(
    fits: list[TeacherFit], task: Task, round_name: str, params: TeacherParams
) -> list[tuple[Any, ...]]:
    """Fit all; the curve of the whole teacher, as the others have nobody to be validated on."""
    calls = [(fit,) for fit in fits]
    what = f"teachers of {task}"
    with workers(fits_at_once(params)) as side_by_side:
        fitted = side_by_side(fit_teacher, calls)
        done: list[list[Epoch]] = list(
            tqdm(fitted, total=len(fits), desc=what, unit="fit", disable=None)
        )
    return [
        (task, round_name, params.seed, point.epoch, point.train_loss, point.val_metric)
        for point in done[0]
    ]


def _predicted(
    teacher: Teacher,
    ready: _Ready,
    number: int,
    kept: KeptHidden | None,
    stem: Path,
    params: TeacherParams,
) -> list[pd.DataFrame]:
    teacher.load(stem)
    fold, texts = ready.texts.folds[number], ready.texts
    frames = []
    for part, rows in (("val", fold.val), ("test", fold.test)):
        logits = teacher_logits(teacher, ready.tokens, rows, kept)
        p = probabilities(logits, exclusive=texts.exclusive).numpy()
        frames.append(long_form(texts.samples, rows, p, fold=part, seed=params.seed, variant=FULL))
    return frames
