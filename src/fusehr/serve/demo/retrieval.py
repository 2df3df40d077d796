"""Facts and a summary of a case, as the stage `rag` writes them of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.rag import RagParams
from fusehr.rag.notes.entities import entity_table
from fusehr.rag.notes.reader import NoteReader
from fusehr.rag.retrieval.candidates import know_facts
from fusehr.rag.retrieval.gather import choose_notes, gather, match_drugs
from fusehr.rag.run import KNOWLEDGE, TABLES, graph_names
from fusehr.rag.signals import signals
from fusehr.rag.summary.write import name_diseases, write_facts_and_summaries
from fusehr.rag.vectors import matching_encoder
from fusehr.serve.cases.case import Case
from fusehr.serve.cases.tables import Ready, sample_id, write_tables
from fusehr.serve.scratch import scratch_folder

RAG = Path("data/rag")
FOUND = Path(signals.__file__).parent / "signals.sql"
ANY_TASK: Task = "triage"  # what a case may see does not depend on it: everything is known now
WORDED = """
CREATE TEMP TABLE signal_rows AS
SELECT s, position, name, value, z, text, text_sha256
FROM signals_found JOIN worded_signals USING (name, steps)
WHERE worded_signals.high = (z > 0)
"""


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
        if self._params.extraction != "rules":
            raise InputError(
                f"params.yaml: rag.extraction: expected rules, to retrieve facts of a case; "
                f"found {self._params.extraction}"
            )
        self._knowledge = root / RAG / "knowledge"
        self._spread = read_json(root / RAG / "fitted.json")["signals"]["spread"]
        self._encode = matching_encoder(self._params.matching, threads=1)
        for schema in KNOWLEDGE:
            check_parquet(self._knowledge / f"{schema.name}.parquet", schema)

    def of_case(self, case: Case) -> Retrieved:
        """What the graph tells of `case`."""
        told = Ready(case.model_copy(update={"image": None, "images": []}), ())
        with scratch_folder() as folder:
            write_tables(folder, [told], ANY_TASK, window_hours=None)
            with open_tables(folder, TABLES, threads=1) as con:
                self._gather(con)
                know_facts(con, self._params, self._encode)
                name_diseases(con)
                write_facts_and_summaries(con, folder, self._params, None)
            return _of_sample(folder, sample_id(0))

    def _gather(self, con: duckdb.DuckDBPyConnection) -> None:
        attach_graph(con, self._knowledge)
        choose_notes(con, list(self._params.note_kinds))
        notes = con.execute(
            "SELECT note_id, text FROM notes SEMI JOIN chosen USING (note_id) ORDER BY note_id"
        ).fetchall()
        read = ((note_id, self._reader.read(text)) for note_id, text in notes)
        con.register("entities", entity_table(read))
        match_drugs(con)
        signals.begin_signals(con, frozenset())
        gather(con)
        find_by_spread(con, self._spread, z=self._params.signals.z, most=self._params.signals.most)

    @cached_property
    def _reader(self) -> NoteReader:
        with duckdb.connect() as con:
            attach_graph(con, self._knowledge)
            return NoteReader(graph_names(con))


def recorded(root: Path, sample: str) -> Retrieved:
    """Facts and summary that the stage `rag` wrote of `sample`; InputError where it wrote none."""
    return _of_sample(root / RAG, sample)


def attach_graph(con: duckdb.DuckDBPyConnection, knowledge: Path) -> None:
    """Create views of the graph's tables in `knowledge` (data/rag/knowledge)."""
    for schema in KNOWLEDGE:
        path = knowledge / f"{schema.name}.parquet"
        con.from_parquet(str(path)).create_view(schema.name)


def find_by_spread(
    con: duckdb.DuckDBPyConnection, spread: Mapping[str, Any], *, z: float, most: int
) -> None:
    """Create `signal_rows` as find_signals does, by means and deviations fitted before."""
    rows = [(name, float(one["mean"]), float(one["sd"])) for name, one in spread.items()]
    con.register("spread_frame", pd.DataFrame(rows, columns=["name", "mean", "sd"]))
    con.execute(
        "CREATE TEMP TABLE spread AS SELECT CAST(name AS VARCHAR) AS name, mean, sd "
        "FROM spread_frame"
    )
    con.execute(FOUND.read_text(), {"z": z, "most": most})
    by_name = {feature.name: feature for feature in signals.features()}
    told = con.execute(
        "SELECT DISTINCT name, steps, z > 0 AS high FROM signals_found ORDER BY ALL"
    ).fetchall()
    texts = [by_name[name].words(steps, high=high) for name, steps, high in told]
    worded = pd.DataFrame(
        {
            "name": pd.Series([name for name, _, _ in told], dtype="string"),
            "steps": pd.Series([steps for _, steps, _ in told], dtype="int64"),
            "high": pd.Series([high for _, _, high in told], dtype="bool"),
            "text": pd.Series(texts, dtype="string"),
            "text_sha256": pd.Series(
                [sha256(text.encode()).hexdigest() for text in texts], dtype="string"
            ),
        }
    )
    con.register("worded_signals", worded)
    con.execute(WORDED)


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
