"""What every table that crosses from one room to another looks like, and the check of it.

A schema is declared here once, checked when a room writes and again when the next one reads.
OneEHR's own columns come first in `static`, `dynamic` and `label`; every row carries `visit_id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import PATTERN

TIME = pa.timestamp("us")
INT, FLOAT, TEXT, BYTE, FLAG = pa.int64(), pa.float64(), pa.string(), pa.int8(), pa.bool_()
TEXTS = pa.list_(pa.string())


@dataclass(frozen=True)
class Column:
    """One column: its type, whether it may be null, and a SQL rule that each row must satisfy."""

    name: str
    type: pa.DataType
    null: bool = False
    rule: str = ""
    doc: str = ""


@dataclass(frozen=True)
class Table:
    """A named table: its columns in order, and the columns its rows are sorted by."""

    name: str
    columns: tuple[Column, ...]
    sort: tuple[str, ...]
    unique: tuple[str, ...] = ()

    def arrow(self) -> pa.Schema:
        """The Arrow schema (column order, types)."""
        return pa.schema([pa.field(c.name, c.type) for c in self.columns])


TASK_RULE = f"regexp_full_match(task, '{PATTERN}')"

STATIC = Table(
    "static",
    (
        Column("patient_id", INT),
        Column("age", FLOAT, null=True, rule="age BETWEEN 0 AND 120", doc="years, at this visit"),
        Column("sex", TEXT, rule="sex IN ('F', 'M', 'U')"),
        Column("visit_id", INT, doc="hospital admission, or ED stay where none followed"),
        Column("admission_type", TEXT, null=True),
        Column("admission_location", TEXT, null=True),
        Column("available_time", TIME),
    ),
    sort=("patient_id", "visit_id"),
    unique=("visit_id",),
)

DYNAMIC = Table(
    "dynamic",
    (
        Column("patient_id", INT),
        Column("event_time", TIME, doc="when it was true of the patient (charttime)"),
        Column("code", TEXT, doc="name in variables.csv, `<support>/start` or `<support>/end`"),
        Column("value", FLOAT, null=True, rule="isfinite(value)", doc="in the variable's unit"),
        Column("visit_id", INT, null=True, doc="null: between visits (outpatient laboratory)"),
        Column("available_time", TIME, doc="when the hospital could have known it"),
        Column(
            "availability",
            TEXT,
            rule="availability IN ('storetime', 'item_lag', 'default_lag', 'event')",
            doc="where available_time comes from",
        ),
    ),
    sort=("patient_id", "event_time", "code", "value", "available_time", "visit_id"),
)

LABEL = Table(
    "label",
    (
        Column("patient_id", INT),
        Column("label_time", TIME, doc="the sample's index time"),
        Column("label_code", TEXT, doc="task, or task/class where it has several"),
        Column("label_value", FLOAT, rule="label_value IN (0, 1)"),
        Column("visit_id", INT),
        Column("sample_id", TEXT),
        Column("task", TEXT, rule=TASK_RULE),
        Column("class", TEXT),
        Column(
            "new_onset",
            FLAG,
            null=True,
            doc="next_diagnoses: not coded in any visit up to the index; null elsewhere",
        ),
    ),
    sort=("task", "sample_id", "class"),
)

VISITS = Table(
    "visits",
    (
        Column("patient_id", INT),
        Column("visit_id", INT),
        Column("admit_time", TIME),
        Column("discharge_time", TIME),
        Column("death_time", TIME, null=True, doc="in hospital"),
        Column("admission_type", TEXT, null=True),
        Column("discharge_location", TEXT, null=True),
        Column("diagnoses", TEXTS, doc="ICD9CM/4280, ICD10CM/I509 ... sorted"),
        Column("phenotypes", TEXTS, doc="CCS phenotypes of the diagnoses, sorted"),
        Column("procedures", TEXTS, doc="ICD9PCS/..., ICD10PCS/... sorted"),
        Column("drugs", TEXTS, doc="names as prescribed, lower case, sorted"),
        Column("codes_available_time", TIME, doc="discharge + billing lag: when codes are known"),
    ),
    sort=("patient_id", "admit_time", "visit_id"),
    unique=("visit_id",),
)

NOTES = Table(
    "notes",
    (
        Column("patient_id", INT),
        Column("event_time", TIME),
        Column("code", TEXT, doc="kind of note: discharge, radiology, complaint, ..."),
        Column("text", TEXT),
        Column("visit_id", INT, null=True),
        Column("available_time", TIME),
        Column("note_id", TEXT),
        Column("text_sha256", TEXT),
    ),
    sort=("patient_id", "event_time", "note_id"),
    unique=("note_id",),
)

IMAGES = Table(
    "images",
    (
        Column("patient_id", INT),
        Column("event_time", TIME),
        Column("image_id", TEXT),
        Column("view", TEXT, null=True),
        Column("visit_id", INT, null=True),
        Column("available_time", TIME, doc="the study's time"),
        Column("image_sha256", TEXT, null=True, doc="of the pixels"),
        Column("pixel_row", INT, null=True, doc="row of images.npy; null: not at hand"),
    ),
    sort=("patient_id", "event_time", "image_id"),
    unique=("image_id",),
)

FINDINGS = (
    "atelectasis",
    "cardiomegaly",
    "consolidation",
    "edema",
    "enlarged_cardiomediastinum",
    "fracture",
    "lung_lesion",
    "lung_opacity",
    "no_finding",
    "pleural_effusion",
    "pleural_other",
    "pneumonia",
    "pneumothorax",
    "support_devices",
)

IMAGE_POOL = Table(
    "image_pool",
    (
        Column("patient_id", INT, doc="none of the cohort's"),
        Column("image_id", TEXT),
        Column("view", TEXT, null=True),
        Column("image_sha256", TEXT),
        Column("pixel_row", INT, doc="row of image_pool.npy"),
        *(
            Column(name, BYTE, null=True, rule=f"{name} IN (-1, 0, 1)", doc="-1: uncertain")
            for name in FINDINGS
        ),
    ),
    sort=("patient_id", "image_id"),
    unique=("image_id",),
)

STAYS = Table(
    "stays",
    (
        Column("patient_id", INT),
        Column("stay_id", INT, doc="of merged stays the lowest"),
        Column("visit_id", INT),
        Column("intime", TIME),
        Column("outtime", TIME, doc="left the unit, or died"),
        Column("death_time", TIME, null=True, doc="in hospital"),
    ),
    sort=("patient_id", "intime", "stay_id"),
    unique=("stay_id",),
)

DRUGS = Table(
    "drugs",
    (
        Column("patient_id", INT),
        Column("event_time", TIME, doc="start of the order"),
        Column("code", TEXT, doc="name as prescribed, lower case"),
        Column("visit_id", INT),
        Column("available_time", TIME, doc="start of the order; how long it ran is not told"),
    ),
    sort=("patient_id", "event_time", "code"),
)

SAMPLES = Table(
    "samples",
    (
        Column("sample_id", TEXT),
        Column("patient_id", INT),
        Column("task", TEXT, rule=TASK_RULE),
        Column("index_time", TIME),
        Column("visit_id", INT),
        Column("stay_id", INT, null=True),
        Column("window_start", TIME, doc="earliest value of the input"),
        Column("history_start", TIME, doc="earliest act (a code with a slash) of the input"),
        Column("codes_through", TIME, doc="codes of visits discharged up to here are known"),
        Column("train_use", FLAG, doc="false: left out of training by the cap on windows a stay"),
    ),
    sort=("task", "patient_id", "index_time", "sample_id"),
    unique=("sample_id",),
)

SPLITS = Table(
    "splits",
    (
        Column("patient_id", INT),
        Column("fold", TEXT, doc="train, val, test; or cv0, cv1, ... for cross-validation"),
    ),
    sort=("patient_id",),
    unique=("patient_id",),
)

TRUTH = Table(
    "truth",
    (
        Column("sample_id", TEXT),
        Column("task", TEXT, rule=TASK_RULE),
        Column("class", TEXT),
        Column("oracle", FLOAT, rule="oracle BETWEEN 0 AND 1"),
        Column("attainable", FLOAT, rule="attainable BETWEEN 0 AND 1"),
        Column("notes", FLOAT, doc="what the notes add to the logit"),
        Column("image", FLOAT, doc="what the chest image adds to the logit"),
        Column("graph", FLOAT, doc="what the exposure that the graph tells adds to the logit"),
    ),
    sort=("task", "sample_id", "class"),
)

PREDICTIONS = Table(
    "predictions",
    (
        Column("task", TEXT, rule=TASK_RULE),
        Column("recipe", TEXT),
        Column("variant", TEXT),
        Column("seed", INT),
        Column("split_sha", TEXT),
        Column("fold", TEXT, rule="fold IN ('val', 'test')"),
        Column("sample_id", TEXT),
        Column("patient_id", INT),
        Column("class", TEXT),
        Column("y", BYTE, rule="y IN (0, 1)"),
        Column("p", FLOAT, rule="p BETWEEN 0 AND 1"),
    ),
    sort=("task", "variant", "seed", "fold", "sample_id", "class"),
    unique=("task", "variant", "seed", "fold", "sample_id", "class"),
)

TABLES = (
    STATIC,
    DYNAMIC,
    LABEL,
    VISITS,
    STAYS,
    DRUGS,
    NOTES,
    IMAGES,
    IMAGE_POOL,
    SAMPLES,
    SPLITS,
    TRUTH,
)


def check_parquet(path: Path, schema: Table, *, name: str | None = None) -> None:
    """Raise InputError naming file, column, rule and first offending rows where `path` breaks it.

    Rows are named by their number and ids alone; the scan runs in DuckDB with bounded memory.
    """
    name = name or str(path)
    if not path.exists():
        raise InputError(f"{name}: expected table {schema.name}, found no file")
    try:
        found = pq.read_schema(path)
    except pa.ArrowInvalid:
        raise InputError(f"{name}: expected a Parquet file, found something else") from None
    for column in schema.columns:
        if column.name not in found.names:
            raise InputError(
                f"{name}: column {column.name}: expected, found {', '.join(found.names)}"
            )
        if found.field(column.name).type != column.type:
            raise InputError(
                f"{name}: column {column.name}: expected {column.type}, "
                f"found {found.field(column.name).type}"
            )
    # most columns are declared without nulls in the file itself, and need not be read for it
    rules = [
        (c.name, "not null", f'"{c.name}" IS NULL')
        for c in schema.columns
        if not c.null and found.field(c.name).nullable
    ]
    rules += [(c.name, c.rule, f"NOT ({c.rule})") for c in schema.columns if c.rule]
    counts = ", ".join(f"count(*) FILTER (WHERE {broken})" for _, _, broken in rules)
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        source = con.from_parquet(str(path), file_row_number=True)
        totals = source.aggregate(counts).fetchall()[0] if rules else ()
        for (column, rule, broken), total in zip(rules, totals, strict=True):
            if total:
                rows = source.filter(broken).project("file_row_number").limit(5).fetchall()
                numbers = ", ".join(str(row[0]) for row in rows)
                raise InputError(
                    f"{name}: column {column}: expected {rule}, "
                    f"found {total} rows that break it (row {numbers})"
                )
        if schema.unique:
            keys = ", ".join(f'"{key}"' for key in schema.unique)
            twice = source.aggregate(f"{keys}, count(*) AS n", keys).filter("n > 1")
            if first := twice.limit(1).fetchall():
                raise InputError(
                    f"{name}: column {keys}: expected unique, found twice: {first[0][0]}"
                )
