"""The leaderboard as the Markdown table that the README shows."""

from __future__ import annotations

from typing import Any

from fusehr.core.frame.tasks import in_order


def as_markdown(board: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Recipes by tasks: AUROC (AUPRC), a dash where skipped; `board` is metrics/leaderboard.json.

    Recipes stand in the order of their mean AUROC, so that floors come first and ceilings last; one
    that every task skipped is left out.
    """
    tasks = in_order(board)
    scored = [name for name in board[tasks[0]] if any("auroc" in board[t][name] for t in tasks)]
    recipes = sorted(scored, key=lambda recipe: _mean(board, recipe))
    lines = [f"| recipe | {' | '.join(tasks)} |", f"|---|{'---|' * len(tasks)}"]
    for recipe in recipes:
        cells = [_cell(board[task][recipe]) for task in tasks]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(board: dict[str, dict[str, dict[str, Any]]], recipe: str) -> float:
    values = [one[recipe]["auroc"] for one in board.values() if "auroc" in one[recipe]]
    return sum(values) / len(values)


def _cell(entry: dict[str, Any]) -> str:
    return f"{entry['auroc']:.3f} ({entry['auprc']:.3f})" if "auroc" in entry else "-"
