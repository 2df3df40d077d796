"""Stage `distill-soft-labels`: what teachers say of patients whom they never saw."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run, say
from fusehr.core.frame.tasks import Task
from fusehr.core.params.distill import TeacherParams


def main() -> None:
    """Read data/distill/data, data/distill/teacher, data/tables; write data/distill/soft_labels."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from fusehr.distill.soft_labels.run import soft_labels

    params = stage_params("distill-soft-labels")
    with output_folder("data/distill/soft_labels") as folder:
        told = soft_labels(
            Path("data/distill/data"),
            Path("data/tables"),
            Path("data/distill/teacher"),
            folder,
            params.section("distill.tasks", list[Task]),
            params.section("distill.teacher", TeacherParams),
        )
    for task, rounds in told.items():
        for name, one in rounds.items():
            say(
                f"distill-soft-labels: {task}, round {name}: {one['labelled']:,} labelled texts, "
                f"out-of-fold AUROC {one['out_of_fold_auroc']:.3f}; {one['unlabelled']:,} others"
            )


if __name__ == "__main__":
    run(main)
