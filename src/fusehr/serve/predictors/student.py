"""The distilled student: a visit in words to probabilities."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusehr.core.frame.errors import InputError
from fusehr.models.distilled.exported import ExportedStudent, Runtime
from fusehr.serve.cases.case import Case
from fusehr.serve.models import load_model
from fusehr.serve.predictors.contract import About, Recalibration
from fusehr.serve.predictors.results import fitted_on_validation, read_predictions
from fusehr.train.engine.contract import Modality

PREDICTIONS = "data/distill/students/{variant}/predictions.parquet"


@dataclass(frozen=True)
class StudentPredictor:
    """An exported student, which reads `text` of a case and nothing else."""

    student: ExportedStudent
    recalibration: Recalibration

    @property
    def about(self) -> About:
        """Which student this is."""
        own = self.student.about
        return About(
            "student",
            "ckd_student",
            own.task,
            tuple(own.names),
            own.exclusive,
            ("text",),
            own.seed,
            own.split_sha,
        )

    def prepare(self, case: Case) -> str:
        """Its text; InputError where it has none."""
        if case.text is None:
            raise InputError("text: expected the visit in words, found none")
        return case.text

    def predict(self, prepared: Sequence[str], without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities float64 (n, n_classes); a text is all that can be withheld, and is not."""
        if without:
            raise InputError("the student reads a text alone, and nothing can be withheld")
        if not prepared:
            return np.empty((0, len(self.about.classes)))
        return self.student.probabilities(prepared)[0]

    def predict_without(
        self, prepared: str, variants: Sequence[Collection[Modality]]
    ) -> np.ndarray:
        """Probabilities float64 (n_variants, n_classes); nothing can be withheld of a text."""
        rows = [self.predict([prepared], without)[0] for without in variants]
        return np.array(rows).reshape(-1, len(self.about.classes))


def load_student(root: Path, task: str, *, runtime: Runtime, threads: int) -> StudentPredictor:
    """The student of `task`; calibrated where its validation predictions are at hand."""
    student = load_model(root, "student", task, runtime, threads=threads)
    own, fitted = student.about, None
    path = root / PREDICTIONS.format(variant=own.variant)
    if path.is_file():
        rows = read_predictions(path, own.task, own.seed)
        fitted = fitted_on_validation(rows, own.names)
    return StudentPredictor(student, Recalibration(fitted, own.exclusive))
