"""What a kind of source makes of its files, for the rest of the conversion to go on with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import duckdb

from fusehr.core.frame.tasks import Task
from fusehr.core.params.tables import TablesParams
from fusehr.tables.quality import Dropped


class Relations(Protocol):
    """One kind of source.

    tasks: those that are reported on even where the source has no candidate of them.
    counted: what metrics/tables.json says of the source itself, and the relation whose rows it is.
    """

    @property
    def tasks(self) -> tuple[Task, ...]: ...

    @property
    def counted(self) -> Mapping[str, str]: ...

    def build(
        self, con: duckdb.DuckDBPyConnection, raw: Path, folder: Path, params: TablesParams
    ) -> list[Dropped]:
        """Create the relations below from the files in `raw`; what was dropped of each file.

        persons (patient_id, period, fold): everyone, once. period: text that orders in time, or
        null; fold: train, val or test where the source itself says so, else null.
        candidates (task, sample_id, patient_id, index_time, visit_id, stay_id, window_start,
        history_start, codes_through, left_out, competing): left_out: why it is no sample, or null.
        candidate_labels (sample_id, class, label_value, new_onset): boolean label_value.
        static, visits, stays, drugs, notes, images, image_pool: as core/frame/schemas.py has them.
        stay_times, ed_times: to be counted. `folder` gets images.npy and image_pool.npy.
        The tables `variables` and `horizons` are there already. Raises InputError where a file is
        broken.
        """
        ...

    def time_events(self, con: duckdb.DuckDBPyConnection) -> None:
        """Create events and dynamic (as in the schema) and item_lags (source, itemid, lag_seconds).

        Called when `splits` (patient_id, fold) is known, as lags are fitted on train patients.
        """
        ...
