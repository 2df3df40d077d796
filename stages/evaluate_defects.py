"""Stage `evaluate-defects`: published shortcuts beside their repair, as a table and a page."""

from pathlib import Path

from fusehr.core.frame import stage
from fusehr.core.frame.params import stage_params
from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.report import write_defects


def main() -> None:
    """Read data/tables, write plots/defects.csv and plots/defects.md."""
    params = stage_params("evaluate-defects").section("defects", DefectsParams)
    frame = write_defects(Path("data/tables"), Path("plots"), params)
    shown = int(frame["value"].notna().sum())
    stage.say(
        f"evaluate-defects: {frame['defect'].nunique()} defects, {shown} of {len(frame)} numbers"
    )


if __name__ == "__main__":
    stage.run(main)
