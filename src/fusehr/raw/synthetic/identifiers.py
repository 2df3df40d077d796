"""Ids of MIMIC's shape, unique, and the same for a patient whatever the number of patients.

subject_id rises with the patient's number, so that files written block by block are sorted by it;
the other ids are scattered, as MIMIC's are: their order tells nothing.
"""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic.arrays import Ints

STRIDE = 89  # subject ids lie this far apart on average
MAX_PATIENTS = 100_000  # what 8-digit ids have room for
VISITS = 8  # hospital visits of one patient at most
PLACES = 8  # of one visit: see the constants below
ED_ONLY = 4  # emergency visits without an admission, of one patient at most
IN_ED, ADMITTED, IN_ICU, ICU_MOVED, AFTER_ICU, DISCHARGED, AGAIN, AGAIN_OUT = range(PLACES)

_PRIME = 9_999_991  # below 10 million: 8-digit ids with one leading digit each
_SCATTER = 6_180_339


def subject_ids(number: Ints) -> Ints:
    """1xxxxxxx, rising with the patient's number but not evenly."""
    return 10_000_032 + number * STRIDE + (number * 31 + number // 7 * 17) % STRIDE


def hadm_ids(number: Ints, order: Ints, again: bool = False) -> Ints:
    """2xxxxxxx of a patient's visit; `again` is the second of two contiguous admissions."""
    code = number * (2 * VISITS) + order + (VISITS if again else 0)
    return 20_000_000 + _scatter(code)


def place_ids(number: Ints, order: Ints, place: int) -> Ints:
    """3xxxxxxx of a place within a visit: transfer_id, and stay_id where it is an ICU or ED."""
    return 30_000_000 + _scatter(number * _PER_PATIENT + order * PLACES + place)


def ed_only_ids(number: Ints, order: Ints) -> Ints:
    """3xxxxxxx of an emergency visit that led to no admission."""
    return 30_000_000 + _scatter(number * _PER_PATIENT + VISITS * PLACES + order)


def clip_numbers(block: int, row: Ints) -> Ints:
    """4xxxxxxx of a block's notes (fewer than 10,000): what a radiology report is filed under."""
    return 40_000_000 + _scatter(block * 10_000 + row)


_PER_PATIENT = VISITS * PLACES + ED_ONLY


def _scatter(code: Ints) -> Ints:
    """A permutation of 0 ... _PRIME - 1."""
    return (np.asarray(code, dtype=np.int64) * _SCATTER + 271_828) % _PRIME
