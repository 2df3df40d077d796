"""Test samples of the run that the served model comes from: which there are, and each as a case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from fusehr.core.distill_schemas import INSTRUCTIONS
from fusehr.core.explanation_schemas import EXPLANATIONS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, read_parquet
from fusehr.core.frame.params import lookup, read_yaml
from fusehr.core.frame.schemas import PREDICTIONS, check_parquet
from fusehr.core.params.raw import RESTRICTED
from fusehr.core.predictions import FULL
from fusehr.serve.cases.case import Case
from fusehr.serve.demo.cases_of_samples import cases_of
from fusehr.serve.models import STUDENTS
from fusehr.serve.predictors.contract import About
from fusehr.serve.predictors.results import TRAINED
from fusehr.serve.predictors.student import PREDICTIONS as OF_STUDENT

RESTRICTED_REMOTE = "restricted"  # as .dvc/config has it, for sources that are so by parameter
SHOWN = 3  # samples to begin with, where none was explained by the pipeline


@dataclass(frozen=True)
class Stay:
    """A test sample. outcome: classes that came true; recorded: p of each class, as evaluated."""

    sample_id: str
    case: Case
    outcome: tuple[str, ...]
    recorded: dict[str, float]


class Stays:
    """Test samples of the served task and seed; the model was not fitted on their patients."""

    def __init__(self, root: Path, about: About) -> None:
        self._root, self._about = root, about

    @property
    def restricted(self) -> bool:
        """The data are credentialed, and not for everyone who can reach this service."""
        params = read_yaml(self._root / "params.yaml")
        source, remote = lookup(params, "raw.source"), lookup(params, "raw.remote")
        return source in RESTRICTED or remote == RESTRICTED_REMOTE

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """In order; InputError where the predictions are not to be had."""
        return tuple(self._predictions.index)

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """Samples to begin with: those that the pipeline explained, as they have most to show."""
        path = self._root / TRAINED / self._about.recipe / f"{EXPLANATIONS.name}.parquet"
        if not path.is_file():
            return self.ids[:SHOWN]
        own = [("task", "=", self._about.task)]
        found = set(
            pq.read_table(path, columns=["sample_id"], filters=own)["sample_id"].to_pylist()
        )
        return tuple(sorted(found & set(self.ids))) or self.ids[:SHOWN]

    def read(self, sample_id: str) -> Stay:
        """The sample of that id; InputError where it is none of the test samples."""
        if sample_id not in self._predictions.index:
            raise InputError(f"sample_id: expected a test sample of {self._about.task}")
        row: Any = self._predictions.loc[sample_id]
        outcome = tuple(name for name in self._about.classes if row[("y", name)])
        p = {name: float(row[("p", name)]) for name in self._about.classes}
        return Stay(sample_id, self._case(sample_id), outcome, p)

    def _case(self, sample_id: str) -> Case:
        if self._about.reads == ("text",):
            path = self._root / "data/distill/data/instructions.parquet"
            texts = read_parquet(path, INSTRUCTIONS)
            own = texts[texts["sample_id"] == sample_id]
            if own.empty:
                raise InputError(f"{path}: expected sample {sample_id}, found none")
            return Case(text=str(own["input"].iloc[0]))
        return cases_of(self._root, self._about.task, [sample_id])[0]

    @cached_property
    def _predictions(self) -> pd.DataFrame:
        """(p, class) and (y, class) of each test sample, sorted by sample_id."""
        about = self._about
        path = self._root / TRAINED / about.recipe / "predictions.parquet"
        if about.model == "student":
            variant = read_json(self._root / STUDENTS / about.task / "about.json")["variant"]
            path = self._root / OF_STUDENT.format(variant=variant)
        if not path.is_file():
            raise InputError(f"{path}: expected predictions, found no file")
        check_parquet(path, PREDICTIONS)
        filters = [
            ("task", "=", about.task),
            ("seed", "=", about.seed),
            ("variant", "=", FULL),
            ("fold", "=", "test"),
        ]
        rows = pq.read_table(path, columns=["sample_id", "class", "y", "p"], filters=filters)
        return rows.to_pandas().pivot(index="sample_id", columns="class", values=["p", "y"])
