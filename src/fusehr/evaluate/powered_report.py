"""What the powered run says, as Markdown: the board, and each claim, whichever way it fell.

Every number is taken from the tables that the run wrote, so that the text cannot say what they do
not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.tasks import in_order
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.evaluate.compare import NONINFERIOR, NONINFERIORITY, SUPERIOR, SUPERIORITY, WORSE
from fusehr.evaluate.gather import ATTAINABLE, CEILINGS
from fusehr.evaluate.outputs import FULL, HEADLINE
from fusehr.evaluate.pairs import sign

Row = Mapping[Any, Any]

NOTHING = "-"
SILENCED = "silenced.csv"
UNIMODAL = "unimodal.csv"
SILENT = ("notes", "summary", "images")
MOST_GAIN = 0.01  # that may be left in the interval of a gain from nothing


def powered_report(folder: Path) -> str:
    """Markdown from `folder`, which holds a run's metrics/, plots/, params.yaml and commit.txt.

    Raises InputError where one of its files is not there.
    """
    tree = read_yaml(folder / "params.yaml")
    params = validate(lookup(tree, "evaluate"), EvaluateParams, "evaluate")
    board = read_json(folder / "metrics/leaderboard.json")
    tables = {
        name: _table(folder / f"plots/{name}.csv")
        for name in ("metrics", "paired", "unimodal", "ceiling", "withheld")
    }
    tasks = in_order(board)
    recipes = _by_name(board)
    primary = params.primary
    paired = tables["paired"]
    against, margin = params.noninferior.against, params.noninferior.margin
    parts = [
        "# The powered run",
        _about(folder, tables["metrics"], tasks, primary),
        "## Leaderboard",
        _leaderboard(tables["metrics"], board, tasks, primary),
        f"## Better than {params.reference}",
        f"Difference to {params.reference} [95 % interval]; behind it the bound that decides, "
        "adjusted by Holm over the tasks of a recipe. Worse: below 5 % by Holm's p-value.",
        *_claims(
            paired[(paired["claim"] == SUPERIORITY) & (paired["reference"] == params.reference)],
            recipes,
            tasks,
            lambda row: f"{_difference(row)}; {row['low_holm']:+.3f}",
            (SUPERIOR, f"is better than {params.reference}"),
        ),
        f"## Not worse than {against} by {margin:g}",
        f"Difference to {against} [95 % interval]. Its worse end, a one-sided bound at 97.5 %, is "
        f"to stay within {margin:g}. Worse: the whole interval is beyond it.",
        *_claims(
            paired[paired["claim"] == NONINFERIORITY],
            recipes,
            tasks,
            _difference,
            (NONINFERIOR, f"is not worse than {against} by {margin:g}"),
        ),
        f"## Share of the way from {params.reference} to what is attainable",
        *_shares(tables["ceiling"], recipes, tasks),
        "## Better than its own unimodal version",
        *_unimodal(pd.concat([tables["unimodal"], _table(folder / UNIMODAL)]), recipes, tasks),
        "## What a withheld source costs",
        *_withheld(tables["withheld"], recipes, tasks),
        "## What is gained from sources that tell nothing",
        *_gains_from_nothing(_table(folder / SILENCED), recipes, tasks),
    ]
    return "\n\n".join(parts) + "\n"


def _table(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise InputError(f"{path}: expected a file, found none")
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _by_name(board: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Recipes that are models, by name."""
    return sorted({name for entries in board.values() for name in entries} - set(CEILINGS))


def _about(
    folder: Path, metrics: pd.DataFrame, tasks: Sequence[str], primary: Mapping[str, str]
) -> str:
    commit = folder / "commit.txt"
    if not commit.exists():
        raise InputError(f"{commit}: expected a file, found none")
    sizes = []
    for task in tasks:
        rows = metrics[(metrics["task"] == task) & (metrics["metric"] == primary[task])]
        rows = rows[rows["class"].isin(HEADLINE)]
        if len(rows):
            row = rows.iloc[0]
            sizes.append(f"{task} {row['n']} samples of {row['n_patients']} patients")
    seeds = " / ".join(sorted(set(metrics["seeds"].astype(str))))
    draws = " / ".join(map(str, sorted(set(metrics["draws"]))))
    return (
        f"Commit {commit.read_text().strip()}. Training seeds {seeds}, averaged over; {draws} "
        f"draws of the patient-cluster bootstrap. Test fold: {'; '.join(sizes)}."
    )


