"""The whole card: plots/dataset.md, dataset.png and dataset_comparison.csv."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.files import output_file
from fusehr.core.mimic_files import read_manifest
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card.comparison import compare
from fusehr.tables.card.contents import count
from fusehr.tables.card.disclosure import hide_hours, hide_labels, hide_measures
from fusehr.tables.card.example import example
from fusehr.tables.card.measures import DECIMALS, by_hour, measure
from fusehr.tables.card.page import card
from fusehr.tables.card.picture.page import draw_page
from fusehr.tables.card.source import open_source

OPEN = "One stay above, the cohort below; numbers stand in dataset.md and dataset_comparison.csv."
RESTRICTED = (
    "The source is restricted: panels a, b and c, which show one patient, are left out, and so is "
    "what tells of fewer than {small} people."
)


def write_card(raw: Path, tables: Path, plots: Path, params: TablesParams) -> None:
    """Read the tables in `tables` and the source's manifest and graph in `raw`.

    Of a restricted source nothing about a single patient or a few is written. Raises InputError as
    source.open_source does.
    """
    manifest = read_manifest(raw)
    small = params.small_cell if manifest.restricted else 0
    with open_source(raw, tables, params) as con:
        measures, contents = measure(con), count(con, tables)
        hours = by_hour(con)
        stay = None if manifest.restricted else example(con, tables)
    labels = contents.labels
    if manifest.restricted:
        measures = hide_measures(measures, small=small)
        labels = hide_labels(labels, small=small)
        hours = hide_hours(hours, small=small)
    comparison = compare(measures, manifest.source)
    with output_file(plots / "dataset_comparison.csv") as partial:
        comparison.round(DECIMALS).to_csv(partial, index=False, lineterminator="\n")
    with output_file(plots / "dataset.md") as partial:
        partial.write_text(card(manifest, contents, comparison, labels, params))
    draw_page(
        plots / "dataset.png",
        title=f"Data set card: {manifest.source}",
        notice=RESTRICTED.format(small=small) if manifest.restricted else OPEN,
        stay=stay,
        with_stay=not manifest.restricted,
        comparison=comparison,
        by_hour=hours,
        labels=labels,
    )
