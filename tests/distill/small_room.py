"""Sixty patients whose texts tell their outcome in words that a tiny BERT knows, and what is made
of them by the room's stages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import TypeAdapter

from fusehr.core.distill_schemas import INSTRUCTIONS
from fusehr.core.frame.files import output_folder, write_parquet
from fusehr.core.frame.schemas import LABEL, SAMPLES, SPLITS
from fusehr.core.frame.tasks import Task
from fusehr.core.instructions import phenotype_titles
from fusehr.core.params.distill import StudentParams, TeacherParams
from fusehr.core.seeding import generator
from fusehr.distill.soft_labels.run import soft_labels
from fusehr.distill.student.run import train_students
from fusehr.distill.teacher.run import train_teachers

from ..models.distilled.tiny_teachers import params_of

ROOT = Path(__file__).parents[2]
TIME = pd.Timestamp("2150-01-01")
CLASSES: dict[str, tuple[str, ...]] = {
    "mortality": ("positive",),
    "triage": ("high", "low", "medium"),
    "next_diagnoses": tuple(sorted(phenotype_titles())),
}
SMALL = {"variants": ["hard", "full_unlabelled", "permuted"], "layers": 1, "d_model": 8}
SMALL |= {"heads": 2, "steps": 6, "evaluate_every": 3, "alphas": [0.9, 0.3], "threads": 1}


@dataclass
class Room:
    """folder: with tables and data; `texts` and `labels` may be changed before `write`."""

    folder: Path
    model: Path
    task: Task = "next_diagnoses"
    patients: int = 60
    texts: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[int]] = field(default_factory=dict)
    folds: dict[int, str] = field(default_factory=dict)
    unlabelled: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        classes = CLASSES[self.task]
        for patient in range(self.patients):
            rng = generator("small room", patient)
            had = rng.random(2) < 0.5
            words = [w for w, told in zip(("gout", "shock"), had, strict=True) if told]
            text = f"the heart . {' ; '.join([*words, 'fever'])} ."
            # classes of next_diagnoses are told by the two words in turn
            one = [int(had[k % 2]) for k in range(len(classes))]
            if self.task == "triage":
                one = [int(k == had.sum()) for k in range(3)]
            self.texts[f"{self.task}-{patient}"] = text
            self.labels[f"{self.task}-{patient}"] = one[: len(classes)]
            self.folds[patient] = "train" if patient < 40 else "val" if patient < 48 else "test"
            if self.task == "next_diagnoses" and patient < 20:
                self.unlabelled[f"unlabelled-{patient}"] = f"heart failure . {text}"

    def write(self) -> Room:
        """Write tables and texts."""
        ids = sorted(self.texts)
        of = {one: int(one.rsplit("-", 1)[1]) for one in [*ids, *self.unlabelled]}
        tables = self.folder / "tables"
        samples = pd.DataFrame({"sample_id": ids, "patient_id": [of[i] for i in ids]})
        samples = samples.assign(task=self.task, visit_id=samples["patient_id"], stay_id=None)
        for name in ("index_time", "window_start", "history_start", "codes_through"):
            samples[name] = TIME
        write_parquet(tables / "samples.parquet", samples.assign(train_use=True), SAMPLES)
        named = {i: zip(self._names, self.labels[i], strict=True) for i in ids}
        rows = [(i, name, float(value)) for i in ids for name, value in named[i]]
        label = pd.DataFrame(rows, columns=["sample_id", "class", "label_value"])
        label["patient_id"] = label["sample_id"].map(of)
        label = label.assign(task=self.task, label_time=TIME, visit_id=label["patient_id"])
        label = label.assign(label_code=self.task, new_onset=self.task == "next_diagnoses" or None)
        write_parquet(tables / "label.parquet", label, LABEL)
        splits = pd.DataFrame({"patient_id": list(self.folds), "fold": list(self.folds.values())})
        write_parquet(tables / "splits.parquet", splits, SPLITS)
        told = [(i, True, t) for i, t in self.texts.items()]
        told += [(i, False, t) for i, t in self.unlabelled.items()]
        table = pd.DataFrame(told, columns=["sample_id", "labelled", "input"])
        table["patient_id"] = table["sample_id"].map(of)
        table = table.assign(task=self.task, instruction="what is the", output=None)
        table["section_starts"] = [[0, text.index(" . ") + 3] for text in table["input"]]
        table["section_kinds"] = [["person", "diseases"]] * len(table)
        write_parquet(self.folder / "data" / "instructions.parquet", table, INSTRUCTIONS)
        return self

    @property
    def _names(self) -> tuple[str, ...]:
        return CLASSES[self.task]

    def teacher(self, **changes: Any) -> TeacherParams:
        """Two folds and two epochs, with changes."""
        told = {"folds": 2, "epochs": 2, "batch_size": 8, "max_tokens": 20} | changes
        return params_of(self.model, **told)

    def student(self, **changes: Any) -> StudentParams:
        """Of params.yaml, made small."""
        tree = yaml.safe_load((ROOT / "params.yaml").read_text())["distill"]["student"]
        return TypeAdapter(StudentParams).validate_python(tree | SMALL | changes)

    def teach(self, **changes: Any) -> Path:
        """The first of the stages; its folder."""
        with output_folder(self.folder / "teacher") as folder:
            train_teachers(
                self.folder / "data",
                self.folder / "tables",
                folder,
                [self.task],
                self.teacher(**changes),
            )
        return self.folder / "teacher"

    def soften(self, **changes: Any) -> Path:
        """The second."""
        with output_folder(self.folder / "soft_labels") as folder:
            soft_labels(
                self.folder / "data",
                self.folder / "tables",
                self.folder / "teacher",
                folder,
                [self.task],
                self.teacher(**changes),
            )
        return self.folder / "soft_labels"

    def learn(self, seeds: tuple[int, ...] = (1,), **changes: Any) -> Path:
        """The third."""
        with output_folder(self.folder / "students") as folder:
            train_students(
                self.folder / "data",
                self.folder / "tables",
                self.folder,
                folder,
                tasks=[self.task],
                seeds=list(seeds),
                teacher=self.teacher(),
                params=self.student(**changes),
            )
        return self.folder / "students"

    def beside(self, folder: Path) -> Room:
        """The same patients elsewhere, to be changed."""
        return dataclasses.replace(
            self,
            folder=folder,
            texts=dict(self.texts),
            labels=dict(self.labels),
            folds=dict(self.folds),
            unlabelled=dict(self.unlabelled),
        )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def soft(folder: Path) -> pd.DataFrame:
    """Soft labels: rows are texts, columns classes."""
    table = pd.read_parquet(folder / "soft_labels.parquet")
    return table.pivot(index="sample_id", columns="class", values="logit")


def same(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """bool (n,): texts whose soft labels are the same."""
    return (one.to_numpy() == other.to_numpy()).all(axis=1)
