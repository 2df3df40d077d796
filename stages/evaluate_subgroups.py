"""Stage `evaluate-subgroups`: performance within groups of test patients by age, sex, admission."""

from pathlib import Path

from fusehr.core.frame import stage
from fusehr.core.frame.params import lookup, read_yaml, stage_params
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.core.params.raw import RESTRICTED
from fusehr.evaluate.students.names import ON_BOARD, predicted_in
from fusehr.evaluate.subgroups.report import evaluate_subgroups


def main() -> None:
    """Score the recipes that params.yaml names, of those whose predictions dvc.yaml lists."""
    params = stage_params("evaluate-subgroups")
    deps = lookup(read_yaml(Path("dvc.yaml")), "stages.evaluate-subgroups.deps", file="dvc.yaml")
    files = [Path(dep) for dep in deps if dep.endswith("/predictions.parquet")]
    distilled = {predicted_in(name): recipe for name, recipe in ON_BOARD.items()}
    text = evaluate_subgroups(
        Path(),
        {distilled.get(file.parent, file.parent.name): file for file in files},
        params.section("evaluate", EvaluateParams),
        restricted=params.section("raw.source", str) in RESTRICTED,
    )
    stage.say(text)


if __name__ == "__main__":
    stage.run(main)
