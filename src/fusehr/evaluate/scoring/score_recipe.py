"""From one recipe's folder under data/train to its folder under data/evaluate."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.files import (
    output_folder,
    read_json,
    read_parquet,
    write_json,
    write_parquet,
)
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.params.evaluate import ScoreParams
from fusehr.evaluate.outputs import TABLES
from fusehr.evaluate.scoring.conditions import conditions
from fusehr.evaluate.scoring.score import score


def score_recipe(
    trained: Path, target: Path, params: ScoreParams, *, step_hours: float
) -> tuple[str, ...]:
    """Score the predictions in `trained`, write the tables of outputs.py to `target`.

    step_hours: what one deterioration window stands for. Returns the tasks that were scored.
    Raises InputError where the predictions are not regular; nothing is written then.
    """
    source = trained / "predictions.parquet"
    found = conditions(read_parquet(source, PREDICTIONS), source=str(source))
    tables, not_recalibrated = score(found, params, step_hours=step_hours)
    with output_folder(target) as folder:
        for schema in TABLES:
            write_parquet(folder / f"{schema.name}.parquet", tables[schema.name], schema)
        write_json(folder / "skipped.json", read_json(trained / "skipped.json"))
        write_json(folder / "not_recalibrated.json", not_recalibrated)
    return tuple(sorted(set(tables["labels"]["task"])))
