"""Gather a run's numbers and pictures, and write them as one page that needs nothing else."""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fusehr.core.frame.files import output_file, read_json
from fusehr.core.frame.params import lookup, read_yaml
from fusehr.core.params.raw import RESTRICTED
from fusehr.evaluate.figures.style import TITLES
from fusehr.evaluate.students.names import ON_BOARD
from fusehr.report import sections
from fusehr.report.decision_curves import draw_decision_curves
from fusehr.report.flow import flow_chart
from fusehr.report.inputs import Inputs, data_uri
from fusehr.report.provenance import provenance, sizes


def build_report(root: Path, target: Path) -> str:
    """Write the page to `target` from metrics/, plots/, dvc.lock and params.yaml below `root`.

    The same files give the same bytes. Returns what to print. Raises InputError where the run has
    no leaderboard; other files that it lacks are named on the page.
    """
    source = Inputs(root)
    context = _context(source)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = files("fusehr.report").joinpath("page.html.j2").read_text()
    page = environment.from_string(template).render(context | {"absent": source.absent})
    with output_file(target) as partial:
        partial.write_text(page)
    absent = f"; not part of this run: {', '.join(source.absent)}" if source.absent else ""
    return f"wrote {target}, {len(page) / 2**20:.1f} MiB{absent}"


def _context(source: Inputs) -> dict[str, Any]:
    board = source.json("leaderboard", required=True)
    metrics = source.table("metrics", required=True)
    paired = source.table("paired", required=True)
    about = provenance(source.root)
    tree = read_yaml(source.root / "params.yaml")
    recipes = [*lookup(tree, "recipes"), *ON_BOARD.values()]
    tables = source.json("tables")
    return {
        "provenance": about,
        "board": sections.leaderboards(board, metrics, recipes),
        "board_picture": source.picture("leaderboard", required=True),
        "paired": sections.paired(paired),
        "curves": [
            ("ROC curves", source.picture("roc")),
            ("Precision-recall curves", source.picture("pr")),
            (
                "Calibration, after recalibration on validation patients",
                source.picture("calibration"),
            ),
            (
                "Decision curves; grey: acting on everyone, and on no one",
                _decision(source, recipes),
            ),
        ],
        "withheld_picture": source.picture("withheld"),
        "withheld": sections.withheld(source.table("withheld")),
        "defects": sections.defects(source.table("defects")),
        "subgroups_picture": source.picture("subgroups"),
        "subgroups": sections.subgroups(source.table("subgroup_gaps"), source.table("subgroups")),
        "dataset_picture": source.picture("dataset"),
        "flows": _flows(source, str(lookup(tree, "raw.source"))),
        "quality": sections.quality(tables),
        "training_picture": source.picture("training"),
        "students_picture": source.picture("students"),
        "students": sections.students(source.table("students")),
        "sizes": sizes(source.root),
        "fitted": _fitted(source.root, recipes),
        "parameters": sections.parameters(tree),
    }


def _decision(source: Inputs, recipes: list[str]) -> str:
    net_benefit = source.table("net_benefit")
    if net_benefit.empty:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "decision.png"
        draw_decision_curves(path, net_benefit, recipes)
        return data_uri(path)


def _flows(source: Inputs, raw: str) -> list[Markup]:
    """A chart a task, by data/tables/manifest.json; none of a restricted source's small steps."""
    path = source.root / "data/tables/manifest.json"
    if raw in RESTRICTED:
        return []
    if not path.is_file():
        source.absent.append("data/tables/manifest.json")
        return []
    charts = []
    for task, exclusions in sorted(read_json(path)["exclusions"].items()):
        steps = []
        for step in exclusions:
            name = str(step["step"])
            out = f"{step['left_out']:,}: {name.removeprefix('without ')}" if steps else ""
            label = "left" if steps else name
            steps.append((label, f"{step['left']:,}", out.replace("_", " ")))
        title = TITLES.get(str(task), str(task))
        # the chart escapes its own texts
        charts.append(Markup(f"<h3>{title}</h3>{flow_chart(title, steps)}"))
    return charts


def _fitted(root: Path, recipes: list[str]) -> list[tuple[str, str, str]]:
    """Recipe, task and number of fitted parameters, where the recipe tells them."""
    found = []
    for recipe in recipes:
        path = root / "data/train" / recipe / "recipe.json"
        if not path.is_file():
            continue
        for task, rounds in sorted(read_json(path).get("fitted", {}).items()):
            counts = sorted(_counts(rounds))
            if counts:
                found.append((recipe, TITLES.get(task, task), f"{counts[-1]:,}"))
    return found


def _counts(node: Any) -> list[int]:
    """All numbers under a key `parameters`, at any depth."""
    if not isinstance(node, dict):
        return []
    own = node.get("parameters")
    return [
        *([own] if isinstance(own, int) else []),
        *(n for below in node.values() for n in _counts(below)),
    ]
