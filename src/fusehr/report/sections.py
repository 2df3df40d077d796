"""The page's tables: which numbers of which file, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fusehr.core.frame.tasks import in_order
from fusehr.evaluate.figures.style import METRICS, TITLES
from fusehr.evaluate.gather import CEILINGS
from fusehr.evaluate.outputs import FULL, HEADLINE
from fusehr.evaluate.subgroups.groups import ANY


@dataclass(frozen=True)
class Table:
    """A titled table of words; cells are escaped by the template."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def leaderboards(
    board: dict[str, dict[str, dict[str, Any]]], metrics: pd.DataFrame, recipes: list[str]
) -> list[Table]:
    """A table a task; recipes by AUROC, ceilings last, and what was skipped with its reason."""
    mine = metrics[(metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)]
    cells = {
        (row["task"], row["recipe"], row["metric"]): _interval(row, "value", "low", "high")
        for row in mine.to_dict("records")
    }
    found = []
    for task in in_order(board):
        entries = board[task]
        shown = [metric for metric in METRICS if any(metric in e for e in entries.values())]
        order = sorted(
            (recipe for recipe in recipes if recipe in entries),
            key=lambda recipe: (recipe in CEILINGS, -entries[recipe].get("auroc", -1.0)),
        )
        rows = []
        for recipe in order:
            own = [cells.get((task, recipe, metric), "") or "-" for metric in shown]
            why = entries[recipe].get("skipped") or entries[recipe].get("undefined") or ""
            rows.append((f"{recipe} *" if recipe in CEILINGS else recipe, *own, why))
        head = ("Recipe", *(METRICS[metric] for metric in shown), "Without a score because")
        found.append(_filled(Table(_title(task), head, rows)))
    return found


def paired(frame: pd.DataFrame) -> list[Table]:
    """The comparisons that are tested, a table a claim."""
    head = ("Task", "Recipe", "Against", "Difference [95 %]", "p", "p by Holm", "Verdict")
    found = []
    for claim in sorted({claim for claim in frame["claim"] if claim}, reverse=True):
        rows = [
            (
                *(_title(row["task"]), row["recipe"], row["reference"]),
                _interval(row, "difference", "low", "high", signed=True),
                *(_number(row["p"]), _number(row["p_holm"]), row["verdict"]),
            )
            for row in frame[frame["claim"] == claim].to_dict("records")
        ]
        found.append(_filled(Table(claim.capitalize(), head, rows)))
    return found


def withheld(frame: pd.DataFrame) -> list[Table]:
    """What each recipe loses without a source of its inputs."""
    head = ("Task", "Recipe", "Without", "Full", "Without it", "Loss [95 %]")
    rows = [
        (
            *(_title(row["task"]), row["recipe"], row["withheld"]),
            *(_number(row["full"]), _number(row["without"])),
            _interval(row, "difference", "low", "high", signed=True),
        )
        for row in frame.to_dict("records")
    ]
    return [Table("What is lost when a source is withheld", head, rows)] if rows else []


def defects(frame: pd.DataFrame) -> list[Table]:
    """Published shortcuts beside their repair."""
    head = ("System", "Shortcut", "Version", "Data", "Metric", "Expected", "Value [95 %]")
    rows = [
        (
            *(row["system"], row["defect"], row["version"], row["data"], row["metric"]),
            *(row["expected"] or "-", _interval(row, "value", "low", "high")),
        )
        for row in frame.to_dict("records")
    ]
    return [Table("Published shortcuts and their repair", head, rows)] if rows else []


def subgroups(gaps: pd.DataFrame, frame: pd.DataFrame) -> list[Table]:
    """The worst groups, and every group of every recipe."""
    found = []
    if len(gaps):
        head = ("Task", "Recipe", "Worst group", "Behind by [95 %]", "Adjusted p", "Groups", "n")
        rows = [
            (
                *(_title(row["task"]), row["recipe"], row["worst"]),
                _interval(row, "gap", "gap_low", "gap_high", signed=True),
                *(_number(row["p"]), row["groups"], row["n"]),
            )
            for row in gaps[gaps["attribute"] == ANY].to_dict("records")
        ]
        found.append(Table("The worst group of each recipe and task", head, rows))
    if len(frame):
        head = ("Task", "Recipe", "Group", "Value [95 %]", "Behind by [95 %]", "n", "Patients")
        rows = [
            (
                *(_title(row["task"]), row["recipe"], f"{row['attribute']} {row['group']}"),
                _interval(row, "value", "low", "high") or row["reason"],
                _interval(row, "gap", "gap_low", "gap_high", signed=True) or "-",
                *(row["n"], row["n_patients"]),
            )
            for row in frame.to_dict("records")
        ]
        found.append(Table("Every group", (*head, "Events"), _with(rows, frame["n_positive"])))
    return found


def students(frame: pd.DataFrame) -> list[Table]:
    """Teacher and students."""
    head = ("Task", "Student", "Metric", "Value [95 %]", "Less hard [95 %]")
    rows = [
        (
            *(_title(row["task"]), row["student"], row["metric"]),
            _interval(row, "value", "low", "high") or row["reason"],
            _interval(row, "minus_hard", "minus_hard_low", "minus_hard_high", signed=True) or "-",
        )
        for row in frame.to_dict("records")
    ]
    return [Table("Teacher and students", head, rows)] if rows else []


def quality(tables: dict[str, Any]) -> list[Table]:
    """Rows read and kept, and rows dropped by reason; as metrics/tables.json shows them."""
    found = []
    if rows := tables.get("rows"):
        read = [(name, _count(n["read"]), _count(n["kept"])) for name, n in rows.items()]
        found.append(Table("Rows of the source", ("Table", "Read", "Kept"), read))
    if dropped := tables.get("dropped"):
        why = [
            (name, reason.replace("_", " "), _count(n))
            for name, reasons in dropped.items()
            for reason, n in reasons.items()
        ]
        found.append(Table("Rows dropped", ("Table", "Reason", "Rows"), why))
    return found


def parameters(tree: dict[str, Any]) -> list[tuple[str, str]]:
    """Every parameter by its dotted path."""
    found: list[tuple[str, str]] = []

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict) and node:
            for name, below in node.items():
                walk(below, f"{path}.{name}" if path else str(name))
        else:
            words = ", ".join(map(str, node)) if isinstance(node, list) else str(node)
            found.append((path, words))

    walk(tree, "")
    return found


def _with(rows: list[tuple[str, ...]], column: pd.Series) -> list[tuple[str, ...]]:
    return [(*row, str(cell)) for row, cell in zip(rows, column, strict=True)]


def _filled(table: Table) -> Table:
    """Without its last columns that are empty throughout."""
    width = len(table.head)
    while width > 1 and not any(row[width - 1] for row in table.rows):
        width -= 1
    return Table(table.title, table.head[:width], [row[:width] for row in table.rows])


def _title(task: str) -> str:
    return TITLES.get(task, task)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _number(text: str) -> str:
    return f"{float(text):.3f}" if text else ""


def _interval(row: Any, value: str, low: str, high: str, *, signed: bool = False) -> str:
    """`0.719 [0.650, 0.781]`; empty where there is no value."""
    if not row[value]:
        return ""
    form = "+.3f" if signed else ".3f"
    text = f"{float(row[value]):{form}}"
    if not row[low] or not row[high]:
        return text
    return f"{text} [{float(row[low]):{form}}, {float(row[high]):{form}}]"
