"""Where the file of each MIMIC table lies, as data/raw/manifest.json describes it.

Synthetic and demo tables lie in data/raw itself. The full MIMIC-IV and MIMIC-III may not be copied,
so they are read in place: an environment variable names the folder, which differs from host to host
and is therefore written nowhere. Two groups with the same release get the same manifest, whatever
their layout.

Below FUSEHR_MIMIC4 each part (hosp, icu, ed, note, cxr) is looked for in this order:

1. flat: `<part>/`, for example `hosp/patients.csv.gz`, `cxr/metadata.csv.gz`;
2. PhysioNet's own folders, as `wget -r` leaves them: `mimiciv/<raw.mimic4.version>/hosp/`, and, in
   the highest version there, `mimic-iv-ed/<version>/ed/`, `mimic-iv-note/<version>/note/`,
   `mimic-cxr-jpg/<version>/mimic-cxr-2.0.0-{metadata,chexpert}.csv.gz`.

A part is taken whole from one folder: two releases are never mixed within it.

Below FUSEHR_MIMIC3 lie MIMIC-III's files, `PATIENTS.csv.gz` or unpacked `PATIENTS.csv`, or
PhysioNet's own folder of them, `mimiciii/<raw.mimic3.version>/`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from fusehr.core import mimic3_layout, mimic_layout
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.mimic_layout import REQUIRED_PARTS, MimicTable, Part

RAW = Path("data/raw")
MANIFEST = "manifest.json"
IMAGE_SHARDS = "cxr/images-*.tar"

PROJECTS: dict[Part, str] = {
    "hosp": "mimiciv",
    "icu": "mimiciv",
    "ed": "mimic-iv-ed",
    "note": "mimic-iv-note",
    "cxr": "mimic-cxr-jpg",
}
# version 2.1.0 keeps these names too
CXR_NAMES = {
    "metadata": "mimic-cxr-2.0.0-metadata.csv.gz",
    "chexpert": "mimic-cxr-2.0.0-chexpert.csv.gz",
}


@dataclass(frozen=True)
class FileEntry:
    """One file: its path below data/raw (or the name it has in that layout), bytes, SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What data/raw holds. `version` is the release of MIMIC where it is read in place."""

    source: str
    restricted: bool
    files: tuple[FileEntry, ...]
    version: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The manifest's content, files sorted by name."""
        content: dict[str, Any] = {
            "source": self.source,
            "restricted": self.restricted,
            "files": [asdict(entry) for entry in sorted(self.files, key=lambda e: e.name)],
        }
        return content if self.version is None else content | {"version": self.version}


def read_manifest(raw: Path = RAW) -> Manifest:
    """The manifest in `raw`, or InputError naming the file and what it lacks."""
    path = raw / MANIFEST
    content = read_json(path)
    try:
        return Manifest(
            source=content["source"],
            restricted=content["restricted"],
            files=tuple(FileEntry(**entry) for entry in content["files"]),
            version=content.get("version"),
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected source, restricted and files (name, size, sha256), found {error}"
        ) from None


def resolve(key: str, raw: Path = RAW) -> Path:
    """Path of the file of table `key` (`hosp/patients`, `mimic3/patients`), readable and of the
    size in the manifest.

    Raises InputError when the table is unknown, the variable that names the release's folder is
    needed and unset, the file is missing, or its size differs: then it was replaced after the stage
    `raw` checked it.
    """
    layout = mimic3_layout if key.startswith("mimic3/") else mimic_layout
    wanted = layout.table(key)
    manifest = read_manifest(raw)
    entry = _entry(manifest, wanted.file, raw)
    path, shown = raw / entry.name, f"{raw / entry.name}"
    release = IN_PLACE.get(manifest.source)
    if release and not path.exists() and not wanted.additional:
        root = release.root()
        path = release.locate(root, wanted, manifest.version or "")
        shown = release.shown(root, path)
    _check_file(path, entry, shown, raw)
    return path


def listed_file(name: str, raw: Path = RAW) -> Path:
    """Path of the file `name` of `raw`, there and of the size in the manifest.

    Raises InputError where it is not.
    """
    entry, path = _entry(read_manifest(raw), name, raw), raw / name
    _check_file(path, entry, str(path), raw)
    return path


def image_shards(raw: Path = RAW) -> list[Path]:
    """The tar files of chest images that the manifest lists; see `listed_files`."""
    return listed_files(IMAGE_SHARDS, raw)


def listed_files(pattern: str, raw: Path = RAW) -> list[Path]:
    """The files that the manifest lists under names like `pattern` (* crosses folders), sorted.

    Raises InputError where one is missing or has another size than the manifest says.
    """
    entries = [entry for entry in read_manifest(raw).files if fnmatch(entry.name, pattern)]
    for entry in entries:
        _check_file(raw / entry.name, entry, f"{raw / entry.name}", raw)
    return sorted(raw / entry.name for entry in entries)


