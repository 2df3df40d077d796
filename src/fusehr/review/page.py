"""The page of a review, in GitHub's Markdown, short enough for a comment (65,536 characters)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fusehr.review.differences import LEADERBOARD, QUALITY, Change
from fusehr.review.paired import BETTER, NOT_COMPARABLE, NOT_SHOWN, SAME, WORSE, Compared
from fusehr.review.stages import ChangedStage

# By this line the comment of an earlier push is found again.
MARKER = "<!-- fusehr review -->"

ROWS = 60  # of a table at most
SHOWN = 8  # rows of a table that is not folded
CELL = 60  # characters of a cell at most
NAMED = 3  # things that a cell lists

MARKS = {BETTER: "▲ **better**", WORSE: "▼ **worse**", NOT_SHOWN: "not shown", SAME: "same"}


@dataclass(frozen=True)
class Findings:
    """All that a review found; `pictures`: title and address of each image."""

    base: str
    commit: str
    compared: list[Compared]
    metrics: list[Change]
    params: list[Change]
    pictures: list[tuple[str, str]]
    other_plots: list[str]
    stages: list[ChangedStage]
    stages_in_all: int
    seconds: int | None

    @property
    def nothing(self) -> bool:
        """Nothing differs."""
        return not (self.compared or self.metrics or self.params or self.stages)


def page(found: Findings) -> str:
    """The whole page, ending with a line break."""
    against = f"{_code(found.base)} ({found.commit[:7]})"
    if found.nothing:
        cost = [_wall_clock(found.seconds)] if found.seconds is not None else []
        return _joined([MARKER, f"### Nothing differs from {against}", *cost])
    return _joined(
        [
            MARKER,
            f"### What changes against {against}",
            _summary(found),
            *_primary(found),
            *_metrics(found),
            *_params(found),
            *_quality(found),
            *_pictures(found),
            *_cost(found),
        ]
    )


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(found: Findings) -> str:
    verdicts = [one.verdict for one in found.compared]
    counted = [
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in (BETTER, WORSE, NOT_SHOWN, SAME, NOT_COMPARABLE)
        if verdict in verdicts
    ]
    parts = [
        f"primary metrics: {', '.join(counted) or 'none differs'}",
        f"parameters: {len(found.params)}",
        f"stages: {len(found.stages)} of {found.stages_in_all}",
    ]
    return "; ".join(parts) + "."


def _primary(found: Findings) -> list[str]:
    rows = [
        [
            *(one.task, one.recipe, one.metric, f"{one.base:.4f}", f"{one.head:.4f}"),
            f"{one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]",
            "-" if one.p_holm != one.p_holm else f"{one.p_holm:.3f}",
            MARKS[one.verdict],
        ]
        for one in found.compared
        if one.verdict != NOT_COMPARABLE
    ]
    titles = ("task", "recipe", "metric", "base", "head", "head less base [95 %]", "p", "")
    parts = [_table(titles, rows), _how(found.compared)] if rows else []
    parts += _not_comparable(found.compared)
    return ["#### Primary metrics", *parts] if parts else []


def _how(compared: Sequence[Compared]) -> str:
    tested = [one for one in compared if one.p_holm == one.p_holm]
    if not tested:
        return ""
    recipes = {one.recipe for one in tested}
    draws = max(one.draws for one in tested)
    text = (
        f"Paired bootstrap over patients, {draws} draws; p adjusted by Holm over the tasks of a "
        "recipe, marked below .05. "
    )
    text += (
        f"{len(recipes)} recipes were tested: without any true difference, one in twenty "
        "gets a mark."
        if len(recipes) > 1
        else "Where nothing is shown, a difference may still be there."
    )
    most = max(sum(one.recipe == recipe for one in tested) for recipe in recipes)
    if most * 2 / (draws + 1) >= 0.05:
        text += f" With {draws} draws, no p of {most} tasks can be that low."
    return text


def _not_comparable(compared: Sequence[Compared]) -> list[str]:
    by_reason: dict[str, dict[str, list[str]]] = {}
    for one in compared:
        if one.verdict == NOT_COMPARABLE:
            by_reason.setdefault(one.reason, {}).setdefault(one.recipe, []).append(one.task)
    lines = []
    for reason, recipes in sorted(by_reason.items())[:ROWS]:
        by_tasks: dict[str, list[str]] = {}
        for recipe, tasks in recipes.items():
            by_tasks.setdefault(", ".join(tasks), []).append(recipe)
        who = "; ".join(f"{', '.join(names)} ({tasks})" for tasks, names in by_tasks.items())
        lines.append(f"- {_text(reason, 200)}: {_text(who, 1000)}")
    return ["**Not comparable**\n\n" + "\n".join(lines)] if lines else []


def _metrics(found: Findings) -> list[str]:
    # the score of a recipe that the base has not is in no row of the primary metrics
    primary = {
        f"{one.task}.{one.recipe}.{one.metric}"
        for one in found.compared
        if one.verdict != NOT_COMPARABLE
    }
    barred = {
        f"{one.task}.{one.recipe}." for one in found.compared if one.verdict == NOT_COMPARABLE
    }
    shown, left_out = [], 0
    for one in found.metrics:
        if one.file in QUALITY or (one.file == LEADERBOARD and one.name in primary):
            continue
        if one.file == LEADERBOARD and one.amount is not None:
            task, recipe, _ = one.name.split(".", 2)
            if f"{task}.{recipe}." in barred:
                left_out += 1
                continue
        shown.append(one)
    note = f"{left_out} numbers that are not comparable are left out." if left_out else ""
    return _section("Other metrics", shown, note, found.base, "metrics")


def _params(found: Findings) -> list[str]:
    return _section("Parameters", found.params, "", found.base, "params")


def _quality(found: Findings) -> list[str]:
    own = [one for one in found.metrics if one.file in QUALITY]
    return _section("Data quality", own, "", found.base, "metrics")


def _section(title: str, changes: list[Change], note: str, base: str, command: str) -> list[str]:
    if not changes:
        return [f"#### {title}", note] if note else []
    numbers = any(one.amount is not None for one in changes) and command == "metrics"
    rows = [
        [
            _code(one.name if command == "params" else f"{_stem(one.file)}: {one.name}"),
            _value(one.base),
            _value(one.head),
            *([_amount(one.amount)] if numbers else []),
        ]
        for one in changes[:ROWS]
    ]
    titles = ("name", "base", "head", *(("change",) if numbers else ()))
    more = len(changes) - len(rows)
    if more:
        note = f"{note} And {more} more: `dvc {command} diff {base}`.".strip()
    body = _joined([_table(titles, rows), note]).rstrip()
    if len(rows) > SHOWN:
        return [_folded(f"{title}: {len(changes)}", body)]
    return [f"#### {title}", body]


def _pictures(found: Findings) -> list[str]:
    parts = []
    for k, (title, address) in enumerate(found.pictures):
        image = f"![{title}: base left, head right]({address})"
        parts.append(image if k == 0 else _folded(title, image))
    if found.other_plots:
        few = ", ".join(found.other_plots)
        parts.append(f"Other files that differ: {_text(few, 1000)}.")
    return ["#### Pictures, base left and head right", *parts] if parts else []


def _cost(found: Findings) -> list[str]:
    rows = [
        [
            _code(one.name),
            _few(one.because) or ("new" if one.size_base is None else "removed"),
            _few(one.outputs) or "the same",
            f"{_size(one.size_base)} → {_size(one.size_head)}",
        ]
        for one in found.stages[:ROWS]
    ]
    parts = []
    if rows:
        titles = ("stage", "because of", "outputs that differ", "size of all its outputs")
        table = _table(titles, rows)
        more = len(found.stages) - len(rows)
        table += f"\n\nAnd {more} more." if more else ""
        many = len(rows) > SHOWN
        parts.append(_folded(f"Stages: {len(found.stages)}", table) if many else table)
    if found.seconds is not None:
        parts.append(_wall_clock(found.seconds))
    return ["#### Cost", *parts] if parts else []


def _wall_clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"`dvc repro` took {minutes} min {rest} s." if minutes else f"`dvc repro` took {rest} s."


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(_code(name) for name in names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _stem(file: str) -> str:
    return file.rsplit("/", 1)[-1].removesuffix(".json")


def _code(text: Any) -> str:
    """As code, so that no value is read as Markdown or HTML."""
    short = _text(str(text).replace("`", "'").replace("|", "\\|"), CELL)
    return f"`{short}`" if short else ""


def _value(value: Any) -> str:
    return "-" if value is None else _code(value)


def _amount(amount: float | None) -> str:
    if amount is None:
        return ""
    return f"{amount:+,d}" if isinstance(amount, int) else f"{amount:+.4f}"


def _text(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip("\\") + "…"


def _size(size: int | None) -> str:
    if size is None:
        return "-"
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
