"""Cases with a text and a chest image, as MediLLM has them: emr_records.csv and its images.

The environment variable FUSEHR_EMR names the folder that holds both, which differs from host to
host and is therefore written nowhere. Columns that raw.emr_csv does not name are left where they
are. Patients who share an image count as one, so that no image trains and tests.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from fusehr.core.emr_csv_files import CASES, FOLDER, SETTINGS, Settings
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import POSITIVE
from fusehr.core.mimic_files import FileEntry, named_folder
from fusehr.core.params.raw import YES_NO, EmrCsvParams
from fusehr.raw.case_images import file_below, write_images
from fusehr.raw.case_table import CaseTable, days
from fusehr.raw.flat_table import read_table
from fusehr.raw.manifest import complete_events
from fusehr.raw.restricted_remote import refuse_default_remote
from fusehr.raw.same_content import joined_by

VARIABLE = "FUSEHR_EMR"
COLUMNS = ("id", "image", "text", "label", "time", "age", "sex", "view")


def write(folder: Path, params: EmrCsvParams, remote: str) -> list[FileEntry]:
    """Write cases and image shards into `folder` and return the entries of all files.

    Raises InputError naming row and column where a column or value is missing, a level is none of
    those expected, a path leads out of the folder or to no whole image, or two rows of a patient
    have the same time; and where restricted data could reach the default remote.
    """
    if params.restricted:
        refuse_default_remote(remote)
    root = named_folder(VARIABLE, f"{params.file} and its images")
    shown = f"${VARIABLE}/{params.file}"
    path = file_below(root, params.file)
    if path is None:
        raise InputError(f"params.yaml: raw.emr_csv.file: expected a file, found no {shown}")
    cells = read_table(path, shown)
    table = CaseTable(cells, shown, "raw.emr_csv")
    table.expect_columns({name: getattr(params, name) for name in COLUMNS})
    cases = pd.DataFrame(
        {
            "row": cells.index,
            "patient_id": table.patients(params.id),
            "class": _classes(table, params),
            "age": table.ages(params.age),
            "sex": table.texts(params.sex),
            "text": table.texts(params.text),
            "view": table.texts(params.view),
        }
    )
    times = table.times(params.time) if params.time else None
    images = write_images(folder / "cxr", root, table, params.image, size=params.size)
    cases = cases.assign(
        image_id=images["image_id"],
        patient_id=joined_by(cases["patient_id"], images["sha256"]),
    )
    if fewer := _patients(table, params) - cases["patient_id"].nunique():
        say(f"raw: {fewer} patients share an image with another and count as the same")
    cases["time"] = days(cases["patient_id"]) if times is None else times
    _expect_one_row_a_time(cases, shown, params)
    own = folder / FOLDER
    own.mkdir()
    write_parquet(own / f"{CASES.name}.parquet", cases, CASES)
    predicted = [POSITIVE] if params.classes == YES_NO else list(params.classes)
    settings = Settings(task=params.task, classes=predicted, note_kind=params.note_kind)
    write_json(own / SETTINGS, asdict(settings))
    return complete_events(folder)


def _patients(table: CaseTable, params: EmrCsvParams) -> int:
    return table.patients(params.id).nunique()


def _classes(table: CaseTable, params: EmrCsvParams) -> pd.Series:
    """The class of each row, by raw.emr_csv.levels or by its own name."""
    values = table.given("label", params.label)
    known = params.levels
    if not known:
        known = {name: name for name in params.classes}
        if params.classes == YES_NO:
            known |= dict(zip(("1", "0"), YES_NO, strict=True))
        values = values.str.lower()
    found = values.map(known)
    wrong = found.index[found.isna()]
    if len(wrong):
        raise InputError(
            f"{table.shown}: column {params.label}: expected one of {', '.join(sorted(known))} "
            f"({table.block}.levels), found something else in {len(wrong)} rows, the first "
            f"{wrong[0]}"
        )
    return found


def _expect_one_row_a_time(cases: pd.DataFrame, shown: str, params: EmrCsvParams) -> None:
    twice = cases["row"][cases.duplicated(["patient_id", "time"])]
    if len(twice):
        raise InputError(
            f"{shown}: column {params.time}: expected one row at a time of a patient (or of "
            f"patients who share an image), found row {twice.iloc[0]} beside another"
        )
