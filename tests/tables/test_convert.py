"""The example hospital, converted: tests/tables/example is what each table looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fusehr.core.frame.files import read_json
from fusehr.core.frame.schemas import TABLES, check_parquet
from fusehr.tables.convert import convert

OUT = Path(__file__).parent / "example" / "out"


@pytest.mark.parametrize("name", sorted(path.stem for path in OUT.glob("*.csv")))
def test_each_table_of_the_example_hospital(converted: Path, name: str, tmp_path: Path) -> None:
    written = tmp_path / f"{name}.csv"
    with duckdb.connect() as con:
        con.execute(
            f"COPY (FROM '{converted}/tables/{name}.parquet') TO '{written}' (FORMAT csv, HEADER)"
        )
    assert written.read_text() == (OUT / f"{name}.csv").read_text()


def test_the_summary_counts_what_was_dropped_and_why(converted: Path) -> None:
    assert read_json(converted / "metrics.json") == read_json(OUT / "metrics.json")


def test_every_table_obeys_its_schema(converted: Path) -> None:
    for schema in TABLES:
        check_parquet(converted / "tables" / f"{schema.name}.parquet", schema)


def test_the_manifest_counts_each_exclusion(converted: Path) -> None:
    manifest = read_json(converted / "tables" / "manifest.json")
    assert manifest["exclusions"]["deterioration"] == [
        {"step": "candidates", "left": 10},
        {"step": "without both_supports_running", "left_out": 3, "left": 7},
    ]
    assert manifest["exclusions"]["readmission"][-1]["left"] == 2
    assert set(manifest["sample_ids_sha256"]["mortality"]) == {"cv1", "cv2"}


def test_two_conversions_are_equal_to_the_byte(
    converted: Path, tolerant: Callable[..., Any]
) -> None:
    convert(converted / "raw", converted / "again", converted / "again.json", tolerant())
    names = sorted(path.name for path in (converted / "tables").iterdir())
    assert names == sorted(path.name for path in (converted / "again").iterdir())
    for name in names:
        first, second = converted / "tables" / name, converted / "again" / name
        assert first.read_bytes() == second.read_bytes(), name


def test_a_lag_is_the_train_patients_median_and_no_other_patient_moves_it(
    tmp_path: Path,
    example: dict[str, str],
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
) -> None:
    """Item 50813 has a storetime once, 10 minutes after charttime, and lacks one elsewhere."""

    def lag(change: Callable[[str], str]) -> tuple[dict[str, int], set[tuple[str, int]]]:
        tables = example | {"hosp/labevents": change(example["hosp/labevents"])}
        make_hospital(tmp_path / "raw", tables)
        chosen = tolerant(split__kind="patient", split__cv_below_patients=0)
        convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", chosen)
        with duckdb.connect() as con:
            folds = con.execute(
                f"SELECT fold, patient_id FROM '{tmp_path}/tables/splits.parquet'"
            ).fetchall()
        return read_json(tmp_path / "tables" / "fitted.json")["lag_seconds"], set(folds)

    lags, folds = lag(lambda text: text)
    train = {patient for fold, patient in folds if fold == "train"}
    assert lags["labevents/50813"] == 600 and 10000001 in train
    # the same row given to a patient who tests moves nothing, and leaves nothing to fit on
    (tester,) = {patient for fold, patient in folds if fold == "test"}
    moved, _ = lag(lambda text: text.replace("3,10000001,,3,50813", f"3,{tester},,3,50813"))
    assert "labevents/50813" not in moved


def test_what_was_spilled_to_disk_is_no_output(
    converted: Path, tolerant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_a_spill(con: Any, *_: Any, **__: Any) -> dict[str, Any]:
        (folder,) = converted.glob(".spilled.partial")
        (folder / "spill").mkdir(exist_ok=True)
        (folder / "spill" / "storage.tmp").write_text("left behind")
        return {}

    monkeypatch.setattr("fusehr.tables.convert.table_metrics", leave_a_spill)
    convert(converted / "raw", converted / "spilled", converted / "m.json", tolerant())
    assert not (converted / "spilled" / "spill").exists()


def test_with_cross_validation_nothing_is_fitted(converted: Path) -> None:
    assert read_json(converted / "tables" / "fitted.json")["lag_seconds"] == {}
