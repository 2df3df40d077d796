"""PyHealth's MIMIC4EHRDataset: files to its table of events, and the samples of one of its tasks.

    python pyhealth_events.py data/raw OUT [--workers 2]

The tables are patients, admissions, icustays, diagnoses, procedures, prescriptions and laboratory
values by the configuration that PyHealth ships, and chartevents, which it leaves out: added to the
configuration in the way in which labevents stands there. Every row becomes an event, whatever its
item, all attributes as text; events are sorted by patient and written as Parquet. The task is
InHospitalMortalityMIMIC4: laboratory values of the first 48 hours of an admission.

It does not do what stage `tables` does besides: no transfers, infusions, procedures of the ICU,
microbiology, emergency department or notes, no units, ranges or variables, no visits, and no other
tasks.

Three things let PyHealth, which asks for Python 3.12, run in Python 3.11 and without CUDA; none of
them does any of its work. It is given itertools.batched. Properties are cached without a lock, as
they are from Python 3.12 on; with it Dask waits for itself for ever. And its processors of images,
not used here, import torchvision, which beside a build of torch without CUDA asks for two
operators' names.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import more_itertools
import polars as pl
import torch
import yaml


class UnlockedProperty(functools.cached_property):
    """functools.cached_property as it is from Python 3.12 on."""

    def __init__(self, func: Callable[[Any], Any]) -> None:
        super().__init__(func)
        self.lock = contextlib.nullcontext()


functools.cached_property = UnlockedProperty  # type: ignore[misc]
itertools.batched = more_itertools.batched  # type: ignore[attr-defined]
for operator in ("torchvision::nms", "torchvision::qnms"):
    torch.library.define(operator, "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import pyhealth.datasets  # noqa: E402
from pyhealth.datasets import MIMIC4EHRDataset  # noqa: E402
from pyhealth.tasks import InHospitalMortalityMIMIC4  # noqa: E402

SHIPPED = Path(pyhealth.datasets.__file__).with_name("configs") / "mimic4_ehr.yaml"
TABLES = ["diagnoses_icd", "procedures_icd", "prescriptions", "labevents", "chartevents"]
CHARTEVENTS = {
    "file_path": "icu/chartevents.csv.gz",
    "patient_id": "subject_id",
    "join": [
        {
            "file_path": "icu/d_items.csv.gz",
            "on": "itemid",
            "how": "inner",
            "columns": ["label", "category"],
        }
    ],
    "timestamp": "charttime",
    "attributes": [
        "hadm_id",
        "stay_id",
        "itemid",
        "label",
        "category",
        "value",
        "valuenum",
        "valueuom",
        "storetime",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    config = yaml.safe_load(SHIPPED.read_text())
    config["tables"]["chartevents"] = CHARTEVENTS
    path = given.out / "mimic4_ehr.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    dataset = MIMIC4EHRDataset(
        root=str(given.raw.resolve()),
        tables=TABLES,
        config_path=str(path),
        cache_dir=str(given.out),
        num_workers=given.workers,
    )
    events = dataset.global_event_df.select(pl.len()).collect().item()
    samples = dataset.set_task(InHospitalMortalityMIMIC4())
    print(f"counted {events} events, {len(samples)} samples")


if __name__ == "__main__":  # workers import this file
    main()
