"""Which group of patients each sample belongs to: age band, sex, type of admission.

All three are those of the visit that holds the sample's index. The tables know a patient's age in
whole years at that visit. The type of admission may be decided after the index (of triage it is):
it sorts results here and is no input of any recipe.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_parquet
from fusehr.core.frame.schemas import SAMPLES, STATIC
from fusehr.core.metrics import Array

AGE, SEX, ADMISSION_TYPE = "age", "sex", "admission_type"
ATTRIBUTES = (AGE, SEX, ADMISSION_TYPE)
ANY = "any"  # the groups of all attributes
UNKNOWN = "unknown"


def sample_groups(tables: Path, age_bounds: list[int]) -> pd.DataFrame:
    """Columns ATTRIBUTES, ordered categories; index sample_id. `tables` is data/tables.

    Raises InputError where the visit of a sample is not among those of `static`.
    """
    columns = ["sample_id", "visit_id"]
    samples = read_parquet(tables / "samples.parquet", SAMPLES, columns=columns)
    columns = ["visit_id", *ATTRIBUTES]
    static = read_parquet(tables / "static.parquet", STATIC, columns=columns)
    if not samples["visit_id"].isin(static["visit_id"]).all():
        raise InputError(
            f"{tables}/static.parquet: column visit_id: expected the visit of every sample, "
            "found samples of other visits"
        )
    found = samples.merge(static, on="visit_id", how="left").set_index("sample_id")
    types = found[ADMISSION_TYPE].fillna(UNKNOWN)
    return pd.DataFrame(
        {
            AGE: age_bands(found[AGE].to_numpy(float), age_bounds),
            SEX: pd.Categorical(found[SEX].replace("U", UNKNOWN), ["F", "M", UNKNOWN]),
            ADMISSION_TYPE: pd.Categorical(types, sorted(set(types))),
        },
        index=found.index,
    )


def age_bands(ages: Array, bounds: list[int]) -> pd.Categorical:
    """The band of each age (n,), nan unknown; [18, 45] gives `under 18`, `18-44` and `45+`."""
    names = [f"under {bounds[0]}"]
    names += [f"{low}-{high - 1}" if high - low > 1 else f"{low}" for low, high in pairwise(bounds)]
    names += [f"{bounds[-1]}+", UNKNOWN]
    codes = np.searchsorted(bounds, ages, side="right")
    codes = np.where(np.isnan(ages), len(names) - 1, codes)
    return pd.Categorical([names[code] for code in codes], categories=names)
