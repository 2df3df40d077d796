"""Stage `tables` with the parameters of params.yaml but memory; or, with --splits, its events."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow.parquet as pq
import yaml
from pydantic import TypeAdapter

from fusehr.core.frame.schemas import DYNAMIC
from fusehr.core.params.tables import TablesParams
from fusehr.tables import convert, database
from fusehr.tables.mimic4.build import attach_mimic4

PARAMS = Path(__file__).parents[2] / "params.yaml"
EVENTS = ("01_admissions", "02_stays", "03_ed", "06_supports", "07_events", "10_dynamic")


def events(raw: Path, folder: Path, splits: Path, params: TablesParams) -> None:
    """The table `dynamic` alone, by the stage's own SQL, for folds that are given."""
    folder.mkdir()
    spill = folder / "spill"
    with database.open_database(spill, threads=params.threads, memory_mb=params.memory_mb) as con:
        convert.settings(con, params)
        convert.declare_variables(con)
        attach_mimic4(con, raw, params)
        con.from_parquet(str(splits)).create("splits")
        for name in EVENTS:
            database.run_sql(con, f"mimic4/{name}.sql")
        database.save(con, "dynamic", folder, DYNAMIC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--splits", type=Path)
    given = parser.parse_args()
    block = yaml.safe_load(PARAMS.read_text())["tables"] | {"memory_mb": given.memory_mb}
    params = TypeAdapter(TablesParams).validate_python(block)
    given.out.mkdir(parents=True, exist_ok=True)
    tables = given.out / "tables"
    if given.splits:
        events(given.raw, tables, given.splits, params)
    else:
        convert.convert(given.raw, tables, given.out / "tables.json", params)
    print(f"counted {pq.read_metadata(tables / 'dynamic.parquet').num_rows}")


if __name__ == "__main__":
    main()