def _leaderboard(
    metrics: pd.DataFrame,
    board: Mapping[str, Mapping[str, Any]],
    tasks: Sequence[str],
    primary: Mapping[str, str],
) -> str:
    mine = metrics[(metrics["variant"] == FULL) & metrics["class"].isin(HEADLINE)]
    rows = {
        (row["recipe"], row["task"]): row
        for row in mine.to_dict("records")
        if row["metric"] == primary[row["task"]] and pd.notna(row["value"])
    }
    names = [*_by_name(board), *(c for c in reversed(CEILINGS) if c in board[tasks[0]])]

    def mean(name: str) -> float:
        own = [
            row["value"] * sign(row["metric"])
            for (recipe, _), row in rows.items()
            if recipe == name
        ]
        return sum(own) / len(own) if own else 0.0

    # ceilings are not ranked, so they stand last
    names.sort(key=lambda name: (name in CEILINGS, -mean(name)))
    cells = {
        key: f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        for key, row in rows.items()
    }
    title = [f"{task} ({primary[task]})" for task in tasks]
    skipped = [
        f"- {name} on {task}: {entry['skipped']}"
        for task in tasks
        for name, entry in board[task].items()
        if "skipped" in entry
    ]
    table = _markdown(["recipe", *title], [(name, name) for name in names], tasks, cells)
    parts = [table, "Not scored:", "\n".join(skipped)] if skipped else [table]
    return "\n\n".join(parts)


def _claims(
    table: pd.DataFrame,
    recipes: Sequence[str],
    tasks: Sequence[str],
    cell: Callable[[Row], str],
    claim: tuple[str, str],
) -> list[str]:
    """A table and a sentence a recipe. claim: its verdict, and the words between name and tasks."""
    verdict, words = claim
    rows = {(row["recipe"], row["task"]): row for row in table.to_dict("records")}
    named = [name for name in recipes if any(key[0] == name for key in rows)]
    if not named:
        return ["No recipe was compared."]
    cells = {key: cell(row) for key, row in rows.items()}
    lines = []
    for name in named:
        own = [task for task in tasks if (name, task) in rows]
        fell = {task: rows[name, task]["verdict"] for task in own}
        shown = [task for task in own if fell[task] == verdict]
        worse = [task for task in own if fell[task] == WORSE]
        rest = [task for task in own if fell[task] not in (verdict, WORSE)]
        line = f"- {name} {words} on {len(shown)} of {len(own)} tasks"
        line += f" ({', '.join(shown)})" if shown else ""
        line += f"; worse on {', '.join(worse)}" if worse else ""
        line += f"; not shown on {', '.join(rest)}" if rest else ""
        lines.append(line + ".")
    return [
        _markdown(["recipe", *tasks], [(name, name) for name in named], tasks, cells),
        "\n".join(lines),
    ]


def _difference(row: Row) -> str:
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def _shares(ceiling: pd.DataFrame, recipes: Sequence[str], tasks: Sequence[str]) -> list[str]:
    if ceiling.empty:
        return [f"The source has no ceiling ({ATTAINABLE})."]
    cells = {
        (row["recipe"], row["task"]): _share(row)
        for row in ceiling.to_dict("records")
        if row["recipe"] != row["share_from"]
    }
    named = [(name, name) for name in recipes if any(key[0] == name for key in cells)]
    above = ceiling[ceiling["verdict"] == "above"]
    told = [f"{row['recipe']} on {row['task']}" for row in above.to_dict("records")]
    return [
        "1 is the ceiling, 0 the reference, below 0 worse than it; [95 % interval]. An end is left "
        "out where so many draws put the ceiling below the reference that it cannot be told.",
        _markdown(["recipe", *tasks], named, tasks, cells),
        "Above the ceiling, which is a fault of the generator or a leak: "
        f"{', '.join(told) or 'none'}.",
    ]


