"""A dataset in the Medical Event Data Standard, checked against its schemas and copied as it is.

data/**/*.parquet, metadata/{dataset.json,codes.parquet,subject_splits.parquet} where they are
there, and labels/. The environment variable FUSEHR_MEDS names the folder, which differs from host
to host and is therefore written nowhere.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict
from pathlib import Path

from meds import (
    code_metadata_filepath,
    data_subdirectory,
    dataset_metadata_filepath,
    subject_splits_filepath,
)

from fusehr.core.disk import naming
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json
from fusehr.core.frame.tasks import PATTERN
from fusehr.core.meds_files import FOLDER, LABELS, SETTINGS, Settings
from fusehr.core.mimic_files import FileEntry, named_folder
from fusehr.core.params.raw import MedsParams
from fusehr.raw.manifest import complete_events
from fusehr.raw.meds_schemas import (
    check_codes,
    check_data,
    check_dataset,
    check_labels,
    check_splits,
)
from fusehr.raw.restricted_remote import refuse_default_remote

VARIABLE = "FUSEHR_MEDS"


def write(folder: Path, params: MedsParams, remote: str) -> list[FileEntry]:
    """Copy the dataset into `folder` and return the entries of all files.

    Raises InputError where FUSEHR_MEDS is unset, a file is missing or not as MEDS has it, or
    restricted data could reach the default remote.
    """
    if params.restricted:
        refuse_default_remote(remote)
    root = named_folder(VARIABLE, "a MEDS dataset: data and labels")
    labels = _label_files(root, params)
    files = [*_checked_data(root), *(root / LABELS / name for of in labels.values() for name in of)]
    for name in dict.fromkeys(files):
        target = folder / FOLDER / name.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        with naming(target):
            shutil.copyfile(name, target)
    settings = Settings(
        labels=labels,
        notes=dict(params.notes),
        long_text_characters=params.long_text_characters,
        long_text_kind=params.long_text_kind,
        visit_column=params.visit_column,
    )
    write_json(folder / FOLDER / SETTINGS, asdict(settings))
    return complete_events(folder)


def _checked_data(root: Path) -> list[Path]:
    """Shards and metadata files, each held against its schema."""
    shards = sorted((root / data_subdirectory).rglob("*.parquet"))
    if not shards:
        raise InputError(f"${VARIABLE}/{data_subdirectory}: expected Parquet files, found none")
    subjects: set[int] = set()
    for path in shards:
        check_data(path, _shown(root, path), subjects)
    files = shards
    for name in (subject_splits_filepath, code_metadata_filepath, dataset_metadata_filepath):
        path = root / name
        if not path.is_file():
            continue
        if name == subject_splits_filepath:
            check_splits(path, _shown(root, path), subjects)
        elif name == code_metadata_filepath:
            check_codes(path, _shown(root, path))
        else:
            check_dataset(path, _shown(root, path))
        files = [*files, path]
    return files


def _label_files(root: Path, params: MedsParams) -> dict[str, list[str]]:
    """Files below labels/ by task, or by task/class; all of them checked."""
    folder = root / LABELS
    if params.tasks:
        found = {task: _named(root, task, name) for task, name in sorted(params.tasks.items())}
    else:
        found = {_task_of(root, path): [path] for path in sorted(folder.glob("*.parquet"))}
    if not found:
        raise InputError(
            f"${VARIABLE}/{LABELS}: expected Parquet files of labels, found none; files in "
            "folders below are named by raw.meds.tasks"
        )
    for path in (path for paths in found.values() for path in paths):
        check_labels(path, _shown(root, path))
    return {
        name: [path.relative_to(folder).as_posix() for path in paths]
        for name, paths in found.items()
    }


def _named(root: Path, task: str, name: str) -> list[Path]:
    """The file, or the shards in the folder, that `raw.meds.tasks` gives for `task`."""
    file, folder = root / LABELS / f"{name}.parquet", root / LABELS / name
    found = [file] if file.is_file() else sorted(folder.rglob("*.parquet"))
    if not found:
        raise InputError(
            f"params.yaml: raw.meds.tasks.{task}: expected a file {_shown(root, file)} or Parquet "
            f"files in {_shown(root, folder)}, found none"
        )
    return found


def _task_of(root: Path, path: Path) -> str:
    """`task` of task.parquet, `task/class` of task.class.parquet."""
    task, _, part = path.stem.partition(".")
    if not re.fullmatch(PATTERN, task):
        raise InputError(
            f"{_shown(root, path)}: expected a name of small letters, digits and _, found {task}; "
            "name the task by raw.meds.tasks"
        )
    return f"{task}/{part}" if part else task


def _shown(root: Path, path: Path) -> str:
    return f"${VARIABLE}/{path.relative_to(root).as_posix()}"
