"""A few patients whose visits are written down by hand, and the texts made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fusehr.core.frame.schemas import DRUGS, LABEL, SAMPLES, SPLITS, STATIC, VISITS, Table
from fusehr.core.frame.tasks import Task
from fusehr.core.instructions import phenotype_titles
from fusehr.core.params.distill import DataParams, HintsParams
from fusehr.core.rag_schemas import KG_CODES, KG_EDGES, KG_NODES, SUMMARIES
from fusehr.distill.data.write import write_data

START = pd.Timestamp("2150-01-01 00:00")
LAG = pd.Timedelta(days=4)
TITLES_OF_CODES = {
    "hosp/d_icd_diagnoses": (
        "icd_code,icd_version,long_title\n"
        "4280 ,9,Congestive heart failure\nI509,10,Heart failure\n"
        '4019,9,"Hypertension, unspecified"\n5849,9,Acute kidney failure\n2749,9,Gout.\n'
    ),
    "hosp/d_icd_procedures": "icd_code,icd_version,long_title\n3995,9,Hemodialysis\n",
}
NODES = {0: ("gout", "disease"), 1: ("heart failure", "disease"), 2: ("Zurampic", "drug")}
NODES |= {3: ("Allopurinol", "drug"), 4: ("Digoxin", "drug"), 5: ("Colchicine", "drug")}


@dataclass
class Visit:
    """One visit of four days that begins `day` days after START."""

    patient: int
    visit: int
    day: int
    diagnoses: list[str]
    phenotypes: list[str] = field(default_factory=list)
    procedures: list[str] = field(default_factory=list)
    drugs: list[str] = field(default_factory=list)
    died: bool = False

    @property
    def admitted(self) -> pd.Timestamp:
        return START + pd.Timedelta(days=self.day)

    @property
    def discharged(self) -> pd.Timestamp:
        return self.admitted + pd.Timedelta(days=4)


@dataclass
class Made:
    """What was written: the table by sample_id, fitted.json, JSONL lines by file name, numbers."""

    rows: pd.DataFrame
    fitted: dict[str, Any]
    files: dict[str, list[dict[str, str]]]
    metrics: dict[str, Any]

    def input(self, sample_id: str) -> str:
        return str(self.rows["input"][sample_id])

    def sections(self, sample_id: str) -> list[tuple[str, str]]:
        """(kind, text) of each section, cut where section_starts says."""
        text, kinds = self.input(sample_id), self.rows["section_kinds"][sample_id]
        bounds = [*self.rows["section_starts"][sample_id], len(text) + 1]
        assert [text[b - 1] for b in bounds[1:-1]] == [" "] * (len(bounds) - 2)
        cut = [text[a : b - 1] for a, b in pairwise(bounds)]
        return list(zip(map(str, kinds), cut, strict=True))

    def told(self, sample_id: str, kind: str) -> list[str]:
        return [text for found, text in self.sections(sample_id) if found == kind]


class Clinic:
    """Two visits of patients 1 to 4, one of patients 5 to 8; patients 3 and 7 are tested."""

    def __init__(self, folder: Path, make_hospital: Callable[[Path, dict[str, str]], None]) -> None:
        self.folder = folder
        self.titles = dict(TITLES_OF_CODES)
        self.make_hospital = make_hospital
        self.folds = {i: "test" if i in (3, 7) else "train" for i in range(1, 9)} | {4: "val"}
        self.ages: dict[int, float | None] = {}
        self.sexes: dict[int, str] = {}
        self.registered_hours = 0.0  # after admission
        self.orders: list[tuple[int, int, float, str]] = []  # patient, visit, hour, drug
        self.visits = [
            Visit(i, 10 * i, 0, ["ICD9CM/4280"], ["congestive_heart_failure"], [], ["digoxin"])
            for i in range(1, 9)
        ]
        self.visits += [
            Visit(i, 10 * i + 1, 100, ["ICD9CM/5849"], ["acute_renal_failure"]) for i in range(1, 5)
        ]
        self.edges = [(3, "indication", 0), (0, "indication", 2), (0, "contraindication", 4)]
        self.codes = [(0, "ICD9CM/2749"), (1, "ICD9CM/4280")]
        self.summaries = {f"{task}-{v.visit}": "fever. gout." for task, v in self.others()}

    def visit(self, number: int) -> Visit:
        return next(visit for visit in self.visits if visit.visit == number)

    def others(self) -> Iterator[tuple[Task, Visit]]:
        """A sample a visit of two other tasks."""
        for visit in self.visits:
            yield "mortality", visit
            yield "triage", visit

    def make(self, *tasks: Task, name: str = "out", **changes: Any) -> Made:
        """Write the clinic down and what is made of it, with changes to the parameters."""
        self._write()
        hints: dict[str, Any] = {"graph": True, "statistics": True, "most_diseases": 5}
        hints |= {"most_drugs": 3, "min_patients": 2, "min_lift": 1.1}
        data: dict[str, Any] = {"earlier_visits": 2, "medication": True}
        data |= {"diseases": "titles", "threads": 2}
        hints |= {key: value for key, value in changes.items() if key in hints}
        data |= {key: value for key, value in changes.items() if key in data}
        out = self.folder / name
        out.mkdir(exist_ok=True)
        metrics = write_data(
            self.folder / "raw",
            self.folder / "tables",
            self.folder / "rag",
            out,
            list(tasks or ("next_diagnoses",)),
            DataParams(**data, hints=HintsParams(**hints)),
        )
        lines = {
            path.name: [json.loads(line) for line in path.read_text().splitlines()]
            for path in sorted(out.glob("*.json"))
            if path.name != "fitted.json"
        }
        rows = pd.read_parquet(out / "instructions.parquet").set_index("sample_id")
        return Made(rows, json.loads((out / "fitted.json").read_text()), lines, metrics)

    def _write(self) -> None:
        if not (self.folder / "raw").exists():
            self.make_hospital(self.folder / "raw", self.titles)
        self._write_visits()
        self._write_samples()
        rag, graph = self.folder / "rag", self.folder / "rag" / "knowledge"
        graph.mkdir(parents=True, exist_ok=True)
        nodes = [(i, str(i), kind, name, "") for i, (name, kind) in NODES.items()]
        _write_rows(graph, KG_NODES, nodes)
        _write_rows(graph, KG_EDGES, [(x, relation, relation, y) for x, relation, y in self.edges])
        _write_rows(graph, KG_CODES, self.codes)
        told = [(i, text, "template", None, []) for i, text in self.summaries.items()]
        _write_rows(rag, SUMMARIES, told)

    def _write_visits(self) -> None:
        tables = self.folder / "tables"
        tables.mkdir(exist_ok=True)
        visits = [
            (
                v.patient,
                v.visit,
                v.admitted,
                v.discharged,
                v.discharged if v.died else None,
                "URGENT",
                "HOME",
                sorted(v.diagnoses),
                sorted(v.phenotypes),
                sorted(v.procedures),
                sorted(v.drugs),
                v.discharged + LAG,
            )
            for v in self.visits
        ]
        _write_rows(tables, VISITS, visits)
        static = [
            (
                v.patient,
                self.ages.get(v.patient, 67.9),
                self.sexes.get(v.patient, "F"),
                v.visit,
                None,
                None,
                v.admitted + pd.Timedelta(hours=self.registered_hours),
            )
            for v in self.visits
        ]
        _write_rows(tables, STATIC, static)
        _write_rows(tables, SPLITS, list(self.folds.items()))
        orders = []
        for patient, visit, hour, drug in self.orders:
            time = self.visit(visit).admitted + pd.Timedelta(hours=hour)
            orders.append((patient, time, drug, visit, time))
        _write_rows(tables, DRUGS, orders)

    def _write_samples(self) -> None:
        """next_diagnoses of every visit with a coded next one; the others 48 hours into each."""
        samples, labels = [], []

        def add(task: Task, v: Visit, index: pd.Timestamp, through: pd.Timestamp) -> None:
            name = f"{task}-{v.visit}"
            samples.append(
                (name, v.patient, task, index, v.visit, None, v.admitted, v.admitted, through, True)
            )

        def label(task: Task, v: Visit, name: str, value: bool) -> None:
            sample_id, onset = f"{task}-{v.visit}", task == "next_diagnoses" or None
            labels.append(
                (v.patient, START, task, float(value), v.visit, sample_id, task, name, onset)
            )

        for visit in self.visits:
            later = [v for v in self.visits if v.patient == visit.patient and v.day > visit.day]
            following = min(later, key=lambda v: v.day, default=None)
            if following is not None and following.diagnoses:
                end = visit.discharged
                add("next_diagnoses", visit, end, end + LAG)
                for phenotype in phenotype_titles():
                    found = phenotype in following.phenotypes
                    label("next_diagnoses", visit, phenotype, found)
        for task, visit in self.others():
            index = visit.admitted + pd.Timedelta(hours=48)
            add(task, visit, index, index)
            if task == "mortality":
                label(task, visit, "positive", visit.died)
            else:
                for k, name in enumerate(("high", "medium", "low")):
                    label(task, visit, name, visit.patient % 3 == k)
                label(task, visit, "outcome/icu_or_death_24h", False)
        _write_rows(self.folder / "tables", SAMPLES, samples)
        _write_rows(self.folder / "tables", LABEL, labels)


def _write_rows(folder: Path, schema: Table, rows: list[Any]) -> None:
    """Rows in the order of the schema's columns; what reads them checks them."""
    frame = pd.DataFrame(rows, columns=schema.arrow().names).astype(object)
    table = pa.Table.from_pandas(frame, schema=schema.arrow(), preserve_index=False)
    pq.write_table(table, folder / f"{schema.name}.parquet")


@pytest.fixture
def clinic(tmp_path: Path, make_hospital: Callable[[Path, dict[str, str]], None]) -> Clinic:
    return Clinic(tmp_path, make_hospital)
