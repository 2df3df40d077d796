"""Stage `distill-student`: small students of the teacher, in several ways; one is exported."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.frame.tasks import Task
from fusehr.core.params.distill import StudentParams, TeacherParams
from fusehr.core.params.train import Seeds


def main() -> None:
    """Read data/distill and data/tables; write data/distill/students."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from fusehr.distill.student.run import train_students

    params = stage_params("distill-student")
    with output_folder("data/distill/students") as folder:
        train_students(
            Path("data/distill/data"),
            Path("data/tables"),
            Path("data/distill"),
            folder,
            tasks=params.section("distill.tasks", list[Task]),
            seeds=params.section("train.seeds", Seeds),
            teacher=params.section("distill.teacher", TeacherParams),
            params=params.section("distill.student", StudentParams),
        )
    say("distill-student: wrote data/distill/students")


if __name__ == "__main__":
    run(main)
