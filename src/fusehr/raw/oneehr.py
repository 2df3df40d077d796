"""A folder in OneEHR's form (static, dynamic and label, as .csv or .parquet), copied as it is.

OneEHR: https://github.com/yhzhu99/OneEHR. The environment variable FUSEHR_ONEEHR names the folder,
which differs from host to host and is therefore written nowhere.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from fusehr.core.disk import naming
from fusehr.core.frame.files import write_json
from fusehr.core.mimic_files import FileEntry, named_folder
from fusehr.core.oneehr_files import FOLDER, SETTINGS, Settings, table_file
from fusehr.core.params.raw import OneEhrParams
from fusehr.raw.manifest import complete_events
from fusehr.raw.restricted_remote import refuse_default_remote

VARIABLE = "FUSEHR_ONEEHR"


def write(folder: Path, params: OneEhrParams, remote: str) -> list[FileEntry]:
    """Copy the chosen files into `folder` and return the entries of all.

    Raises InputError where FUSEHR_ONEEHR is unset, a file is missing, or restricted data could
    reach the default remote.
    """
    if params.restricted:
        refuse_default_remote(remote)
    root = named_folder(VARIABLE, "static, dynamic and label")
    own = folder / FOLDER
    own.mkdir()
    for name in ("static", "dynamic", *params.labels):
        origin = table_file(root, name)
        with naming(own / origin.name):
            shutil.copyfile(origin, own / origin.name)
    settings = Settings(list(params.labels), dict(params.tasks), dict(params.variables))
    write_json(own / SETTINGS, asdict(settings))
    return complete_events(folder)
