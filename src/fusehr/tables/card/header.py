"""The header of the card, which Hugging Face reads from a data set's README.

Its keys and their values are those of https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from fusehr.core.mimic_files import Manifest
from fusehr.tables.card.contents import Contents

CREDENTIALED = "PhysioNet Credentialed Health Data License 1.5.0"
TAGS = ("electronic-health-records", "medical")
# upper bounds of the hub's size_categories, with the names that it gives them
SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)
LARGEST = "n>100M"


@dataclass(frozen=True)
class Origin:
    """What the publisher of a source says of it.

    license: an identifier of the hub; link: page of a licence without one, at a version.
    """

    pretty_name: str
    license: str
    tags: tuple[str, ...] = ()
    link: str | None = None


ORIGINS = {
    "synthetic": Origin("Synthetic multimodal records in MIMIC-IV's layout", "mit", ("mimic-iv",)),
    "mimic4_demo": Origin("MIMIC-IV Clinical Database Demo 2.2", "odbl", ("mimic-iv",)),
    "mimic4": Origin(
        "MIMIC-IV {version}",
        "other",
        ("mimic-iv",),
        "https://physionet.org/content/mimiciv/view-license/{version}/",
    ),
    "mimic3": Origin(
        "MIMIC-III {version}",
        "other",
        ("mimic-iii",),
        "https://physionet.org/content/mimiciii/view-license/{version}/",
    ),
    "physionet2012": Origin("PhysioNet/CinC Challenge 2012", "odc-by"),
}


def header(manifest: Manifest, contents: Contents) -> str:
    """YAML between two lines of dashes: licence, name, size, tasks and tags of the source.

    The size is that of the table `samples`; the licence is the publisher's, and does not speak for
    a user's own notes. A folder of a user's own has none that is known here.
    """
    origin = ORIGINS.get(manifest.source, Origin(manifest.source, "unknown"))
    keys: dict[str, str | list[str]] = {
        "pretty_name": origin.pretty_name.format(version=manifest.version),
        "license": origin.license,
    }
    if origin.link:
        keys["license_name"] = CREDENTIALED.lower().replace(" ", "-")
        keys["license_link"] = origin.link.format(version=manifest.version)
    if contents.rows["notes"]:
        keys["language"] = ["en"]
    keys["size_categories"] = [size_category(contents.rows["samples"])]
    keys["task_categories"] = _tasks(contents)
    keys["tags"] = [*TAGS, *origin.tags, manifest.source.replace("_", "-")]
    return f"---\n{yaml.safe_dump(keys, sort_keys=False)}---"


def size_category(n: int) -> str:
    """The hub's name for a size of n samples."""
    return next((name for bound, name in SIZES if n < bound), LARGEST)


def _tasks(contents: Contents) -> list[str]:
    """Classification of whatever the source has: series and codes, notes, images."""
    found = {
        "tabular-classification": True,
        "text-classification": contents.rows["notes"] > 0,
        "image-classification": contents.images["with_pixels"] > 0,
    }
    return [name for name, there in found.items() if there]
