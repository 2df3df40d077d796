"""Stage `evaluate-students`: teacher and students scored and compared with each other."""

from pathlib import Path

from fusehr.core.frame import stage
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.tasks import Task
from fusehr.core.params.distill import Variant
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.core.params.raw import RESTRICTED
from fusehr.evaluate.students.report import evaluate_students


def main() -> None:
    """Read what the room `distill` predicted; write scores, tables, a page, a picture, numbers."""
    params = stage_params("evaluate-students")
    text = evaluate_students(
        Path(),
        params.section("evaluate", EvaluateParams),
        tasks=params.section("distill.tasks", list[Task]),
        variants=params.section("distill.student.variants", list[Variant]),
        step_hours=params.section("tables.deterioration.step_hours", int),
        restricted=params.section("raw.source", str) in RESTRICTED,
    )
    stage.say(text)


if __name__ == "__main__":
    stage.run(main)
