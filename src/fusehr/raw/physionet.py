"""Files of a project on PhysioNet: from a mirror's folder, or downloaded into the user's cache.

The cache lies outside the workspace (FUSEHR_CACHE, else the user's cache folder), so that a
download which broke off resumes although DVC removes the outputs of a failed stage. Deleting it
changes no output.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fusehr.core.cache_folder import cache_folder
from fusehr.core.download import fetch
from fusehr.core.frame.errors import InputError

MIRROR = "FUSEHR_MIRROR"


class Origin(Protocol):
    """Where a project's files come from."""

    def file(self, name: str) -> Path:
        """Path of the file, brought here first if need be; InputError where there is none."""
        ...

    def refuse(self, name: str) -> None:
        """The file proved wrong: forget any copy of it, so that the next run fetches it anew."""
        ...


@dataclass(frozen=True)
class Mirror:
    """A folder laid out as PhysioNet lays out /files; only ever read."""

    folder: Path

    def file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise InputError(f"{path}: expected a file of the mirror ({MIRROR}), found none")
        return path

    def refuse(self, name: str) -> None:
        pass


@dataclass(frozen=True)
class Download:
    """The project's folder at `url`, kept in `folder`."""

    url: str
    folder: Path

    def file(self, name: str) -> Path:
        path = self.folder / name
        fetch(f"{self.url.rstrip('/')}/{name}", path)
        return path

    def refuse(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def origin(project: str, url: str) -> Origin:
    """Origin of `project` (`mimic-iv-demo/2.2`): the mirror if FUSEHR_MIRROR is set, else `url`."""
    if mirror := os.environ.get(MIRROR):
        return Mirror(Path(mirror) / project)
    return Download(url, cache_folder("physionet") / project)


def checksums(text: str) -> dict[str, str]:
    """SHA-256 by file name from a SHA256SUMS.txt: a line each, `#` starts a comment."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if not line.startswith("#"))
    return {
        pair[1].strip().removeprefix("*").removeprefix("./"): pair[0].lower()
        for pair in pairs
        if len(pair) == 2 and len(pair[0]) == 64
    }
