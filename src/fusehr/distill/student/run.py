"""Stage `distill-student`: students of every way, task, round and seed; the one to serve."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from fusehr.core.cohort import split_sha
from fusehr.core.frame.files import read_json, write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import Task
from fusehr.core.instructions import phenotype_titles
from fusehr.core.params.distill import STUDENT, StudentParams, TeacherParams, Variant
from fusehr.core.predictions import FULL, long_form, predictions_table
from fusehr.core.seeding import seed_of
from fusehr.core.workers import SideBySide, workers
from fusehr.distill.student.fitting import (
    FittedStudent,
    StudentFit,
    fit_student,
    start_weights,
)
from fusehr.distill.student.taught import load_taught
from fusehr.distill.student.variants import way_of
from fusehr.distill.teacher.curves import write_curves
from fusehr.distill.teacher.reading import WHOLE, student_tokens
from fusehr.distill.texts import TaskTexts, trained_texts
from fusehr.models.distilled.about import Class, Exported
from fusehr.models.distilled.export import export_student
from fusehr.models.distilled.student import Shape, Student, start_from_teacher
from fusehr.models.distilled.teacher import Source, Teacher, teacher_source
from fusehr.models.distilled.tokens import load_tokenizer
from fusehr.models.networks.fitting import Goal, probabilities, settle_torch


@dataclasses.dataclass
class Collected:
    """What comes of one variant over tasks, rounds and seeds."""

    frames: list[pd.DataFrame] = dataclasses.field(default_factory=list)
    curves: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)
    fitted: dict[str, Any] = dataclasses.field(default_factory=dict)


def recipe_of(variant: Variant) -> str:
    """Name in predictions: the student to serve is `ckd_student`."""
    return "ckd_student" if variant == STUDENT else f"ckd_{variant}"


def train_students(
    data: Path,
    tables: Path,
    distilled: Path,
    folder: Path,
    *,
    tasks: list[Task],
    seeds: list[int],
    teacher: TeacherParams,
    params: StudentParams,
) -> None:
    """Fill the empty `folder` with a folder a variant and `export`, the student of each task.

    distilled: data/distill, with `teacher` and `soft_labels`. The weight of hard labels is chosen
    on validation samples by the student that is served, once a task and round; all take it.
    """
    source = teacher_source(teacher)
    skipped = read_json(distilled / "soft_labels" / "skipped.json")
    sha = split_sha(tables)
    collected: dict[Variant, Collected] = {variant: Collected() for variant in params.variants}
    with workers(params.threads) as side_by_side:
        for task in tasks:
            if task in skipped:
                continue
            texts = trained_texts(data, tables, task, distilled / "soft_labels" / "skipped.json")
            for number in range(len(texts.rounds)):
                one = _Round(texts, number, source, teacher, params, distilled, sha)
                fitted = _fit_round(one, seeds, side_by_side)
                _collect(one, fitted, collected)
                if one.first:
                    _export(one, fitted, seeds[0], folder / "export" / task)
    for variant, found in collected.items():
        own = folder / variant
        own.mkdir()
        table = predictions_table(found.frames, recipe=recipe_of(variant), split_sha=sha)
        write_parquet(own / "predictions.parquet", table, PREDICTIONS)
        write_curves(own / "curves.csv", found.curves)
        write_json(own / "skipped.json", skipped)
        told = {"recipe": recipe_of(variant), "params": dataclasses.asdict(params)}
        write_json(own / "recipe.json", told | {"split_sha": sha, "fitted": found.fitted})


class _Round:
    """One round of a task: what all its students have in common."""

    def __init__(
        self,
        texts: TaskTexts,
        number: int,
        source: Source,
        teacher: TeacherParams,
        params: StudentParams,
        distilled: Path,
        sha: str,
    ) -> None:
        self.texts, self.params, self.source, self.sha = texts, params, source, sha
        self.task: Task = texts.samples.task
        self.fold = texts.folds[number]
        self.first = number == 0
        self.unlabelled = texts.unlabelled(number)
        self.tokens, self.around, most = student_tokens(source, texts)
        self.taught = load_taught(distilled / "soft_labels", texts, self.fold.name)
        self.tokenizer = load_tokenizer(source.body)
        n_classes = len(texts.samples.classes)
        self.shape = Shape(
            vocabulary=len(self.tokenizer),
            max_tokens=most,
            padding=self.tokens.padding,
            layers=params.layers,
            d_model=params.d_model,
            heads=params.heads,
            dropout=params.dropout,
            n_classes=n_classes,
        )
        self.start, self.taken = {}, list[str]()
        if params.start == "teacher":
            settle_torch(threads=1, seed=0)
            whole = Teacher(source, n_classes, teacher)
            whole.load(distilled / "teacher" / self.task / self.fold.name / WHOLE)
            student = Student(self.shape)
            self.taken = start_from_teacher(student, whole.body)
            self.start = start_weights(student, self.taken)

    def fit(self, variant: Variant, seed: int, alpha: float) -> StudentFit:
        """The fit of `variant` with the training seed `seed`."""
        way = way_of(variant, self.params, alpha)
        name = f"{recipe_of(variant)}, {self.task}, round {self.fold.name}, seed {seed}"
        return StudentFit(
            shape=self.shape,
            params=self.params,
            way=way,
            start=self.start,
            texts=self.tokens,
            taught=self.taught,
            labels=self.texts.labels,
            train=self.fold.train,
            unlabelled=self.unlabelled,
            val=self.fold.val,
            predicted=(self.fold.val, self.fold.test),
            goal=Goal(self.texts.exclusive, self.params.selection, name),
            # the same draws for all variants, so that they differ by what they are taught alone
            seed=seed_of("student", self.task, self.fold.name, seed),
        )


@dataclasses.dataclass(frozen=True)
class _Fitted:
    """Students of a round by variant and seed; of_alpha: those that the weight was chosen among."""

    alpha: float
    of_alpha: dict[float, FittedStudent]
    students: dict[tuple[Variant, int], FittedStudent]


def _fit_round(one: _Round, seeds: list[int], side_by_side: SideBySide) -> _Fitted:
    def fit_all(fits: list[StudentFit], what: str) -> list[FittedStudent]:
        found = side_by_side(fit_student, [(fit,) for fit in fits])
        name = f"{what} students of {one.task}"
        return list(tqdm(found, total=len(fits), desc=name, unit="fit", disable=None))

    alphas, variants = one.params.alphas, one.params.variants
    jobs: list[tuple[Variant, int]] = [
        (v, s) for s in seeds for v in variants if (v, s) != (STUDENT, seeds[0])
    ]
    # those that no teacher has a part in do not wait for the weight of hard labels
    alone = [job for job in jobs if not way_of(job[0], one.params, alphas[0]).weights.taught]
    first = [one.fit(STUDENT, seeds[0], alpha) for alpha in alphas]
    first += [one.fit(variant, seed, alphas[0]) for variant, seed in alone]
    found = fit_all(first, "first")
    of_alpha = dict(zip(alphas, found, strict=False))
    # of equally good ones the first, as params.yaml lists them
    alpha = max(of_alpha, key=lambda a: of_alpha[a].best_metric)
    done: dict[tuple[Variant, int], FittedStudent] = {(STUDENT, seeds[0]): of_alpha[alpha]}
    done |= dict(zip(alone, found[len(alphas) :], strict=True))
    others = [job for job in jobs if job not in alone]
    fits = [one.fit(variant, seed, alpha) for variant, seed in others]
    done |= dict(zip(others, fit_all(fits, "other"), strict=True))
    return _Fitted(alpha, of_alpha, {(v, s): done[v, s] for s in seeds for v in variants})


def _collect(one: _Round, found: _Fitted, collected: dict[Variant, Collected]) -> None:
    fold, samples = one.fold, one.texts.samples
    for (variant, seed), fitted in found.students.items():
        into = collected[variant]
        for part, rows, logits in zip(
            ("val", "test"), (fold.val, fold.test), fitted.logits, strict=True
        ):
            p = probabilities(logits, exclusive=one.texts.exclusive).numpy()
            into.frames.append(long_form(samples, rows, p, fold=part, seed=seed, variant=FULL))
        into.curves += [(one.task, fold.name, seed, *point) for point in fitted.curve]
        way = way_of(variant, one.params, found.alpha)
        into.fitted.setdefault(one.task, {}).setdefault(fold.name, {})[str(seed)] = {
            "train": len(fold.train),
            "unlabelled": len(one.unlabelled) if way.unlabelled else 0,
            "steps": one.params.steps,
            "best_step": fitted.best_step,
            "validation": round(fitted.best_metric, 6),
            "from_teacher": one.taken,
            "weights": dataclasses.asdict(way.weights),
        }
    chosen = {f"{a:g}": round(fitted.best_metric, 6) for a, fitted in found.of_alpha.items()}
    collected[STUDENT].fitted[one.task][fold.name]["validation_by_alpha"] = chosen
    say(
        f"students of {one.task}, round {fold.name}: "
        f"{len(found.students)} of {one.params.steps} steps on "
        f"{len(fold.train):,} labelled and {len(one.unlabelled):,} unlabelled texts; "
        f"weight of hard labels {found.alpha:g}"
    )


def _export(one: _Round, found: _Fitted, seed: int, folder: Path) -> None:
    """The student of the first round and seed, so that it can be served."""
    fitted = found.students[STUDENT, seed]
    student = Student(one.shape)
    student.load_state_dict(fitted.weights)
    names = one.texts.samples.classes
    titles = phenotype_titles() if one.task == "next_diagnoses" else {}
    about = Exported(
        task=one.task,
        classes=[Class(name=name, title=titles.get(name, name)) for name in names],
        exclusive=one.texts.exclusive,
        max_tokens=one.shape.max_tokens,
        around=one.around,
        variant=STUDENT,
        alpha=found.alpha,
        temperature=one.params.temperature,
        seed=seed,
        split_sha=one.sha,
        teacher=one.source.name,
        metrics={one.params.selection: round(fitted.best_metric, 6)},
    )
    export_student(folder, student.eval(), one.tokenizer, about)
