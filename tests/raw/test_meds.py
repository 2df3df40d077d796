"""MEDS datasets are held against the standard, and copied as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.params.raw import MedsParams
from fusehr.raw import meds

from ..meds_dataset import TUNING, write_dataset, write_labels, write_shard

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dataset"
    write_dataset(folder)
    monkeypatch.setenv("FUSEHR_MEDS", str(folder))
    return folder


def params(**changes: Any) -> MedsParams:
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["meds"]
    return validate(block | {"restricted": False} | changes, MedsParams, "raw.meds")


def brought(tmp_path: Path, **changes: Any) -> Path:
    raw = tmp_path / "raw"
    raw.mkdir()
    meds.write(raw, params(**changes), "local")
    return raw / "meds"


def test_files_come_as_they_are(dataset: Path, tmp_path: Path) -> None:
    own = brought(tmp_path)
    for path in dataset.rglob("*.*"):
        assert (own / path.relative_to(dataset)).read_bytes() == path.read_bytes()


def test_types_of_other_writers_pass(dataset: Path, tmp_path: Path) -> None:
    path = dataset / "data/train/0.parquet"
    table = pq.read_table(path)
    for name, kind in (
        ("subject_id", pa.int32()),
        ("time", pa.timestamp("ms")),
        ("code", pa.large_string()),
        ("numeric_value", pa.float64()),
        ("text_value", pa.string()),
    ):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(kind))
    pq.write_table(table, path)
    assert pq.read_table(brought(tmp_path) / "data/train/0.parquet").equals(table)


def _drop(column: str) -> Callable[[Path], None]:
    def change(dataset: Path) -> None:
        path = dataset / "data/train/0.parquet"
        pq.write_table(pq.read_table(path).drop([column]), path)

    return change


def _texts_for_times(dataset: Path) -> None:
    path = dataset / "data/train/0.parquet"
    frame = pd.read_parquet(path)
    frame.assign(time="yesterday").to_parquet(path)


def _no_parquet(dataset: Path) -> None:
    (dataset / "data/train/0.parquet").write_text("subject_id,time\n")


def _twice(dataset: Path) -> None:
    write_shard(dataset, "tuning/1", TUNING)


def _backwards(dataset: Path) -> None:
    write_shard(dataset, "tuning/0", [TUNING[0], *reversed(TUNING[1:])])


def _apart(dataset: Path) -> None:
    rows = [*TUNING[:2], (7, "2020-01-01", "VITAL//HR", 1.0, None), TUNING[2]]
    write_shard(dataset, "tuning/0", rows)


def _splits(column: str, value: str | int) -> Callable[[Path], None]:
    def change(dataset: Path) -> None:
        path = dataset / "metadata/subject_splits.parquet"
        frame = pd.read_parquet(path)
        frame.loc[1, column] = value
        frame.to_parquet(path)

    return change


def _numbers_for_labels(dataset: Path) -> None:
    path = dataset / "labels/mortality.parquet"
    table = pq.read_table(path).drop(["boolean_value"])
    pq.write_table(table.append_column("integer_value", pa.array([1] * len(table))), path)


def _odd_name(dataset: Path) -> None:
    write_labels(dataset, "In-Hospital", [(1, "2020-01-02", True)])


def _bad_json(dataset: Path) -> None:
    (dataset / "metadata/dataset.json").write_text('{"dataset_name": 3}')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop("code"), r"\$FUSEHR_MEDS/data/train/0.parquet: expected MEDS's DataSchema.* code"),
        (_texts_for_times, r"0.parquet: .*time \(want timestamp\[us\], got .*string"),
        (_no_parquet, r"0.parquet: expected a Parquet file"),
        (_twice, r"tuning/1.parquet: column subject_id: .* one file, found subject 2 again"),
        (_backwards, r"tuning/0.parquet: column time: .* in order of time, .* subject 2"),
        (_apart, r"tuning/0.parquet: column subject_id: .* found subject 2 again"),
        (_splits("split", "dev"), r"column split: expected train, tuning, held_out, found dev"),
        (_splits("subject_id", 8), r"column subject_id: .* found 1 without a split, the first 2"),
        (_numbers_for_labels, r"mortality.parquet: column boolean_value: expected, found"),
        (_odd_name, r"labels/In-Hospital.parquet: .* name the task by raw.meds.tasks"),
        (_bad_json, r"metadata/dataset.json: expected MEDS's DatasetMetadataSchema"),
    ],
)
def test_what_is_not_as_the_standard_has_it_is_named(
    dataset: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    change(dataset)
    with pytest.raises(InputError, match=message):
        brought(tmp_path)


def test_a_missing_folder_and_missing_labels_are_named(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dataset / "labels/mortality.parquet").unlink()
    with pytest.raises(InputError, match=r"labels: expected Parquet files of labels, found none"):
        brought(tmp_path)
    monkeypatch.delenv("FUSEHR_MEDS")
    with pytest.raises(InputError, match=r"FUSEHR_MEDS: .* found it unset"):
        meds.write(tmp_path, params(), "local")


def test_restricted_data_need_a_remote_of_their_own(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"raw\.remote"):
        meds.write(tmp_path, params(restricted=True), "")
