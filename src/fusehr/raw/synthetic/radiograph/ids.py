"""Ids of films: unique, of MIMIC-CXR's shape, the same for a patient whatever the cohort's size."""

from __future__ import annotations

import hashlib

import numpy as np

from fusehr.raw.synthetic.arrays import Ints
from fusehr.raw.synthetic.identifiers import ED_ONLY, MAX_PATIENTS, VISITS, subject_ids

STAY_FILMS = 4  # of one ICU stay at most
MAX_POOL = 1_000_000

_SLOTS = VISITS + ED_ONLY + VISITS * STAY_FILMS  # of one patient
_FIRST_POOL = MAX_PATIENTS * _SLOTS
_FIRST_SUBJECT = int(subject_ids(np.array([MAX_PATIENTS]))[0])  # above every patient of a cohort
_PRIME = 9_999_991  # as in identifiers; above _FIRST_POOL + MAX_POOL
_SCATTER = 7_654_321


def ed_studies(number: Ints, order: Ints, admitted: bool) -> Ints:
    """study_id of the film of an emergency visit: `order` of its admission, or among the others."""
    return _study(number * _SLOTS + order + (0 if admitted else VISITS))


def stay_studies(number: Ints, order: Ints, nth: Ints) -> Ints:
    """study_id of the `nth` film (0 to 3) of the ICU stay of a patient's visit."""
    return _study(number * _SLOTS + VISITS + ED_ONLY + order * STAY_FILMS + nth)


def pool_studies(number: Ints) -> Ints:
    """study_id of the films of the pool, 0 to MAX_POOL - 1."""
    return _study(_FIRST_POOL + number)


def pool_subjects(number: Ints) -> Ints:
    """subject_id of the people of the pool: rising, 1xxxxxxx, and no patient's of any cohort."""
    return _FIRST_SUBJECT + number + number // 11


def dicom_ids(study: Ints) -> list[str]:
    """Five groups of eight hexadecimal digits, one film a study."""
    digests = (hashlib.blake2b(b"%d" % s, digest_size=20).hexdigest() for s in study.tolist())
    return ["-".join(d[i : i + 8] for i in range(0, 40, 8)) for d in digests]


def _study(code: Ints) -> Ints:
    """5xxxxxxx: a permutation of the codes, so that order tells nothing."""
    return 50_000_000 + (np.asarray(code, dtype=np.int64) * _SCATTER + 141_421) % _PRIME
