"""Diseases that abnormal values alone suggest, where neither note nor code tells of any.

EMERGE looks up in the graph what a series shows as well as what notes mention. A value that is both
far from those of train samples and outside the usual reference range is a sign: a potassium too
high is the graph's hyperkalemia. A disease is suspected by the signs that it presents with or leads
to; a sign that few diseases have weighs more than one that many have (its inverse document
frequency). What a note denies of the patient is not suspected.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from fusehr.core.params.rag import SignalsParams
from fusehr.rag.signals.signals import features

SQL = Path(__file__).parent / "suspected.sql"


def suspect_diseases(con: duckdb.DuckDBPyConnection, params: SignalsParams) -> None:
    """Fill signs_known (s, name, node_index, weight) and diseases_suspected.

    diseases_suspected: s, node_index, place from 1 on, score; at most params.diseases a sample.
    Reads `signal_rows`, diseases_known, diseases_denied and the graph. Weights are whole numbers,
    so that their sums depend on no order.
    """
    if not params.diseases:
        return
    rows = [
        (one.name, high, float(one.high if high else one.low), name)
        for one in features()
        for high, names in ((False, one.low_as), (True, one.high_as))
        for name in names
    ]
    con.register(
        "named_frame",
        pd.DataFrame(rows, columns=["name", "high", "bound", "node_name"]).astype(
            {"name": "string", "node_name": "string"}
        ),
    )
    con.execute("CREATE TEMP TABLE named_signs AS FROM named_frame")
    con.execute(SQL.read_text().replace("$diseases", str(params.diseases)))
