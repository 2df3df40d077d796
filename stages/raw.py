"""Stage `raw`: bring the tables of one source into data/raw, checked and listed."""

from fusehr.core.frame import stage
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.raw import sources


def main() -> None:
    """Read raw.source, let it write its tables, and put data/raw in place in one go."""
    params = stage_params("raw")
    source = params.section("raw.source", str)
    with output_folder("data/raw") as folder:
        sources.write(source, params, folder)


if __name__ == "__main__":
    stage.run(main)
