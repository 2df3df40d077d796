"""A MEDS dataset small enough to know by heart."""

from __future__ import annotations

from pathlib import Path

import meds
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# subject, time, code, number, text
TRAIN = [
    (1, None, "GENDER//F", None, None),
    (1, None, "RACE//UNKNOWN", None, None),
    (1, "1950-06-01", "MEDS_BIRTH", None, None),
    (1, "2020-01-01 08:00", "HOSPITAL_ADMISSION//URGENT//ED", None, None),
    (1, "2020-01-01 09:00", "LAB//50912//mg/dL", 1.1, None),
    (1, "2020-01-01 10:00", "NOTE//progress", None, "Pt reports dyspnea. No fever."),
    (1, "2020-01-02 09:00", "LAB//50912//mg/dL", 36.6, None),
    (1, "2020-01-02 10:00", "LAB//51079//UNK", None, "POS"),
    (1, "2020-01-03 12:00", "HOSPITAL_DISCHARGE//HOME", None, None),
    (1, "2020-02-01 09:00", "LAB//50912//mg/dL", 2.0, None),
    (1, "2020-03-01 08:00", "HOSPITAL_ADMISSION//ELECTIVE", None, None),
    (1, "2020-03-01 09:00", "DIAGNOSIS//ICD10CM//I509", None, None),
    (1, "2020-03-02 07:00", "HOSPITAL_DISCHARGE//DIED", None, None),
    (1, "2020-03-02 07:00", "MEDS_DEATH", None, None),
]
TUNING = [
    (2, None, "GENDER//M", None, None),
    (2, "2020-05-01 08:00", "VITAL//HR", 80.0, None),
    (2, "2020-05-03 08:00", "VITAL//HR", 90.5, None),
]
HELD_OUT = [
    (3, "1990-01-01", "MEDS_BIRTH", None, None),
    (3, "2020-07-01 08:00", "HOSPITAL_ADMISSION", None, None),
    (3, "2020-07-01 09:00", "VITAL//HR", 70.25, None),
    (3, "2020-07-04 09:00", "HOSPITAL_DISCHARGE", None, None),
]
SHARDS = {"train/0": TRAIN, "tuning/0": TUNING, "held_out/0": HELD_OUT}
LABELS = [
    (1, "2020-01-02 09:30", False),
    (1, "2020-03-01 10:00", True),
    (2, "2020-05-02 08:00", False),
    (3, "2020-06-30 08:00", False),
    (3, "2020-07-02 08:00", True),
]
SPLITS = {1: "train", 2: "tuning", 3: "held_out"}


def write_dataset(root: Path) -> None:
    """The dataset of this module in the folder `root`."""
    for name, rows in SHARDS.items():
        write_shard(root, name, rows)
    write_labels(root, "mortality", LABELS)
    splits = pa.table({"subject_id": list(SPLITS), "split": list(SPLITS.values())})
    path = root / meds.subject_splits_filepath
    path.parent.mkdir(parents=True)
    pq.write_table(meds.SubjectSplitSchema.align(splits), path)
    (root / meds.dataset_metadata_filepath).write_text('{"dataset_name": "three"}')


def write_shard(root: Path, name: str, rows: list[tuple]) -> None:
    """Rows of subject, time, code, number, text as `data/<name>.parquet`."""
    frame = pd.DataFrame(rows, columns=pd.Index([*meds.DataSchema.columns()]))
    table = pa.table(
        {
            "subject_id": pa.array(frame["subject_id"], pa.int64()),
            "time": pa.array(pd.to_datetime(frame["time"], format="ISO8601"), pa.timestamp("us")),
            "code": pa.array(frame["code"], pa.string()),
            "numeric_value": pa.array(frame["numeric_value"].astype(float), pa.float32()),
            "text_value": pa.array(frame["text_value"], pa.large_string()),
        }
    )
    path = root / "data" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def write_labels(root: Path, name: str, rows: list[tuple]) -> None:
    """Rows of subject, time, label as `labels/<name>.parquet`."""
    subjects, times, values = zip(*rows, strict=True)
    table = pa.table(
        {
            "subject_id": pa.array(subjects, pa.int64()),
            "prediction_time": pa.array(pd.to_datetime(pd.Series(times)), pa.timestamp("us")),
            "boolean_value": pa.array(values, pa.bool_()),
        }
    )
    path = root / "labels" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
