"""Tables that the room `distill` writes: texts of samples, and what a teacher makes of them."""

from __future__ import annotations

import pyarrow as pa

from fusehr.core.frame.schemas import FLAG, FLOAT, INT, TASK_RULE, TEXT, TEXTS, Column, Table

INTS = pa.list_(pa.int64())
FLOATS = pa.list_(pa.float32())

INSTRUCTIONS = Table(
    "instructions",
    (
        Column("sample_id", TEXT, doc="as in samples, or unlabelled-<visit_id>"),
        Column("patient_id", INT),
        Column("task", TEXT, rule=TASK_RULE),
        Column("labelled", FLAG, doc="false: a visit without a next one, for training only"),
        Column("instruction", TEXT, rule="length(instruction) > 0"),
        Column("input", TEXT, rule="length(input) > 0"),
        Column("output", TEXT, null=True, doc="the answer in words; null where not labelled"),
        Column("section_starts", INTS, doc="first character of each section of input, the first 0"),
        Column("section_kinds", TEXTS, doc="person, diseases, medication, operations, hints, ..."),
    ),
    sort=("task", "sample_id"),
    unique=("task", "sample_id"),
)

SOFT_LABELS = Table(
    "soft_labels",
    (
        Column("task", TEXT, rule=TASK_RULE),
        Column("round", TEXT, doc="of the split: split, or cv0, cv1, ..."),
        Column("sample_id", TEXT),
        Column("patient_id", INT),
        Column("class", TEXT),
        Column("teacher", INT, rule="teacher >= 0", doc="fold whose teacher never saw the patient"),
        Column("logit", FLOAT, rule="isfinite(logit)"),
        Column("p", FLOAT, rule="p BETWEEN 0 AND 1"),
    ),
    sort=("task", "round", "sample_id", "class"),
    unique=("task", "round", "sample_id", "class"),
)

TEACHER_ATTENTION = Table(
    "attention",
    (
        Column("task", TEXT, rule=TASK_RULE),
        Column("round", TEXT),
        Column("sample_id", TEXT),
        Column("tokens", FLOATS, doc="share of attention that each token of the text receives"),
        Column(
            "sections",
            FLOATS,
            doc="n x n, row by row: attention from one section to another; rows sum to 1",
        ),
        Column("present", INTS, doc="numbers of the n sections that have tokens"),
    ),
    sort=("task", "round", "sample_id"),
    unique=("task", "round", "sample_id"),
)

TEACHER_FOLDS = Table(
    "folds",
    (
        Column("task", TEXT, rule=TASK_RULE),
        Column("round", TEXT),
        Column("patient_id", INT),
        Column("fold", INT, rule="fold >= 0", doc="the teacher of this number never saw them"),
    ),
    sort=("task", "round", "patient_id"),
    unique=("task", "round", "patient_id"),
)
