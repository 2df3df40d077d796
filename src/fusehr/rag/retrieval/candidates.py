"""Which of a disease's facts are worth telling: ranked once, not once a sample."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from fusehr.core.params.rag import RagParams
from fusehr.rag.knowledge.wording import DEFINITION_TEXT, OTHER_TEXT, OTHER_WEIGHT, wording
from fusehr.rag.retrieval.ranking import Ranker, order
from fusehr.rag.vectors import Encode

HERE = Path(__file__).parent
# Of each disease so many best facts can still be moved up by what else the patient has.
KEPT = 50


def know_facts(con: duckdb.DuckDBPyConnection, params: RagParams, encode: Encode) -> int:
    """Create known_facts, pair_facts, drug_facts and `candidates`; the number of facts known.

    candidates: node_index, fact_id, other (node at the other end), score between 0 and 1, of each
    disease's KEPT facts that answer best to its name and definition.
    """
    attach_facts(con, params)
    con.register("candidate_frame", _ranked(con, params, encode))
    con.execute("CREATE TEMP TABLE candidates AS FROM candidate_frame")
    ((count,),) = con.execute("SELECT count(*) FROM known_facts").fetchall()
    return count


def attach_facts(con: duckdb.DuckDBPyConnection, params: RagParams) -> None:
    """Create known_facts, pair_facts and drug_facts, which is all that counting facts takes."""
    con.register("wording", wording())
    given = {
        "unprescribed_drugs": str(params.unprescribed_drugs).lower(),
        "other_weight": str(OTHER_WEIGHT),
        "other_text": f"'{OTHER_TEXT}'",
        "definition_text": f"'{DEFINITION_TEXT}'",
    }
    sql = (HERE / "known_facts.sql").read_text()
    for name, value in given.items():  # several statements take no parameters
        sql = sql.replace(f"${name}", value)
    con.execute(sql)


def _ranked(con: duckdb.DuckDBPyConnection, params: RagParams, encode: Encode) -> pd.DataFrame:
    facts = con.execute(
        "SELECT node_index, fact_id, other, text FROM disease_facts ORDER BY node_index, fact_id"
    ).df()
    if facts.empty:
        facts = facts.assign(score=0.0)
    else:
        queries = con.execute(
            "SELECT node_index, name || coalesce(': ' || text, '') AS query FROM kg_nodes "
            "LEFT JOIN definitions USING (node_index) "
            "WHERE node_index IN (SELECT node_index FROM disease_facts) ORDER BY node_index"
        ).df()
        known = facts[["fact_id", "text"]].drop_duplicates("fact_id").sort_values("fact_id")
        ranker = Ranker(known["text"].tolist(), params.ranking, encode)
        place = np.searchsorted(known["fact_id"].to_numpy(), facts["fact_id"].to_numpy())
        groups = facts.groupby("node_index", sort=True).indices
        rows = [place[groups[node]] for node in queries["node_index"]]
        parts = []
        for node, scores in zip(
            queries["node_index"], ranker.scores(queries["query"].tolist(), rows), strict=True
        ):
            best = order(scores)[:KEPT]
            most = scores.max()
            share = scores[best] / most if most > 0 else np.zeros(len(best))
            parts.append(facts.iloc[groups[node][best]].assign(score=share.round(6)))
        facts = pd.concat(parts)
    return facts[["node_index", "fact_id", "other", "score"]].astype(
        {"node_index": "int64", "fact_id": "int64", "other": "int64", "score": "float64"}
    )
