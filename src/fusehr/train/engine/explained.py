"""What networks say of a few samples, and the files that it is kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fusehr.core.explanation_schemas import EXPLANATIONS
from fusehr.core.frame.files import output_file, write_parquet


@dataclass(frozen=True)
class Explained:
    """What one fit says of some samples.

    table: a row a token, as `explain` gives it. maps: float32 (n_classes, h, w) under
    `<task>/<sample_id>`, empty where the network sees no pixels.
    """

    table: pd.DataFrame
    maps: Mapping[str, np.ndarray]


def write_explanations(folder: Path, explained: Sequence[Explained]) -> None:
    """Write `explanations.parquet` of all fits to `folder`; where there are maps, grad_cam.npz."""
    columns = [column.name for column in EXPLANATIONS.columns]
    tables = [one.table for one in explained if len(one.table)]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    write_parquet(folder / "explanations.parquet", table, EXPLANATIONS)
    maps = {name: one for part in explained for name, one in part.maps.items()}
    if maps:
        with output_file(folder / "grad_cam.npz") as partial, partial.open("wb") as file:
            # numpy stamps every member with the same time, so equal maps are equal bytes
            np.savez_compressed(file, **{name: maps[name] for name in sorted(maps)})  # type: ignore[arg-type]
