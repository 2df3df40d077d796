"""PrimeKG's two files: from a mirror's folder, or downloaded from Harvard Dataverse.

Chandak, Huang and Zitnik, Building a knowledge graph to enable precision medicine, Scientific Data
10:67, 2023; doi:10.7910/DVN/IXA7BM, CC0. Dataverse turns tables into tab-separated files of its
own making when it takes them in; `format=original` gives the file as it was deposited, which is the
one that the listed checksum belongs to.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusehr.core.cache_folder import cache_folder
from fusehr.core.download import fetch
from fusehr.core.frame.errors import InputError
from fusehr.core.params.rag import PrimeKgParams

MIRROR = "FUSEHR_MIRROR"
KG = ("kg.csv", "kg.csv.gz")
FEATURES = (
    "disease_features.csv",
    "disease_features.tab",
    "disease_features.csv.gz",
    "disease_features.tab.gz",
)
# Relations among diseases, drugs and phenotypes, as the names in PrimeKG's kg.csv.
LIGHT = (
    "contraindication",
    "indication",
    "off-label use",
    "drug_effect",
    "disease_phenotype_positive",
    "disease_phenotype_negative",
    "disease_disease",
    "exposure_disease",
)


@dataclass(frozen=True)
class Files:
    """Where the two files lie."""

    kg: Path
    features: Path


def files(params: PrimeKgParams) -> Files:
    """The two files, brought here first if need be.

    Raises InputError naming what is missing from the mirror, the address that does not answer, or
    the file whose checksum is not the listed one (its copy is removed then).
    """
    if mirror := os.environ.get(MIRROR):
        folder = Path(mirror) / "primekg"
        return Files(_in_mirror(folder, KG), _in_mirror(folder, FEATURES))
    folder = cache_folder("primekg")
    listed = _listed(params, folder)
    return Files(
        _downloaded(params, folder, listed, KG), _downloaded(params, folder, listed, FEATURES)
    )


def _in_mirror(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: expected one of {', '.join(names)} ({MIRROR}), found none")


def _listed(params: PrimeKgParams, folder: Path) -> list[dict[str, Any]]:
    """What Dataverse says of the data set's files."""
    url = f"{params.url.rstrip('/')}/api/datasets/:persistentId/?persistentId={params.doi}"
    listing = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    fetch(url, listing)
    try:
        found = json.loads(listing.read_text())["data"]["latestVersion"]["files"]
        return [file["dataFile"] for file in found]
    except (ValueError, LookupError, TypeError):
        listing.unlink()
        raise InputError(f"{url}: expected a data set of Dataverse, found something else") from None


def _downloaded(
    params: PrimeKgParams, folder: Path, listed: list[dict[str, Any]], names: tuple[str, ...]
) -> Path:
    for file in listed:
        original = file.get("originalFileName")
        name = str(original or file.get("filename"))
        if name not in names:
            continue
        path = folder / name
        query = "?format=original" if original else ""
        url = f"{params.url.rstrip('/')}/api/access/datafile/{file['id']}{query}"
        fetch(url, path)
        _check(path, str(file.get("md5", "")), url)
        return path
    raise InputError(
        f"{params.url}: {params.doi}: expected a file named {' or '.join(names)}, found none"
    )


def _check(path: Path, expected: str, url: str) -> None:
    """Against the listed MD5, once: a file named after the checksum remembers that it held."""
    seal = path.with_name(f"{path.name}.{expected}.sound")
    if seal.exists():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != expected.lower():
        path.unlink()
        raise InputError(f"{url}: expected MD5 {expected or 'in the listing'}, found {found}")
    seal.touch()
