"""Bad input: an error that says where, what was expected and found, and nothing half-written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fusehr.core.frame import files
from fusehr.core.frame.errors import InputError
from fusehr.tables.convert import convert
from fusehr.tables.database import open_database


@pytest.fixture
def refused(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
) -> Callable[..., str]:
    """Message with which the example hospital, after a change, is refused."""

    def attempt(
        change: Callable[[dict[str, str]], Any] | None = None,
        spoil: Callable[[Path], Any] | None = None,
        **limits: Any,
    ) -> str:
        if change:
            change(example)
        make_hospital(tmp_path / "raw", example)
        if spoil:
            spoil(tmp_path / "raw")
        with pytest.raises(InputError) as caught:
            convert(
                tmp_path / "raw",
                tmp_path / "tables",
                tmp_path / "metrics.json",
                tolerant(**limits),
            )
        assert not (tmp_path / "tables").exists()
        assert not (tmp_path / "metrics.json").exists()
        assert not list(tmp_path.glob(".*.partial"))
        return str(caught.value)

    return attempt


def _replace(table: str, old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(tables: dict[str, str]) -> None:
        assert old in tables[table]
        tables[table] = tables[table].replace(old, new)

    return change


def test_wrong_type_names_file_line_column_and_type_but_not_the_value(
    refused: Callable[..., str],
) -> None:
    message = refused(_replace("icu/chartevents", ",112,112,bpm", ",112,secret,bpm"))
    assert "icu/chartevents.csv.gz: line 2: column valuenum: expected DOUBLE" in message
    assert "secret" not in message


def test_a_line_with_too_few_fields_is_named(refused: Callable[..., str]) -> None:
    message = refused(_replace("hosp/patients", "10000003,F,45,2155,2017 - 2019,", "10000003,F"))
    assert "hosp/patients.csv.gz: line 4: expected 6 columns, found 2" in message


def test_unknown_unit_names_item_and_units(refused: Callable[..., str]) -> None:
    message = refused(_replace("icu/chartevents", "112,112,bpm", "112,112,furlong"))
    assert message.startswith("chartevents: column valueuom: expected bpm for item 220045")
    assert "found furlong in 1 rows" in message


def test_dirty_rows_above_the_declared_share(refused: Callable[..., str]) -> None:
    message = refused(max_dirty_share=0.4)
    assert "hosp/prescriptions: expected at most 40.0% of 2 rows" in message
    assert "end_before_start (tables.max_dirty_share), found 1" in message


def test_duplicates_above_their_share(refused: Callable[..., str]) -> None:
    message = refused(max_duplicate_share=0.01)
    assert "icu/chartevents: expected at most 1.0% of 14 rows" in message
    assert "duplicate (tables.max_duplicate_share), found 1" in message


def _truncate(raw: Path) -> None:
    path = raw / "icu/chartevents.csv.gz"
    size = path.stat().st_size
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content * 3000, mtime=0)[:size])


def test_truncated_gzip(refused: Callable[..., str]) -> None:
    assert "icu/chartevents.csv.gz: expected" in refused(spoil=_truncate)


def test_missing_file(refused: Callable[..., str]) -> None:
    message = refused(spoil=lambda raw: (raw / "hosp/labevents.csv.gz").unlink())
    assert "hosp/labevents.csv.gz: expected a file, found none" in message


def test_file_that_is_not_the_one_listed(refused: Callable[..., str]) -> None:
    def shorten(raw: Path) -> None:
        (raw / "hosp/patients.csv.gz").write_bytes(gzip.compress(b"subject_id\n1\n", mtime=0))

    assert "hosp/patients.csv.gz: expected" in refused(spoil=shorten)


def test_temporal_split_with_one_period(refused: Callable[..., str]) -> None:
    def one_period(tables: dict[str, str]) -> None:
        for period in ("2014 - 2016", "2017 - 2019"):
            _replace("hosp/patients", period, "2011 - 2013")(tables)

    message = refused(one_period, split__kind="temporal", split__cv_below_patients=0)
    assert "temporal: expected two or more anchor_year_group, found 2011 - 2013" in message


def test_no_space_left_leaves_nothing(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "data/tables/samples.parquet")

    make_hospital(tmp_path / "raw", example)
    monkeypatch.setattr("fusehr.tables.database.write_parquet_sql", full)
    with pytest.raises(OSError, match="No space left"):
        convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_what_a_killed_run_left_behind_is_removed(tmp_path: Path) -> None:
    leftover = tmp_path / ".tables.partial"
    leftover.mkdir()
    (leftover / "half.parquet").write_text("half")
    with files.output_folder(tmp_path / "tables") as folder:
        assert list(folder.iterdir()) == []
        (folder / "whole").write_text("whole")
    assert [path.name for path in tmp_path.rglob("*")] == ["tables", "whole"]


def test_memory_is_bounded_by_spilling(tmp_path: Path) -> None:
    """Twelve million rows (192 MB) sorted within 128 MiB go through the folder `spill`."""
    with open_database(tmp_path / "spill", threads=1, memory_mb=128) as con:
        con.execute(
            "CREATE TABLE t AS SELECT (hash(i) >> 1)::BIGINT AS h FROM range(12_000_000) r(i)"
        )
        con.execute("CREATE TABLE u AS SELECT h, h + 1 AS g FROM t ORDER BY h")
        assert con.execute("SELECT count(*) FROM u").fetchone() == (12_000_000,)
        spilled = sum(file.stat().st_size for file in (tmp_path / "spill").iterdir())
        held = _one(con, "SELECT sum(memory_usage_bytes) FROM duckdb_memory()")
        assert spilled > 50_000_000 and held <= 128 * 2**20


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    assert row
    return int(row[0])
