"""Stage `evaluate`: the leaderboard, tables and pictures from the scores of all recipes."""

from pathlib import Path

from fusehr.core.frame import stage
from fusehr.core.frame.params import lookup, read_yaml, stage_params
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.core.params.raw import RESTRICTED
from fusehr.evaluate.report import report


def main() -> None:
    """Compare the recipes whose scores dvc.yaml lists as this stage's inputs, in that order."""
    params = stage_params("evaluate")
    deps = lookup(read_yaml(Path("dvc.yaml")), "stages.evaluate.deps", file="dvc.yaml")
    recipes = tuple(Path(dep).name for dep in deps if dep.startswith("data/evaluate/"))
    text = report(
        Path(),
        recipes,
        params.section("evaluate", EvaluateParams),
        restricted=params.section("raw.source", str) in RESTRICTED,
    )
    stage.say(text)


if __name__ == "__main__":
    stage.run(main)
