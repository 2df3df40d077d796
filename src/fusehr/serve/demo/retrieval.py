"""Facts and a summary of a case, as the stage `rag` writes them of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.rag import RagParams
from fusehr.rag.retrieval.candidates import know_facts
from fusehr.rag.run import TABLES
from fusehr.rag.signals.signals import find_signals_by
from fusehr.rag.signals.suspected import suspect_diseases
from fusehr.rag.summary.write import name_diseases, write_facts_and_summaries
from fusehr.rag.vectors import matching_encoder
from fusehr.serve.cases.case import Case
from fusehr.serve.cases.graph import Graph, expect_rules
from fusehr.serve.cases.tables import Ready, sample_id, write_tables
from fusehr.serve.scratch import scratch_folder

RAG = Path("data/rag")
ANY_TASK: Task = "triage"  # what a case may see does not depend on it: everything is known now


@dataclass(frozen=True)
class Retrieved:
    """facts: as sentences, the patient's own drugs and diseases first; summary: of all of it."""

    facts: tuple[str, ...]
    summary: str


class Retrieval:
    """Facts of the graph that the last run of `rag` used, found as it does.

    Those about a disease are ranked among what the case alone calls for, not a whole cohort: of
    facts that are equally telling another one may come first. Summaries are those of the template,
    whatever `rag.summary` names: what a caller tells goes to no other service. Raises InputError
    where a part of the graph is missing, or diseases are found by a chat model.
    """

    def __init__(self, root: Path) -> None:
        self._params = validate(lookup(read_yaml(root / "params.yaml"), "rag"), RagParams, "rag")
        expect_rules(self._params)
        self._spread = read_json(root / RAG / "fitted.json")["signals"]["spread"]
        self._encode = matching_encoder(self._params.matching, threads=1)
        self._graph = Graph(root / RAG / "knowledge", self._params)

    def of_case(self, case: Case) -> Retrieved:
        """What the graph tells of `case`."""
        told = Ready(case.model_copy(update={"image": None, "images": []}), ())
        with scratch_folder() as folder:
            write_tables(folder, [told], ANY_TASK, window_hours=None)
            with open_tables(folder, TABLES, threads=1) as con:
                self._graph.gather(con)
                find_signals_by(con, self._spread, self._params.signals)
                suspect_diseases(con, self._params.signals)
                know_facts(con, self._params, self._encode)
                name_diseases(con)
                write_facts_and_summaries(con, folder, self._params, None)
            return _of_sample(folder, sample_id(0))


def recorded(root: Path, sample: str) -> Retrieved:
    """Facts and summary that the stage `rag` wrote of `sample`; InputError where it wrote none."""
    return _of_sample(root / RAG, sample)


def _of_sample(folder: Path, sample: str) -> Retrieved:
    own = [("sample_id", "=", sample)]
    for name in ("facts", "summaries"):
        if not (folder / f"{name}.parquet").is_file():
            raise InputError(f"{folder / name}.parquet: expected what stage rag writes, found none")
    facts = pq.read_table(folder / "facts.parquet", filters=own).sort_by("rank")
    summary = pq.read_table(folder / "summaries.parquet", filters=own).column("text").to_pylist()
    if not summary:
        raise InputError(f"{folder}/summaries.parquet: expected sample {sample}, found none")
    return Retrieved(tuple(facts.column("text").to_pylist()), summary[0])
