"""Rounds of training: every patient is tested as often as promised, and never also trained on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import LABEL, SAMPLES, SPLITS


def _write(folder: Path, folds: list[str]) -> None:
    frame = pd.DataFrame({"patient_id": range(100, 100 + len(folds)), "fold": folds})
    write_parquet(folder / "splits.parquet", frame, SPLITS)


def test_a_plain_split_is_one_round(tmp_path: Path) -> None:
    _write(tmp_path, ["train", "val", "test", "train"])
    (only,) = load_rounds(tmp_path)
    assert (only.train, only.val, only.test) == ({100, 103}, {101}, {102})


@given(st.integers(3, 12), st.integers(12, 60))
def test_cross_validation_tests_each_patient_once(folds: int, patients: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), [f"cv{i % folds}" for i in range(patients)])
        rounds = load_rounds(Path(folder))
    tested = [patient for part in rounds for patient in part.test]
    validated = [patient for part in rounds for patient in part.val]
    assert sorted(tested) == sorted(validated) == list(range(100, 100 + patients))
    for part in rounds:
        assert not part.train & part.val and not part.train & part.test and not part.val & part.test
        assert len(part.train | part.val | part.test) == patients


def test_a_task_that_nobody_has_is_no_empty_task(tmp_path: Path) -> None:
    for schema in (SAMPLES, LABEL):
        write_parquet(tmp_path / f"{schema.name}.parquet", schema.arrow().empty_table(), schema)
    assert load_task(tmp_path, "triage").samples.empty
    with pytest.raises(InputError, match=r"column task: expected moratlity, found no sample"):
        load_task(tmp_path, "moratlity")
