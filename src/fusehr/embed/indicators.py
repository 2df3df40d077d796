"""A sample's structured values put into words: name, value, unit and what it means.

A bare value says nothing: 98 is a good oxygen saturation and a fair glucose. Values are rounded to
what a clinician would write down, so that texts repeat and each is embedded once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd

from fusehr.core.embed_schemas import INDICATORS
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import Task
from fusehr.core.gate.availability import attach_events

HERE = Path(__file__).parent
CSV = HERE / "indicators.csv"
SQL = HERE / "indicators.sql"


@dataclass(frozen=True)
class Indicator:
    """name: as in variables.csv, or age, sex; step: the value is rounded to its multiples."""

    name: str
    title: str
    unit: str
    step: Decimal
    definition: str

    def words(self, value: float | str) -> str:
        """`Heart rate: 98 beats per minute (number of heart beats in a minute)`."""
        shown = value if isinstance(value, str) else self._rounded(value)
        return f"{self.title}: {' '.join([shown, self.unit]).strip()} ({self.definition})"

    def _rounded(self, value: float) -> str:
        steps = (Decimal(repr(value)) / self.step).quantize(Decimal(1), ROUND_HALF_EVEN)
        return f"{steps * self.step + 0}"  # + 0: no minus sign before zero


@cache
def indicators() -> tuple[Indicator, ...]:
    """The 31 indicators in order; InputError where the table lacks one or names one twice."""
    rows = pd.read_csv(CSV, dtype=str, keep_default_na=False)
    if len(rows) != INDICATORS or rows["name"].duplicated().any():
        raise InputError(f"{CSV.name}: expected {INDICATORS} different names, found {len(rows)}")
    columns = ["name", "title", "unit", "step", "definition"]
    return tuple(
        Indicator(name, title, unit, Decimal(step or "1"), definition)
        for name, title, unit, step, definition in rows[columns].to_numpy().tolist()
    )


def attach_indicators(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """Create the temporary table `indicator_texts` of `task`.

    Columns: sample_id, position, name, text_sha256 (null: not known by the index), text. 31 rows a
    sample. Reads samples, dynamic and static.
    """
    known = pd.DataFrame({"name": [one.name for one in indicators()]})
    con.register("indicator_frame", known.assign(position=range(len(known))))
    con.execute("CREATE OR REPLACE TEMP TABLE indicator_names AS FROM indicator_frame")
    attach_events(con, task)
    con.execute(SQL.read_text(), {"task": task})
    distinct = con.sql("SELECT DISTINCT name, value, word FROM sample_indicators").df()
    by_name = {one.name: one for one in indicators()}
    texts = [
        by_name[str(name)].words(str(word) if isinstance(word, str) else float(value))
        for name, value, word in zip(
            distinct["name"], distinct["value"], distinct["word"], strict=True
        )
    ]
    con.register(
        "worded_frame",
        distinct.assign(
            text=texts, text_sha256=[hashlib.sha256(text.encode()).hexdigest() for text in texts]
        ).astype({"text": "string", "text_sha256": "string", "word": "string"}),
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE indicator_texts AS
        SELECT samples.sample_id, names.position, names.name, worded.text_sha256, worded.text
        FROM samples
        CROSS JOIN indicator_names AS names
        LEFT JOIN sample_indicators AS given
            ON given.sample_id = samples.sample_id AND given.name = names.name
        LEFT JOIN worded_frame AS worded
            ON worded.name = given.name
            AND worded.value IS NOT DISTINCT FROM given.value
            AND worded.word IS NOT DISTINCT FROM given.word
        WHERE samples.task = $task
        """,
        {"task": task},
    )
