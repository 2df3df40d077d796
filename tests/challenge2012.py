"""A small set in the form of the PhysioNet/CinC Challenge 2012."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

HEADER = "Time,Parameter,Value"
DESCRIPTORS = "00:00,RecordID,{id}\n00:00,Age,{age}\n00:00,Gender,{gender}\n00:00,Height,{height}\n"
OUTCOMES = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"


def record(record_id: int, *lines: str, age: int = 70, gender: int = 1, height: float = 170) -> str:
    """Text of a record: descriptors, then `lines`."""
    start = DESCRIPTORS.format(id=record_id, age=age, gender=gender, height=height)
    body = "".join(f"{line}\n" for line in ("00:00,ICUType,3", "00:00,Weight,80", *lines))
    return f"{HEADER}\n{start}{body}"


def write_set(folder: Path, name: str, records: Mapping[str, str], outcomes: str) -> None:
    """Archive `set-<name>.tar.gz` of `records` (file name: text), and `Outcomes-<name>.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"set-{name}.tar.gz", "w:gz") as archive:
        for file, text in records.items():
            info = tarfile.TarInfo(f"set-{name}/{file}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    (folder / f"Outcomes-{name}.txt").write_text(f"{OUTCOMES}\n{outcomes}")


def write_sets(folder: Path) -> None:
    """Sets a (two patients) and b (one)."""
    write_set(
        folder,
        "a",
        {
            "1.txt": record(1, "00:30,HR,80", "47:59,HR,90"),
            "2.txt": record(2, "01:00,HR,70", age=40, gender=0),
        },
        "1,10,5,6,6,1\n2,5,1,9,-1,0\n",
    )
    write_set(folder, "b", {"3.txt": record(3, "02:00,HR,60")}, "3,5,1,-1,400,0\n")
