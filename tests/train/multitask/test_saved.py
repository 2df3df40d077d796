"""What was fitted over several tasks is read back as it was, and lays out new samples alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.inputs.series import SeriesScaler
from fusehr.train.multitask.inputs import Columns, Common
from fusehr.train.multitask.saved import Layout, Saved
from fusehr.train.tabular.matrix import Matrix

NAN = np.nan
TRAINED = Matrix(
    np.zeros((1, 3)), ("seen|earlier", "age", "lactate|all|max"), np.array([0, NAN, NAN]),
    ("codes", None, "series"),
)  # fmt: skip


def test_new_samples_stand_in_the_columns_of_training() -> None:
    new = Matrix(
        np.array([[9.0, 70.0, 1.0], [8.0, NAN, 0.0]]),
        ("never seen|earlier", "age", "seen|earlier"),
        np.array([0, NAN, 0]),
        ("codes", None, "codes"),
    )
    found = Layout.of(TRAINED).arranged(new)
    assert found.columns == TRAINED.columns and found.modalities == TRAINED.modalities
    expected = [[1, 70, NAN], [0, NAN, NAN]]
    assert np.array_equal(found.values, expected, equal_nan=True)
    assert np.array_equal(found.absent, TRAINED.absent, equal_nan=True)


def test_a_count_that_no_new_sample_has_is_zero_and_a_value_is_missing() -> None:
    nobody = Matrix(np.full((2, 1), 50.0), ("age",), np.array([NAN]), (None,))
    found = Layout.of(TRAINED).arranged(nobody)
    assert np.array_equal(found.values, [[0, 50, NAN]] * 2, equal_nan=True)


def test_what_is_saved_is_read_back_in_its_order(tmp_path: Path) -> None:
    columns = {
        # neither in the order of the alphabet nor in that of the layout
        "demographics": Columns(("age",), np.array([60.0]), np.array([9.0])),
        "codes": Columns(("seen|earlier",), np.array([0.5]), np.array([2.0])),
    }
    scaler = SeriesScaler(np.array([80.0], np.float32), np.array([10.0], np.float32))
    members = [{"last.a.bias": torch.tensor([float(k)])} for k in range(11)]
    Saved(Layout.of(TRAINED), Common(columns, scaler), members).save(tmp_path / "1.safetensors")
    found = Saved.load(tmp_path / "1.safetensors")
    assert list(found.common.columns) == ["demographics", "codes"]
    assert found.common.columns["codes"].names == ("seen|earlier",)
    assert found.common.columns["codes"].scale.tolist() == [2.0]
    assert found.common.scaler is not None and found.common.scaler.mean.tolist() == [80.0]
    assert [member["last.a.bias"].item() for member in found.members] == list(range(11))
    assert found.layout.columns == TRAINED.columns
    assert found.layout.counts.tolist() == [True, False, False]


def test_weights_without_names_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"member0.a": torch.zeros(1)}, tmp_path / "old.safetensors")
    for name in ("old", "none"):
        with pytest.raises(InputError, match="expected networks with the names"):
            Saved.load(tmp_path / f"{name}.safetensors")