def _entry(manifest: Manifest, name: str, raw: Path) -> FileEntry:
    entry = next((entry for entry in manifest.files if entry.name == name), None)
    if entry is None:
        raise InputError(f"{raw / MANIFEST}: expected {name} among its files, found none")
    return entry


def _check_file(path: Path, entry: FileEntry, shown: str, raw: Path) -> None:
    if not path.is_file():
        raise InputError(f"{shown}: expected a file, found none; run `dvc repro raw`")
    if (found := path.stat().st_size) != entry.size:
        raise InputError(
            f"{shown}: expected {entry.size} bytes as in {raw / MANIFEST}, found {found}; "
            "if the new file is right, run `dvc repro -f raw`"
        )


def named_folder(variable: str, content: str) -> Path:
    """The folder that an environment variable names; InputError where it is unset or no folder.

    content: what is to be found there, for the message.
    """
    root = _named(variable, f"the folder that holds {content}")
    if not root.is_dir():
        raise InputError(f"environment variable {variable}: expected a folder, found {root}")
    return root


def named_file(variable: str, kind: str) -> Path:
    """The file that an environment variable names; InputError where it is unset or no file.

    kind: what file it is to be, for the message.
    """
    path = _named(variable, kind)
    if not path.is_file():
        raise InputError(f"environment variable {variable}: expected {kind}, found {path}")
    return path


def _named(variable: str, expected: str) -> Path:
    value = os.environ.get(variable, "")
    if not value:
        raise InputError(f"environment variable {variable}: expected {expected}, found it unset")
    return Path(value)


@dataclass(frozen=True)
class Release:
    """A release that is read in place.

    variable: the environment variable that names its folder; content: what is to be found there;
    places: from that folder, a table and a version, where the table's file may lie.
    """

    variable: str
    content: str
    places: Callable[[Path, MimicTable, str], list[Path]]

    def root(self) -> Path:
        """The folder that the variable names; InputError where it is unset or no folder."""
        return named_folder(self.variable, self.content)

    def locate(self, root: Path, wanted: MimicTable, version: str) -> Path:
        """The file of `wanted` below `root`, by the order in this module's docstring.

        Raises InputError naming the places looked at.
        """
        places = self.places(root, wanted, version)
        for place in places:
            if place.is_file():
                return place
        shown = " or ".join(self.shown(root, place) for place in places)
        raise InputError(f"{wanted.file}: expected {shown}, found no such file")

    def shown(self, root: Path, path: Path) -> str:
        """`path` as messages show it: below the variable, without the host's folders."""
        return f"${self.variable}/{path.relative_to(root).as_posix()}"


def _mimic4_places(root: Path, wanted: MimicTable, version: str) -> list[Path]:
    flat = root / wanted.part
    if not flat.is_dir():
        return [_nested(root, wanted, version)]
    names = [f"{wanted.name}.csv.gz"]
    if wanted.part == "cxr":
        names.append(CXR_NAMES[wanted.name])
    return [flat / name for name in names]


def _nested(root: Path, wanted: MimicTable, version: str) -> Path:
    project = root / PROJECTS[wanted.part]
    if wanted.part not in REQUIRED_PARTS:
        version = _highest_version(project)
    if wanted.part == "cxr":
        return project / version / CXR_NAMES[wanted.name]
    return project / version / wanted.part / f"{wanted.name}.csv.gz"


def _highest_version(project: Path) -> str:
    """Highest of the folders named like 2.2 or 2.0.0; `<version>` where there is none."""
    found = [p.name for p in project.glob("*") if re.fullmatch(r"\d+(\.\d+)*", p.name)]
    return max(found, key=lambda v: [int(n) for n in v.split(".")], default="<version>")


def _mimic3_places(root: Path, wanted: MimicTable, version: str) -> list[Path]:
    project = root / "mimiciii"
    folder = project / version if project.is_dir() else root
    return [folder / f"{wanted.name.upper()}{ending}" for ending in (".csv.gz", ".csv")]


MIMIC4 = Release(
    "FUSEHR_MIMIC4",
    "MIMIC-IV (hosp/, icu/, ... or PhysioNet's mimiciv/<version>/)",
    _mimic4_places,
)
MIMIC3 = Release(
    "FUSEHR_MIMIC3",
    "MIMIC-III (PATIENTS.csv.gz, ... or PhysioNet's mimiciii/<version>/)",
    _mimic3_places,
)
IN_PLACE = {"mimic4": MIMIC4, "mimic3": MIMIC3}
