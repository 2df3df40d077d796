"""Stage `evaluate-cards`: a card for each model on the leaderboard."""

from pathlib import Path
from typing import Any

from fusehr.core.frame import stage
from fusehr.core.frame.params import stage_params
from fusehr.core.params.distill import STUDENT
from fusehr.evaluate.cards.write import write_cards
from fusehr.evaluate.students.names import ON_BOARD, TEACHER


def main() -> None:
    """Write plots/cards from the leaderboard, its table, the gaps of subgroups and parameters."""
    params = stage_params("evaluate-cards")
    recipes: dict[str, Any] = params.section("recipes", dict[str, Any])
    models = recipes | {
        ON_BOARD[TEACHER]: params.section("distill.teacher", dict[str, Any]),
        ON_BOARD[STUDENT]: params.section("distill.student", dict[str, Any]),
    }
    source = params.section("raw.source", str)
    names = write_cards(
        Path(), models, source=source, seeds=params.section("train.seeds", list[int])
    )
    stage.say(f"evaluate-cards: wrote {len(names)} cards to plots/cards")


if __name__ == "__main__":
    stage.run(main)
