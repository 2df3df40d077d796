"""Files of the PhysioNet/CinC Challenge 2012 below data/raw, and how to read their records.

A set is `set-a.tar.gz`, which holds a text file a record (`132539.txt`: time, parameter, value),
and `Outcomes-a.txt`, which holds a line a record. `sets.json` says which sets train and which test.
Silva et al., Computing in Cardiology 2012; https://physionet.org/content/challenge-2012/1.0.0/.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.mimic_files import listed_file

FOLDER = "challenge-2012"
SETS_FILE = "sets.json"
RECORD_HEADER = "Time,Parameter,Value"
OUTCOME_HEADER = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"

_RECORD_NAME = re.compile(r"(\d+)\.txt")


@dataclass(frozen=True)
class Record:
    """One ICU stay: its number, the file's name as messages show it, and its lines' text."""

    record_id: int
    shown: str
    text: str

    def lines(self) -> list[str]:
        """Lines below the header, without their ends; line 2 of the file comes first."""
        return self.text.splitlines()[1:]


def records_file(set_name: str) -> str:
    """Name of the archive of a set's records, below FOLDER as on PhysioNet."""
    return f"set-{set_name}.tar.gz"


def outcomes_file(set_name: str) -> str:
    """Name of the table of a set's outcomes."""
    return f"Outcomes-{set_name}.txt"


def read_records(path: Path, shown: str) -> Iterator[Record]:
    """Records of the archive at `path` in its order; files whose names begin with a dot are passed.

    shown: the archive's name in messages. Raises InputError naming it where it is no whole archive,
    holds another file than `<RecordID>.txt`, or text that is not UTF-8.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or name.startswith("."):
                    continue
                found = _RECORD_NAME.fullmatch(name)
                content = archive.extractfile(member)
                if found is None or content is None:
                    raise InputError(f"{shown}: expected <RecordID>.txt, found {member.name}")
                where = f"{shown}: {member.name}"
                try:
                    text = content.read().decode("utf-8-sig")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{where}: expected UTF-8 text, found byte {error.start} of another kind"
                    ) from None
                yield Record(int(found[1]), where, text)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(f"{shown}: expected a whole tar.gz archive, found {error}") from None


def sets_in(raw: Path) -> dict[str, str]:
    """Fold (`train` or `test`) of each set in `raw`, by the set's name."""
    content = read_json(raw / FOLDER / SETS_FILE)
    return {name: fold for fold in ("train", "test") for name in content[fold]}


def listed(raw: Path, name: str) -> Path:
    """Path of the file `name` of the challenge; InputError as `listed_file` raises it."""
    return listed_file(f"{FOLDER}/{name}", raw)
