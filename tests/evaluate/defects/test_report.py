"""The whole table from a small hospital's tables, as CSV and as a page."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.report import write_defects

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tables(tmp_path: Path, write_hospital: Callable[..., Path]) -> Path:
    return write_hospital(tmp_path / "data/tables", patients=160, notes=True)


def test_every_defect_stands_beside_its_repair(
    tables: Path, tmp_path: Path, params: DefectsParams, covers_chance: Callable[[Any], bool]
) -> None:
    write_defects(tables, tmp_path / "plots", params)
    frame = pd.read_csv(tmp_path / "plots/defects.csv")
    assert frame["defect"].nunique() == 6
    assert frame["version"].tolist() == ["published", "repaired"] * (len(frame) // 2)
    assert frame["value"].notna().all()
    # in this hospital everything is drawn by chance, but who dies by what is coded
    chance = frame[(frame["expected"] == "0.5") & (frame["version"] == "repaired")]
    assert len(chance) == 4 and all(covers_chance(row) for row in chance.itertuples())
    with_interval = frame["low"].notna()
    assert (frame["draws"].notna() == with_interval).all()
    assert (frame["n_patients"].notna() == with_interval).all()
    text = (tmp_path / "plots/defects.md").read_text()
    assert text.count("\n## ") == 6
    assert "Published: `lstm_row_split` | Repaired: `lstm_vitals`" in text
    assert "200 bootstrap draws" in text and "nan" not in text and "skipped" not in text


def test_two_runs_write_the_same_bytes(tables: Path, tmp_path: Path, params: DefectsParams) -> None:
    for name in ("one", "two"):
        write_defects(tables, tmp_path / name, params)
    for file in ("defects.csv", "defects.md"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_a_source_lacks_is_said(
    tmp_path: Path, params: DefectsParams, write_hospital: Callable[..., Path]
) -> None:
    tables = write_hospital(tmp_path / "tables", patients=12, notes=False)
    frame = write_defects(tables, tmp_path / "plots", params)
    lacking = frame[frame["value"].isna()]
    assert set(frame[frame["value"].notna()]["method"]) >= {"exact"}
    assert (lacking["note"].str.startswith("skipped: ")).all() and len(lacking) >= 8
    assert lacking[["low", "high", "n", "n_patients", "draws"]].isna().all(axis=None)
    text = (tmp_path / "plots/defects.md").read_text()
    assert "- Repaired: skipped: the source has no notes for this task." in text


@pytest.mark.parametrize("patients", [0, 1])
def test_of_nobody_or_one_patient_only_exact_numbers_are_told(
    patients: int,
    tmp_path: Path,
    params: DefectsParams,
    empty_tables: Path,
    write_hospital: Callable[..., Path],
) -> None:
    tables = empty_tables
    if patients:
        tables = write_hospital(tmp_path / "tables", patients=patients, notes=True)
    frame = write_defects(tables, tmp_path / "plots", params)
    told = frame[frame["value"].notna()]
    assert told["method"].tolist() == ["exact"] * 4
    assert (tmp_path / "plots/defects.md").read_text().count("\n## ") == 6


def test_the_stage_reads_its_block_and_writes_both_files(
    tables: Path,
    tmp_path: Path,
    block: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    only = {"stages": {"evaluate-defects": stages["evaluate-defects"]}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(only))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"defects": block}))
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "stages/evaluate_defects.py"), run_name="__main__")
    assert capsys.readouterr().out == "evaluate-defects: 6 defects, 20 of 20 numbers\n"
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"defects.csv", "defects.md"}
