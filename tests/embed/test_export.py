"""Embedded texts as a flat table: BiA's columns, what was known alone, nothing in empty places."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import LABEL
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.export import export_embeddings
from fusehr.embed.indicators import indicators
from fusehr.embed.run import embed

MakeParams = Callable[..., EmbedParams]


def write_label(tables: Path, classes: dict[str, list[int]]) -> None:
    """Labels of the samples of patients 1 to 3: for each class, whether it is theirs."""
    at = pd.read_parquet(tables / "samples.parquet")["index_time"].iloc[0]
    rows: list[Any] = [
        (p, at, name, float(value), p, f"mortality-{p}", "mortality", name, None)
        for name, values in classes.items()
        for p, value in zip((1, 2, 3), values, strict=True)
    ]
    columns = pd.Index([c.name for c in LABEL.columns])
    write_parquet(tables / "label.parquet", pd.DataFrame(rows, columns=columns), LABEL)


def exported(tables: Path, tmp_path: Path, params: EmbedParams) -> pd.DataFrame:
    (tmp_path / "embed").mkdir()
    embed(tables, tmp_path / "embed", params)
    assert export_embeddings(tables, tmp_path / "embed", tmp_path / "out") == [
        "embedding_mortality.csv"
    ]
    return pd.read_csv(tmp_path / "out/embedding_mortality.csv", dtype=str, index_col="sample_id")


def test_a_row_has_31_indicators_23_sentences_and_the_label(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    write_label(tables, {"positive": [1, 0, 1]})
    found = exported(tables, tmp_path, params())
    names = [one.name for one in indicators()]
    assert found.columns.tolist() == [
        "patient_id",
        *(column for name in names for column in (name, f"{name}_emb")),
        *(f"text_sent{i}" for i in range(1, 24)),
        "label",
    ]
    assert found["label"].tolist() == ["1", "0", "1"]
    # the value charted at 9 hours was known only after the index
    assert found["heart_rate"].tolist()[:2] == ["101.6", "98.0"]
    assert found.loc[["mortality-3"], ["heart_rate", "heart_rate_emb"]].isna().all(axis=None)
    # three sentences, two, and thirty in 23 segments
    masked = (found.filter(like="text_sent") == "MASK").sum(axis=1)
    assert masked.tolist() == [20, 21, 0]
    vector = json.loads(found["text_sent1"].to_dict()["mortality-1"])
    with duckdb.connect() as con:
        reduced = con.execute(
            "SELECT vector::FLOAT[] FROM read_parquet(?) SEMI JOIN "
            "(SELECT text_sha256 FROM read_parquet(?) WHERE note_id = 'n1' AND segment = 0) "
            "USING (text_sha256)",
            [str(tmp_path / "embed" / f"{name}.parquet") for name in ("reduced", "note_segments")],
        ).fetchall()
    assert np.float32(vector).tolist() == np.float32(reduced[0][0]).tolist()


def test_classes_are_told_by_name_and_several_by_a_column_each(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    write_label(tables, {"high": [1, 0, 0], "low": [0, 1, 1]})
    found = exported(tables, tmp_path, params())
    assert found["label"].tolist() == ["high", "low", "low"]
    write_label(tables, {"sepsis": [1, 0, 0], "shock": [1, 0, 1]})
    export_embeddings(tables, tmp_path / "embed", tmp_path / "out")
    again = pd.read_csv(tmp_path / "out/embedding_mortality.csv")
    assert again["label_sepsis"].tolist() == [1, 0, 0]
    assert again["label_shock"].tolist() == [1, 0, 1]
    assert "label" not in again


@pytest.mark.parametrize("texts", [["indicators", "sentences"], ["segments"]])
def test_texts_that_were_not_embedded_are_named(
    tables: Path, tmp_path: Path, params: MakeParams, texts: list[str]
) -> None:
    write_label(tables, {"positive": [1, 0, 1]})
    with pytest.raises(InputError, match=r"embed\.texts"):
        exported(tables, tmp_path, params(texts=texts))
    assert not (tmp_path / "out").exists()


def test_a_task_without_a_note_has_masks_alone(
    make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams
) -> None:
    tables = make_tables(notes={})
    write_label(tables, {"positive": [1, 0, 1]})
    found = exported(tables, tmp_path, params())
    assert (found.filter(like="text_sent") == "MASK").all(axis=None)
