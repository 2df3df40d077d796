"""Files of a MEDS dataset held against the standard's own schemas, in batches of bounded memory.

Medical Event Data Standard: https://medical-event-data-standard.github.io/. Types that can be
converted without loss pass, as other libraries write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from flexible_schema import SchemaValidationError, TableValidationError
from meds import (
    CodeMetadataSchema,
    DataSchema,
    DatasetMetadataSchema,
    LabelSchema,
    SubjectSplitSchema,
    held_out_split,
    train_split,
    tuning_split,
)

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json

SPLITS = (train_split, tuning_split, held_out_split)
FIRST = np.iinfo(np.int64).min  # static rows have no time, and stand before those that have one


def check_data(path: Path, shown: str, subjects: set[int]) -> None:
    """One shard. `subjects` has those of the shards before it, and gets its own.

    Raises InputError where a column is not as DataSchema has it, a subject's rows are not one after
    another in one file, or are not in order of time.
    """
    last_subject, last_time = None, FIRST
    for table in _batches(path, shown, DataSchema):
        if not table.num_rows:
            continue
        subject = table["subject_id"].to_numpy()
        time = pc.fill_null(table["time"].cast(pa.int64()), FIRST).to_numpy()
        if last_subject is not None:
            subject, time = np.append(last_subject, subject), np.append(last_time, time)
        same = subject[1:] == subject[:-1]
        if (same & (time[1:] < time[:-1])).any():
            raise InputError(
                f"{shown}: column time: expected the rows of a subject in order of time, found "
                f"others of subject {subject[1:][same & (time[1:] < time[:-1])][0]}"
            )
        begun = subject[1:][~same].tolist()
        if last_subject is None:
            begun = [subject[0].item(), *begun]
        for new in begun:
            if new in subjects:
                raise InputError(
                    f"{shown}: column subject_id: expected the rows of a subject one after another "
                    f"in one file, found subject {new} again"
                )
            subjects.add(new)
        last_subject, last_time = subject[-1], time[-1]


def check_labels(path: Path, shown: str) -> None:
    """One label file: LabelSchema, and labels that are true or false."""
    for table in _batches(path, shown, LabelSchema):
        if "boolean_value" not in table.column_names:
            raise InputError(
                f"{shown}: column boolean_value: expected, found {', '.join(table.column_names)}"
            )


def check_splits(path: Path, shown: str, subjects: set[int]) -> None:
    """SubjectSplitSchema, a split of those that have names in the standard for each subject."""
    given: set[int] = set()
    for table in _batches(path, shown, SubjectSplitSchema):
        unknown = set(table["split"].to_pylist()) - set(SPLITS)
        if unknown:
            raise InputError(
                f"{shown}: column split: expected {', '.join(SPLITS)}, found {min(unknown)}"
            )
        given.update(table["subject_id"].to_pylist())
    if without := subjects - given:
        raise InputError(
            f"{shown}: column subject_id: expected every subject, found {len(without)} without a "
            f"split, the first {min(without)}"
        )


def check_codes(path: Path, shown: str) -> None:
    """CodeMetadataSchema."""
    for _ in _batches(path, shown, CodeMetadataSchema):
        pass


def check_dataset(path: Path, shown: str) -> None:
    """DatasetMetadataSchema, a JSON file."""
    try:
        DatasetMetadataSchema.validate(read_json(path))
    except (SchemaValidationError, TableValidationError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise InputError(f"{shown}: expected MEDS's DatasetMetadataSchema: {reason}") from None


def _batches(path: Path, shown: str, schema: Any) -> Iterator[pa.Table]:
    """The file's rows as `schema` has them; an empty file gives one empty table."""
    try:
        with pq.ParquetFile(path) as file:
            yield schema.align(file.schema_arrow.empty_table())
            for batch in file.iter_batches():
                yield schema.align(pa.Table.from_batches([batch]))
    except pa.ArrowInvalid:
        raise InputError(f"{shown}: expected a Parquet file, found something else") from None
    except (SchemaValidationError, TableValidationError) as error:
        raise InputError(f"{shown}: expected MEDS's {schema.__name__}, found: {error}") from None
