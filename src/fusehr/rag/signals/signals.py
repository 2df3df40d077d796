"""Abnormal values in words, as in EMERGE: |z| > 2 against train, "heart rate too high (132 bpm)".

Mean and standard deviation are those of train samples' last values, clipped to their central part
beforehand. Where no patient is only ever trained on (cross-validation), nothing is fitted: the
usual reference range then stands for four standard deviations. Values are rounded to what is said
at the bedside, so that texts repeat.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from fusehr.core.params.rag import SignalsParams

HERE = Path(__file__).parent
FEWEST = 20  # train values below which a variable has no mean worth the name


@dataclass(frozen=True)
class Feature:
    """A row of features.csv; low, high: usual reference range of adults, in `unit`.

    step: what values are rounded to. low_as, high_as: names that graphs have for a value below or
    above that range; none where it is no sign of disease, or graphs name it otherwise.
    """

    name: str
    title: str
    unit: str
    step: Decimal
    low: float
    high: float
    low_as: tuple[str, ...]
    high_as: tuple[str, ...]

    def words(self, steps: int, *, high: bool) -> str:
        """`heart rate too high (132 bpm)` for 132 steps of 1."""
        shown = f"{steps * self.step + 0} {self.unit}".strip()
        return f"{self.title} too {'high' if high else 'low'} ({shown})"


@cache
def features() -> tuple[Feature, ...]:
    """Rows of features.csv."""
    text = (resources.files("fusehr.rag.signals") / "features.csv").read_text(encoding="utf-8")
    return tuple(
        Feature(
            row["name"],
            row["title"],
            row["unit"],
            Decimal(row["step"]),
            float(row["low"]),
            float(row["high"]),
            _names(row["low_as"]),
            _names(row["high_as"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def begin_signals(con: duckdb.DuckDBPyConnection, train: frozenset[int]) -> None:
    """Create the tables that are filled later on. train: patients to fit on, none if empty."""
    con.register(
        "feature_frame",
        pd.DataFrame([(f.name, float(f.step)) for f in features()], columns=["name", "step"]),
    )
    con.execute("CREATE TEMP TABLE feature_rows AS FROM feature_frame")
    con.register("train_frame", pd.DataFrame({"patient_id": sorted(train)}, dtype="int64"))
    con.execute("CREATE TEMP TABLE train AS FROM train_frame")
    con.execute(
        "CREATE TEMP TABLE last_values (s INTEGER, name VARCHAR, value DOUBLE, train BOOLEAN)"
    )
    # filled by signals.suspected, where anything is to be suspected
    con.execute(
        "CREATE TEMP TABLE signs_known (s INTEGER, name VARCHAR, node_index INTEGER, weight BIGINT)"
    )
    con.execute(
        "CREATE TEMP TABLE diseases_suspected "
        "(s INTEGER, node_index INTEGER, place INTEGER, score DOUBLE)"
    )


def add_last_values(con: duckdb.DuckDBPyConnection) -> None:
    """Add the last values of the samples whose events are attached (`sample_events`)."""
    con.execute((HERE / "last_values.sql").read_text())


def find_signals(
    con: duckdb.DuckDBPyConnection, params: SignalsParams, *, fitted: bool
) -> dict[str, Any]:
    """Create `signal_rows`, see `find_signals_by`; what was fitted."""
    spread = _fitted(con, params) if fitted else _reference()
    find_signals_by(con, spread, params)
    return spread


def find_signals_by(
    con: duckdb.DuckDBPyConnection, spread: Mapping[str, Any], params: SignalsParams
) -> None:
    """Create `signal_rows` (s, position, name, value, z, text, text_sha256).

    spread: feature -> mean and sd, as `find_signals` gives them.
    """
    rows = [(name, one["mean"], one["sd"]) for name, one in spread.items()]
    con.register(
        "spread_frame",
        pd.DataFrame(rows, columns=["name", "mean", "sd"]).astype({"mean": float, "sd": float}),
    )
    con.execute(
        "CREATE TEMP TABLE spread AS SELECT CAST(name AS VARCHAR) AS name, mean, sd "
        "FROM spread_frame"
    )
    sql = (HERE / "signals.sql").read_text()
    con.execute(sql, {"z": params.z, "most": params.most})
    by_name = {feature.name: feature for feature in features()}
    told = con.execute(
        "SELECT DISTINCT name, steps, z > 0 AS high FROM signals_found ORDER BY ALL"
    ).fetchall()
    texts = [by_name[name].words(steps, high=high) for name, steps, high in told]
    worded = pd.DataFrame(told, columns=["name", "steps", "high"]).astype(
        {"name": "string", "steps": "int64", "high": "bool"}
    )
    hashes = [sha256(text.encode()).hexdigest() for text in texts]
    con.register(
        "worded_signals",
        worded.assign(
            text=pd.Series(texts, dtype="string"), text_sha256=pd.Series(hashes, dtype="string")
        ),
    )
    con.execute(
        "CREATE TEMP TABLE signal_rows AS SELECT s, position, name, value, z, text, text_sha256 "
        "FROM signals_found JOIN worded_signals USING (name, steps) "
        "WHERE worded_signals.high = (z > 0)"
    )


def _fitted(
    con: duckdb.DuckDBPyConnection, params: SignalsParams
) -> dict[str, dict[str, float | int]]:
    found: dict[str, dict[str, float | int]] = {}
    for feature in features():
        # sorted, since a sum of floats depends on their order
        column = con.execute(
            "SELECT value FROM last_values WHERE name = ? AND train ORDER BY value", [feature.name]
        ).fetchnumpy()["value"]
        values = np.asarray(column, dtype=np.float64)
        if len(values) < FEWEST:
            continue
        clipped = np.clip(values, *np.quantile(values, (params.clip_share, 1 - params.clip_share)))
        found[feature.name] = {
            "mean": round(float(clipped.mean()), 9),
            "sd": round(float(clipped.std()), 9),
            "n": len(values),
        }
    return found


def _reference() -> dict[str, dict[str, float | int]]:
    return {
        feature.name: {
            "mean": (feature.low + feature.high) / 2,
            "sd": (feature.high - feature.low) / 4,
            "n": 0,
        }
        for feature in features()
    }
