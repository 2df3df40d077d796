"""Stage `distill-teacher`: an LLM with adapters, fitted once a fold and once on all train texts."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.frame.tasks import Task
from fusehr.core.params.distill import TeacherParams


def main() -> None:
    """Read data/distill/data and data/tables; write data/distill/teacher."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from fusehr.distill.teacher.run import train_teachers

    params = stage_params("distill-teacher")
    with output_folder("data/distill/teacher") as folder:
        train_teachers(
            Path("data/distill/data"),
            Path("data/tables"),
            folder,
            params.section("distill.tasks", list[Task]),
            params.section("distill.teacher", TeacherParams),
        )
    say("distill-teacher: wrote data/distill/teacher")


if __name__ == "__main__":
    run(main)
