"""All defects: plots/defects.csv, and the same in words as plots/defects.md."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fusehr.core.frame.files import output_file
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects import (
    batch_norms,
    copied_labels,
    deaths,
    discharge_codes,
    row_split,
    single_token,
)
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.page import page
from fusehr.evaluate.defects.rows import as_frame


def table(tables: Path, params: DefectsParams) -> pd.DataFrame:
    """Every defect on the source at `tables`, system by system; see rows.Row for the columns."""
    estimator = Estimator(params.bootstrap_draws, params.seed, params.min_patients)
    frame = as_frame(
        [
            *row_split.rows(tables, params, estimator),
            *copied_labels.rows(tables, params, estimator),
            *deaths.rows(tables, params, estimator),
            *discharge_codes.rows(tables, params, estimator),
            *single_token.rows(params),
            *batch_norms.rows(params),
        ]
    )
    draws = pd.Series(params.bootstrap_draws, frame.index, dtype="Int64")
    return frame.assign(draws=draws.where(frame["low"].notna()), seed=params.seed)


def write_defects(tables: Path, plots: Path, params: DefectsParams) -> pd.DataFrame:
    """Write both files into `plots`; the table is returned."""
    frame = table(tables, params)
    with output_file(plots / "defects.csv") as partial:
        frame.to_csv(partial, index=False)
    with output_file(plots / "defects.md") as partial:
        partial.write_text(page(frame, params))
    return frame
