"""Labels of findings as CheXpert's labeler reads them from reports: useful, and often wrong.

Irvin et al., CheXpert, AAAI 2019 (arXiv:1901.07031): 14 observations, each 1 (present), 0 (absent),
-1 (uncertain) or empty (not mentioned). How often each occurs is set near MIMIC-CXR-JPG's figures
(arXiv:1901.07042).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import expit

from fusehr.raw.synthetic.arrays import Bools, Ints, choose_each
from fusehr.raw.synthetic.radiograph.drawing import Drawn

CHEXPERT = "cxr/chexpert"
PRESENT, ABSENT, UNCERTAIN = 1, 0, -1
_VALUES = np.array([PRESENT, ABSENT, UNCERTAIN])
NOT_MENTIONED = -2  # written as an empty field


@dataclass(frozen=True)
class Reading:
    """How a finding is reported on: the share of films with each value. The rest is empty."""

    present: float
    absent: float
    uncertain: float

    def shares(self) -> tuple[float, float, float, float]:
        return (
            self.present,
            self.absent,
            self.uncertain,
            1 - self.present - self.absent - self.uncertain,
        )


# Lung Opacity where a lung shows one, and where none does. Reports name what is there more often
# than what is not. Of those mentioned as present or absent 87 % are right.
OPACITY, NO_OPACITY = Reading(0.77, 0.10, 0.05), Reading(0.09, 0.63, 0.03)
LARGE_HEART, SMALL_HEART = Reading(0.68, 0.03, 0.06), Reading(0.02, 0.13, 0.01)
LARGE, BORDERLINE = 0.53, 0.02  # heart ratio, and how soft the limit is
DEVICE, NO_DEVICE = Reading(0.93, 0.0, 0.0), Reading(0.04, 0.02, 0.0)

# No other finding is drawn: they are labels of chance, as far as the image goes.
BY_CHANCE = {
    "Atelectasis": Reading(0.20, 0.01, 0.045),
    "Consolidation": Reading(0.047, 0.035, 0.019),
    "Edema": Reading(0.12, 0.11, 0.058),
    "Enlarged Cardiomediastinum": Reading(0.032, 0.023, 0.041),
    "Fracture": Reading(0.02, 0.004, 0.002),
    "Lung Lesion": Reading(0.027, 0.004, 0.005),
    "Pleural Effusion": Reading(0.24, 0.12, 0.026),
    "Pleural Other": Reading(0.009, 0.001, 0.003),
    "Pneumonia": Reading(0.073, 0.107, 0.08),
    "Pneumothorax": Reading(0.046, 0.186, 0.005),
}
FINDINGS = tuple(
    sorted((*BY_CHANCE, "Cardiomegaly", "Lung Opacity", "No Finding", "Support Devices"))
)
SCHEMA = pa.schema(
    [("subject_id", pa.int64()), ("study_id", pa.int64())]
    + [(name, pa.int64()) for name in FINDINGS]
)


def draw_findings(rng: np.random.Generator, drawn: Drawn) -> dict[str, Ints]:
    """Labels (n,) by finding, in the file's order; NOT_MENTIONED where a report says nothing."""
    n = len(drawn.opacity)
    large = rng.random(n) < expit((drawn.people.heart_ratio - LARGE) / BORDERLINE)
    labels = {
        "Lung Opacity": _read(rng, drawn.opacity, OPACITY, NO_OPACITY),
        "Cardiomegaly": _read(rng, large, LARGE_HEART, SMALL_HEART),
        "Support Devices": _read(rng, drawn.devices.support(), DEVICE, NO_DEVICE),
    }
    anything = np.ones(n, dtype=bool)
    for name, reading in BY_CHANCE.items():
        labels[name] = _read(rng, anything, reading, reading)
    # the labeler's rule: nothing but devices is present or uncertain
    found = np.any(
        [np.isin(v, (PRESENT, UNCERTAIN)) for k, v in labels.items() if k != "Support Devices"],
        axis=0,
    )
    labels["No Finding"] = np.where(found, NOT_MENTIONED, PRESENT)
    return {name: labels[name] for name in FINDINGS}


def table(subject: Ints, study: Ints, labels: dict[str, Ints]) -> pa.Table:
    """Rows of cxr/chexpert."""
    columns = [pa.array(subject), pa.array(study)]
    columns += [pa.array(labels[name], mask=labels[name] == NOT_MENTIONED) for name in FINDINGS]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _read(rng: np.random.Generator, true: Bools, with_it: Reading, without: Reading) -> Ints:
    shares = np.where(true[:, None], with_it.shares(), without.shares())
    values = np.append(_VALUES, NOT_MENTIONED)
    return values[choose_each(rng, shares)]
