"""Stage `distill-data`: what is known of each sample in words, the question and its answer."""

from __future__ import annotations

from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.frame.tasks import Task
from fusehr.core.params.distill import DataParams
from fusehr.distill.data.write import write_data


def main() -> None:
    """Read data/raw (titles of codes), data/tables and data/rag; write data/distill/data."""
    params = stage_params("distill-data")
    tasks = params.section("distill.tasks", list[Task])
    data = params.section("distill.data", DataParams)
    with output_folder("data/distill/data") as folder:
        found = write_data(
            Path("data/raw"), Path("data/tables"), Path("data/rag"), folder, tasks, data
        )
    say(
        f"distill-data: {found['texts']} texts, {found['unlabelled']} of them without a label, "
        f"of {found['mean_characters']} characters on average"
    )


if __name__ == "__main__":
    run(main)
