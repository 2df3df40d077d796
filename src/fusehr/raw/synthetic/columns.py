"""Arrow types of MIMIC-IV's columns, and tables built from arrays.

Columns and their order are those of core.mimic_layout; here stands only how each is typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fusehr.core import mimic_layout
from fusehr.raw.synthetic.arrays import Ints

TIME = pa.timestamp("s")

_INTS = (
    "subject_id", "hadm_id", "stay_id", "transfer_id", "caregiver_id", "itemid", "anchor_age",
    "anchor_year", "hospital_expire_flag", "seq_num", "icd_version", "pharmacy_id", "poe_seq",
    "labevent_id", "specimen_id", "warning", "microevent_id", "micro_specimen_id", "spec_itemid",
    "test_seq", "test_itemid", "org_itemid", "isolate_num", "ab_itemid", "orderid", "linkorderid",
    "isopenbag", "continueinnextdept", "acuity", "doses_per_24_hrs",
)  # fmt: skip
_FLOATS = (
    "los", "valuenum", "ref_range_lower", "ref_range_upper", "dilution_value", "amount", "rate",
    "patientweight", "totalamount", "originalamount", "originalrate", "ORIGINALAMOUNT",
    "ORIGINALRATE", "lownormalvalue", "highnormalvalue", "temperature", "heartrate", "resprate",
    "o2sat", "sbp", "dbp",
)  # fmt: skip
_TIMES = (
    "admittime", "dischtime", "deathtime", "edregtime", "edouttime", "intime", "outtime",
    "charttime", "storetime", "starttime", "stoptime", "endtime", "storedate",
)  # fmt: skip
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(_INTS, pa.int64()),
    **dict.fromkeys(_FLOATS, pa.float64()),
    **dict.fromkeys(_TIMES, TIME),
    "dod": pa.date32(),
}
# The same name has another type here than in the other tables.
_EXCEPTIONS: dict[tuple[str, str], pa.DataType] = {
    ("icu/procedureevents", "value"): pa.float64(),
    ("hosp/procedures_icd", "chartdate"): pa.date32(),
    ("hosp/microbiologyevents", "chartdate"): TIME,
}


def schema(key: str) -> pa.Schema:
    """Columns of a table (`hosp/patients`) with their types, in MIMIC's order; the rest is text."""
    return pa.schema(
        [
            (name, _EXCEPTIONS.get((key, name), _TYPES.get(name, pa.string())))
            for name in mimic_layout.table(key).columns
        ]
    )


def words(vocabulary: Sequence[str], index: Ints) -> pa.Array:
    """Text column: vocabulary[index], empty where the index is negative."""
    positions = pa.array(index, mask=np.asarray(index) < 0)
    return pa.array(vocabulary, pa.string()).take(positions)


def build(key: str, columns: Mapping[str, Any]) -> pa.Table:
    """The table `key` from arrays; columns that are not given are empty.

    Negative numbers in integer and time columns, and NaN, become empty fields. A text column takes
    an Arrow array, a list, or one string for every row.
    """
    wanted = schema(key)
    unknown = set(columns) - set(wanted.names)
    if unknown:
        raise KeyError(f"{key} has no column {', '.join(sorted(unknown))}")
    rows = max(len(value) for value in columns.values() if not isinstance(value, str))
    return pa.Table.from_arrays(
        [_column(field.type, columns.get(field.name), rows) for field in wanted], schema=wanted
    )


def _column(kind: pa.DataType, value: Any, rows: int) -> pa.Array:
    if value is None:
        return pa.nulls(rows, kind)
    if isinstance(value, str):
        return pa.repeat(pa.scalar(value), rows)
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if pa.types.is_string(kind):
        return pa.array(value, kind)
    value = np.asarray(value)
    if pa.types.is_floating(kind):
        return pa.array(value.astype(np.float64), kind, from_pandas=True)
    missing = value < 0
    if pa.types.is_date(kind):
        return pa.array((value // 86_400).astype(np.int32), pa.int32(), mask=missing).cast(kind)
    return pa.array(value.astype(np.int64), pa.int64(), mask=missing).cast(kind)
