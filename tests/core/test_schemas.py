"""A schema's violation names the file, the column, the rule and the rows that break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import (
    output_file,
    output_folder,
    read_json,
    read_parquet,
    write_json,
    write_parquet,
)
from fusehr.core.frame.schemas import PREDICTIONS, SPLITS, TABLES, check_parquet

GOOD: dict[str, Any] = {
    "task": "mortality",
    "recipe": "gbm",
    "variant": "full",
    "seed": 1,
    "split_sha": "f00",
    "fold": "test",
    "sample_id": ["mortality-2", "mortality-1"],
    "patient_id": [2, 1],
    "class": "positive",
    "y": [0, 1],
    "p": [0.25, 0.75],
}


def test_rows_are_sorted_and_columns_in_order(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    frame = pd.DataFrame(GOOD)
    write_parquet(path, frame[list(reversed(frame.columns))], PREDICTIONS)
    read = read_parquet(path, PREDICTIONS)
    assert list(read.columns) == [column.name for column in PREDICTIONS.columns]
    assert read["sample_id"].tolist() == ["mortality-1", "mortality-2"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"p": [0.25, 1.5]}, r"column p: expected p BETWEEN 0 AND 1, found 1 rows .*\(row \d\)"),
        ({"p": [0.25, None]}, "column p: expected not null, found 1 rows"),
        ({"y": [0, 2]}, r"column y: expected y IN \(0, 1\)"),
        ({"fold": "train"}, r"column fold: .* found 2 rows that break it \(row 0, 1\)"),
        ({"task": "All deaths"}, "column task: expected regexp_full_match"),
        ({"sample_id": "mortality-1"}, "expected unique, found twice"),
        ({"seed": "one"}, "seed"),
    ],
)
def test_a_violation_is_named_and_nothing_is_written(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        write_parquet(tmp_path / "predictions.parquet", pd.DataFrame(GOOD | change), PREDICTIONS)
    assert str(tmp_path / "predictions.parquet") in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_is_named_on_writing_and_on_reading(tmp_path: Path) -> None:
    frame = pd.DataFrame(GOOD).drop(columns="y")
    with pytest.raises(InputError, match="column y: expected, found task, recipe"):
        write_parquet(tmp_path / "predictions.parquet", frame, PREDICTIONS)
    pq.write_table(pa.table({"patient_id": [1]}), tmp_path / "splits.parquet")
    with pytest.raises(InputError, match=r"splits.parquet: column fold: expected, found"):
        read_parquet(tmp_path / "splits.parquet", SPLITS)


def test_a_wrong_type_is_named_on_reading(tmp_path: Path) -> None:
    table = pa.table({"patient_id": ["1"], "fold": ["train"]})
    pq.write_table(table, tmp_path / "splits.parquet")
    with pytest.raises(InputError, match="column patient_id: expected int64, found string"):
        check_parquet(tmp_path / "splits.parquet", SPLITS)


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"splits.parquet: expected table splits, found no file"):
        check_parquet(tmp_path / "splits.parquet", SPLITS)
    (tmp_path / "splits.parquet").write_text("patient_id,fold\n")
    with pytest.raises(InputError, match="expected a Parquet file"):
        check_parquet(tmp_path / "splits.parquet", SPLITS)


def test_sort_and_unique_columns_exist() -> None:
    for table in (*TABLES, PREDICTIONS):
        names = {column.name for column in table.columns}
        assert set(table.sort) | set(table.unique) <= names, table.name


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"n": 1})
    with pytest.raises(RuntimeError), output_file(tmp_path / "a.json") as partial:
        partial.write_text("{")
        raise RuntimeError
    assert read_json(tmp_path / "a.json") == {"n": 1}
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"n": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    with output_folder(tmp_path / "out") as folder:
        (folder / "first").write_text("1")
    with pytest.raises(OSError), output_folder(tmp_path / "out") as folder:
        (folder / "second").write_text("2")
        raise OSError(28, "No space left on device")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]
    with output_folder(tmp_path / "out") as folder:
        (folder / "third").write_text("3")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "third"]


def test_broken_json_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n"n": }')
    with pytest.raises(InputError, match=r"a.json: not valid JSON at line 2"):
        read_json(tmp_path / "a.json")
