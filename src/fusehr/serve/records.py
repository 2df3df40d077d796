"""A CSV of triage records, each a text and an image, to a CSV of predictions.

Columns as MediLLM's emr_records.csv has them: patient_id, image_path, emr_text, and triage_level
where it is known. Records are read, predicted and written some at a time; the result is whole or
not there at all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError
from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.serve.cases.case import IMAGE_BYTES, Case
from fusehr.serve.predict import DECIMALS, target_of
from fusehr.serve.predictors.contract import Predictor
from fusehr.serve.texts import csv_rows
from fusehr.train.engine.contract import WITHHELD, Modality

Mode = Literal["text", "image", "both"]

ID, IMAGE, TEXT, LEVEL = "patient_id", "image_path", "emr_text", "triage_level"
COLUMNS = (ID, IMAGE, TEXT)
AT_ONCE = 64  # records held in memory, with their images
# What is withheld where a record is to be read by one of the two.
WITHOUT: dict[Mode, tuple[Modality, ...]] = {
    "text": WITHHELD["images"],
    "image": WITHHELD["notes"],
    "both": (),
}


@dataclass(frozen=True)
class Record:
    """One row: who, the case ready to be predicted, and the level, '' where it is not known."""

    patient: str
    prepared: Any
    level: str


@dataclass(frozen=True)
class Told:
    """How many records there were, and how many of those with a level were right."""

    records: int = 0
    known: int = 0
    right: int = 0
    written: int = 0


def predict_records(
    predictor: Predictor,
    source: Path,
    output: Path | None,
    *,
    mode: Mode,
    only_misclassified: bool,
) -> str:
    """Write a row for every record of `source`, or for every one whose level is not the predicted.

    Columns: patient_id, triage_level where `source` has it, predicted, p_<class> as the model gives
    it, calibrated_<class>. image_path counts from the folder of `source`. Returns what there is to
    say; raises InputError, naming row and column, where anything is not as expected.
    """
    if not predictor.about.exclusive:
        raise InputError(
            f"--task: expected one of exclusive classes, such as triage, "
            f"found {predictor.about.task}"
        )
    target = target_of(source, output)
    rows = csv_rows(source)
    header = _header(source, next(rows, None))
    if only_misclassified and LEVEL not in header:
        raise InputError(f"{source}: column {LEVEL}: expected with --only-misclassified")
    records = _records(source, rows, header, predictor, mode)
    with output_file(target) as partial:
        told = _write(partial, records, predictor, header, mode, only_misclassified)
        if not told.records:
            raise InputError(f"{source}: expected records, found none")
    about = predictor.about
    said = f"predicted {about.task} of {told.records:,} records by {about.model} ({mode}): {target}"
    if told.known:
        share = told.right / told.known
        said += f"\n{told.right:,} of {told.known:,} as in {LEVEL} ({share:.1%})"
    if only_misclassified:
        said += f"; the other {told.written:,} are written"
    return said


def _write(
    path: Path,
    records: Iterator[Record],
    predictor: Predictor,
    header: Sequence[str],
    mode: Mode,
    only_misclassified: bool,
) -> Told:
    classes, told = predictor.about.classes, Told()
    carried = [ID, *([LEVEL] if LEVEL in header else [])]
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        tqdm(desc=predictor.about.task, unit="record", disable=None) as progress,
    ):
        writer = csv.writer(file, lineterminator="\n")
        fitted = predictor.recalibration.of_class is not None
        kinds = ("p", "calibrated") if fitted else ("p",)
        names = [f"{kind}_{name}" for kind in kinds for name in classes]
        writer.writerow([*carried, "predicted", *names])
        while some := list(islice(records, AT_ONCE)):
            p = predictor.predict([record.prepared for record in some], WITHOUT[mode])
            calibrated = predictor.recalibration.apply(p)
            numbers = p if calibrated is None else np.concatenate([p, calibrated], axis=1)
            for record, own, shown in zip(some, p, numbers, strict=True):
                predicted = classes[int(own.argmax())]
                right = record.level == predicted
                kept = not only_misclassified or (bool(record.level) and not right)
                if kept:
                    row = [record.patient, record.level][: len(carried)]
                    digits = (f"{value:.{DECIMALS}f}" for value in shown)
                    writer.writerow([*row, predicted, *digits])
                told = Told(
                    told.records + 1,
                    told.known + bool(record.level),
                    told.right + right,
                    told.written + kept,
                )
            progress.update(len(some))
    return told


def _header(source: Path, header: list[str] | None) -> list[str]:
    if not header:
        raise InputError(f"{source}: expected a line of column names, found an empty file")
    for name in COLUMNS:
        if header.count(name) != 1:
            raise InputError(
                f"{source}: column {name}: expected once, found {header.count(name)} times"
            )
    if header.count(LEVEL) > 1:
        raise InputError(f"{source}: column {LEVEL}: expected once at most")
    return header


def _records(
    source: Path,
    rows: Iterator[list[str]],
    header: Sequence[str],
    predictor: Predictor,
    mode: Mode,
) -> Iterator[Record]:
    for number, row in enumerate((row for row in rows if row), 1):
        where = f"{source}: row {number}"
        if len(row) != len(header):
            raise InputError(f"{where}: expected {len(header)} fields, found {len(row)}")
        fields = dict(zip(header, row, strict=True))
        level = fields.get(LEVEL, "").strip().lower()
        classes = predictor.about.classes
        if level and level not in classes:
            raise InputError(f"{where}: column {LEVEL}: expected one of {', '.join(classes)}")
        case = _case(source, where, fields, mode)
        try:
            prepared = predictor.prepare(case)
        except InputError as error:
            raise InputError(f"{where}: column {IMAGE}: {error}") from None
        yield Record(fields[ID], prepared, level)


def _case(source: Path, where: str, fields: dict[str, str], mode: Mode) -> Case:
    """What the mode reads of a record; neither text nor image is an error of its own."""
    told: dict[str, Any] = {}
    if mode != "image" and fields[TEXT].strip():
        told["text"] = fields[TEXT]
    if mode != "text" and fields[IMAGE].strip():
        told["image"] = _bytes(source.parent / fields[IMAGE].strip(), where)
    wanted = {"text": TEXT, "image": IMAGE, "both": f"{TEXT} or {IMAGE}"}[mode]
    if not told:
        raise InputError(f"{where}: column {wanted}: expected something, found nothing")
    try:
        return Case.model_validate(told)
    except ValidationError as error:
        # of pydantic's messages those alone that do not repeat what was read
        (first, *_) = error.errors(include_url=False, include_input=False, include_context=False)
        raise InputError(f"{where}: column {wanted}: {first['msg']}") from None


def _bytes(path: Path, where: str) -> bytes:
    if not path.is_file():
        raise InputError(f"{where}: column {IMAGE}: expected a file, found none")
    if path.stat().st_size > IMAGE_BYTES:
        raise InputError(
            f"{where}: column {IMAGE}: expected a file of {IMAGE_BYTES:,} bytes at most"
        )
    return path.read_bytes()