def _share(row: Row) -> str:
    if pd.isna(row["share"]):
        return NOTHING
    low, high = (
        "" if pd.isna(end) else f"{end:.2f}" for end in (row["share_low"], row["share_high"])
    )
    return f"{row['share']:.2f} [{low}, {high}]"


def _unimodal(unimodal: pd.DataFrame, recipes: Sequence[str], tasks: Sequence[str]) -> list[str]:
    if unimodal.empty:
        return ["No recipe was compared."]
    found = []
    for (name, other), rows in unimodal.groupby(["recipe", "unimodal"]):
        found += [f"{name} against {other}:"]
        found += _claims(
            rows,
            recipes,
            tasks,
            lambda row: f"{_difference(row)}; {row['low_holm']:+.3f}",
            (SUPERIOR, f"is better than {other}"),
        )
    return found


def _withheld(withheld: pd.DataFrame, recipes: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """Rows are a recipe and a source; an interval that holds zero says that nothing is shown."""
    if withheld.empty:
        return ["No recipe was tested without a source."]
    cells = {
        (f"{row['recipe']}/{row['withheld']}", row["task"]): _difference(row)
        for row in withheld.to_dict("records")
    }
    keys = [
        (f"{name}/{source}", f"{name} without {source}")
        for name in recipes
        for source in sorted(set(withheld["withheld"]))
        if any(key[0] == f"{name}/{source}" for key in cells)
    ]
    rows = withheld.to_dict("records")
    useless = [
        f"{row['recipe']} without {row['withheld']} on {row['task']}"
        for row in rows
        if row["low"] <= 0 <= row["high"]
    ]
    return [
        "Value with everything less the value without the source [95 % interval].",
        _markdown(["recipe", *tasks], keys, tasks, cells),
        f"Of {len(rows)} differences {len(rows) - len(useless)} exclude zero. Those that do not: "
        f"{'; '.join(useless) or 'none'}.",
    ]


def _gains_from_nothing(
    silenced: pd.DataFrame, recipes: Sequence[str], tasks: Sequence[str]
) -> list[str]:
    """Upper bounds on data in which notes, image and graph were silenced."""
    rows = silenced[silenced["withheld"].isin(SILENT)].to_dict("records")
    cells = {
        (f"{row['recipe']}/{row['withheld']}", row["task"]): f"{row['high']:+.3f}" for row in rows
    }
    keys = [
        (f"{name}/{source}", f"{name}, {source}")
        for name in recipes
        for source in SILENT
        if any(key[0] == f"{name}/{source}" for key in cells)
    ]
    beyond = [
        f"{row['recipe']} from {row['withheld']} on {row['task']}"
        for row in rows
        if row["high"] >= MOST_GAIN
    ]
    return [
        "Data of the same size in which notes, image and graph carry nothing of the risk: upper "
        "end of the 95 % interval of the value with everything less the value without the source.",
        _markdown(["recipe", *tasks], keys, tasks, cells),
        f"Of {len(rows)} bounds {len(rows) - len(beyond)} are below {MOST_GAIN:g}. Those that are "
        f"not: {'; '.join(beyond) or 'none'}.",
    ]


def _markdown(
    head: Sequence[str],
    rows: Sequence[tuple[str, str]],
    tasks: Sequence[str],
    cells: Mapping[tuple[str, str], str],
) -> str:
    """rows: key and title of each; a cell that is not there (skipped, undefined) is a dash."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---|' * len(tasks)}"]
    for key, title in rows:
        line = [cells.get((key, task), NOTHING) for task in tasks]
        lines.append(f"| {title} | {' | '.join(line)} |")
    return "\n".join(lines)
