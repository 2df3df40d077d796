"""Stage `distill-soft-labels`: probabilities and attention by teachers new to the patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from tqdm import tqdm

from fusehr.core.distill_schemas import SOFT_LABELS, TEACHER_ATTENTION, TEACHER_FOLDS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, read_parquet, write_json, write_parquet
from fusehr.core.frame.tasks import Task
from fusehr.core.instructions import phenotype_titles, write_soft_labels
from fusehr.core.metrics import auroc
from fusehr.core.params.distill import TeacherParams
from fusehr.core.workers import workers
from fusehr.distill.teacher.fitting import fits_at_once, torch_device
from fusehr.distill.teacher.kept import by_tokens
from fusehr.distill.teacher.reading import WHOLE, teacher_tokens
from fusehr.distill.texts import TaskTexts, trained_texts
from fusehr.models.distilled.attention import Levels, levels
from fusehr.models.distilled.teacher import Source, Teacher, teacher_source
from fusehr.models.distilled.tokens import TokenBatch, TokenTexts
from fusehr.models.networks.fitting import probabilities, settle_torch

BATCH_TOKENS = 2048


@dataclass(frozen=True)
class _Question:
    """Some rows of a task's texts for the teacher at `stem`; passed to a process of its own.

    ids: sample of each of the texts.
    """

    source: Source
    params: TeacherParams
    n_classes: int
    stem: Path
    tokens: TokenTexts
    ids: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class _Told:
    """What one teacher says of some texts."""

    rows: np.ndarray
    logits: np.ndarray
    attention: list[dict[str, Any]]


def soft_labels(
    data: Path, tables: Path, teachers: Path, folder: Path, tasks: list[Task], params: TeacherParams
) -> dict[str, Any]:
    """Fill the empty `folder`; what is said of each task: macro AUROC of out-of-fold labels.

    Train patients' texts get their labels from the teacher of their fold, validation patients'
    (for the seed's JSON form) from the whole one. Raises InputError where a patient has no fold.
    """
    source = teacher_source(params)
    skipped = read_json(teachers / "skipped.json")
    folds = read_parquet(teachers / "folds.parquet", TEACHER_FOLDS)
    labels: list[pd.DataFrame] = []
    attention: list[dict[str, Any]] = []
    told: dict[str, Any] = {}
    for task in tasks:
        if task in skipped:
            continue
        texts = trained_texts(data, tables, task, teachers / "skipped.json")
        tokens = teacher_tokens(source, texts)
        ids, n_classes = texts.table["sample_id"].to_numpy(), len(texts.samples.classes)
        for number, fold in enumerate(texts.folds):
            mine = folds[(folds["task"] == task) & (folds["round"] == fold.name)]
            of_patient = dict(zip(mine["patient_id"], mine["fold"], strict=True))
            train = np.concatenate([fold.train, texts.unlabelled(number)])
            of_row = _fold_of(texts, train, of_patient, teachers)
            stem = teachers / task / fold.name
            asked = {str(k): train[of_row == k] for k in range(params.folds)}
            asked[WHOLE] = fold.val
            questions = [
                _Question(source, params, n_classes, stem / name, tokens, ids, rows)
                for name, rows in asked.items()
            ]
            *said, whole = _ask_all(questions, f"soft labels of {task}", params)
            for k, one in enumerate(said):
                labels.append(_rows(texts, one, fold.name, k))
                attention += [row | {"task": task, "round": fold.name} for row in one.attention]
            known = pd.concat(labels[-params.folds :])
            _seed_form(folder, texts, known, whole, "" if number == 0 else f"_{fold.name}")
            told.setdefault(task, {})[fold.name] = _quality(texts, known)
    write_parquet(folder / "soft_labels.parquet", _table(labels, SOFT_LABELS), SOFT_LABELS)
    write_parquet(folder / "attention.parquet", _attention_table(attention), TEACHER_ATTENTION)
    write_json(folder / "skipped.json", skipped)
    write_json(folder / "quality.json", told)
    return told


def _fold_of(
    texts: TaskTexts, rows: np.ndarray, of_patient: dict[int, int], teachers: Path
) -> np.ndarray:
    try:
        return np.array([of_patient[int(patient)] for patient in texts.patients[rows]])
    except KeyError as error:
        raise InputError(
            f"{teachers}/folds.parquet: column patient_id: expected patient {error.args[0]}, "
            "found no fold"
        ) from None


def _ask_all(questions: list[_Question], what: str, params: TeacherParams) -> list[_Told]:
    """As many at a time as may be fitted at a time."""
    calls = [(question,) for question in questions]
    with workers(fits_at_once(params)) as side_by_side:
        answers = side_by_side(_ask, calls)
        return list(tqdm(answers, total=len(calls), desc=what, unit="teacher", disable=None))


@torch.inference_mode()
def _ask(question: _Question) -> _Told:
    settle_torch(threads=1, seed=question.params.seed)
    teacher = Teacher(question.source, question.n_classes, question.params).eval()
    teacher.load(question.stem)
    device = torch_device(question.params.device)
    teacher.to(device)
    lengths, rows = question.tokens.lengths.numpy(), question.rows
    order = rows[np.argsort(lengths[rows], kind="stable")]
    logits, attention = [np.zeros((0, question.n_classes), np.float32)], []
    for part in by_tokens(order, lengths, BATCH_TOKENS):
        batch = question.tokens.batch(torch.from_numpy(part)).to(device)
        found, weights = teacher.logits_and_attention(batch)
        logits.append(found.float().cpu().numpy())
        most = int(batch.sections.max()) + 1
        level = levels(weights, batch, question.source.pooling, most)
        attention += list(_attention_rows(question.ids[part], batch, level))
    return _Told(order, np.concatenate(logits), attention)


def _attention_rows(ids: np.ndarray, batch: TokenBatch, level: Levels) -> Iterator[dict[str, Any]]:
    inside, tokens = batch.inside.cpu(), level.tokens.cpu()
    between, there = level.sections.cpu(), level.patient.cpu() > 0
    for k, sample_id in enumerate(ids):
        present = there[k].nonzero().flatten()
        yield {
            "sample_id": sample_id,
            "tokens": tokens[k][inside[k]].numpy(),
            "sections": between[k][present][:, present].flatten().numpy(),
            "present": present.numpy(),
        }


def _rows(texts: TaskTexts, told: _Told, round_name: str, teacher: int) -> pd.DataFrame:
    classes = texts.samples.classes
    logits = torch.from_numpy(told.logits)
    p = probabilities(logits, exclusive=texts.exclusive).numpy()
    of_row = texts.table.iloc[told.rows]
    return pd.DataFrame(
        {
            "task": texts.samples.task,
            "round": round_name,
            "sample_id": np.repeat(of_row["sample_id"].to_numpy(), len(classes)),
            "patient_id": np.repeat(of_row["patient_id"].to_numpy(), len(classes)),
            "class": np.tile(np.array(classes, dtype=object), len(told.rows)),
            "teacher": teacher,
            "logit": told.logits.astype(np.float64).ravel(),
            "p": p.ravel(),
        }
    )


def _seed_form(
    folder: Path, texts: TaskTexts, known: pd.DataFrame, whole: _Told, suffix: str
) -> None:
    """hands_<task>_train.json and hands_<task>_val.json, in the order of distill-data's lines."""
    task, classes = texts.samples.task, list(texts.samples.classes)
    titles = phenotype_titles() if task == "next_diagnoses" else {name: name for name in classes}
    order = [classes.index(name) for name in titles]
    wide = known.pivot(index="sample_id", columns="class", values="p")[classes]
    of_train = texts.table["sample_id"][texts.table["labelled"]]
    train = wide.loc[[one for one in of_train if one in wide.index]].to_numpy()
    logits = torch.from_numpy(whole.logits)
    val = probabilities(logits, exclusive=texts.exclusive).numpy()[np.argsort(whole.rows)]
    for name, table in (("train", train), ("val", val)):
        path = folder / f"hands_{task}{suffix}_{name}.json"
        write_soft_labels(path, table[:, order], titles)


def _quality(texts: TaskTexts, known: pd.DataFrame) -> dict[str, Any]:
    """Of the labelled ones: macro AUROC over classes with both labels, and how many texts."""
    classes = list(texts.samples.classes)
    wide = known.pivot(index="sample_id", columns="class", values="p")[classes]
    ids = texts.samples.samples["sample_id"]
    rows = np.flatnonzero(ids.isin(wide.index))
    p, y = wide.loc[ids.iloc[rows]].to_numpy(), texts.samples.labels[rows]
    values = [auroc(y[:, k], p[:, k]) for k in range(len(classes)) if 0 < y[:, k].sum() < len(y)]
    return {
        "labelled": len(rows),
        "unlabelled": len(wide) - len(rows),
        "out_of_fold_auroc": round(float(np.mean(values)), 4),
    }


def _table(frames: list[pd.DataFrame], schema: Any) -> pd.DataFrame:
    if frames:
        return pd.concat(frames, ignore_index=True)
    return pd.DataFrame(columns=[column.name for column in schema.columns])


def _attention_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TEACHER_ATTENTION.arrow())
