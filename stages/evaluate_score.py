"""Stage `evaluate-score`: one recipe's metrics, intervals and curves, by itself."""

import argparse
from pathlib import Path

from fusehr.core.frame import stage
from fusehr.core.frame.params import stage_params
from fusehr.core.params.evaluate import score_params
from fusehr.evaluate.scoring.score_recipe import score_recipe


def main() -> None:
    """Read the recipe's predictions, score every task and variant, write data/evaluate/<recipe>."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    recipe = parser.parse_args().recipe
    params = stage_params(f"evaluate-score@{recipe}")
    tasks = score_recipe(
        Path("data/train", recipe),
        Path("data/evaluate", recipe),
        score_params(params),
        step_hours=params.section("tables.deterioration.step_hours", int),
    )
    stage.say(f"{recipe}: scored {', '.join(tasks) or 'nothing'}")


if __name__ == "__main__":
    stage.run(main)
