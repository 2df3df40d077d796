"""The card as text: plots/dataset.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from fusehr.core.frame.schemas import TABLES
from fusehr.core.frame.tasks import POSITIVE, TASKS, Task, base, in_order
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card.comparison import explained
from fusehr.tables.card.contents import Contents
from fusehr.tables.card.disclosure import shown
from fusehr.tables.card.header import header

SYNTHETIC = "synthetic"
SOURCES = {
    SYNTHETIC: "Drawn from a known risk, in MIMIC-IV's own files; no row is about a real person.",
    "mimic4_demo": "MIMIC-IV Clinical Database Demo 2.2: 100 de-identified patients (ODbL 1.0).",
    "mimic4": "MIMIC-IV, credentialed and read in place. No panel of this card shows a patient.",
    "mimic3": "MIMIC-III, credentialed and read in place. No panel of this card shows a patient.",
    "physionet2012": "The first 48 hours of ICU stays and death in hospital (ODC-By 1.0).",
    "oneehr": "A folder in OneEHR's form, copied as it was.",
    "meds": "A dataset in the Medical Event Data Standard, copied as it was.",
    "flat": "One table with a row a case, copied as it was.",
    "emr_csv": "Cases with a text and a chest image, in MediLLM's form; images grey and square.",
}
LIMITS = {
    SYNTHETIC: (
        "Synthetic: what holds here need not hold in a hospital. Scores tell recipes apart; they "
        "do not estimate how well a recipe does on real patients.",
        "Nursing and progress notes are the source's own: MIMIC-IV-Note has discharge and "
        "radiology only.",
        "Drug names of the planted graph are fictional, so that no language model knows them.",
        "Chest images are drawn, not taken: they tell whether a recipe uses an image, no more.",
    ),
    "mimic4_demo": (
        "100 patients, chosen by the publishers: too few to compare recipes on.",
        "The demo has neither notes nor images nor an emergency department.",
    ),
    "mimic4": (
        "One hospital of one city; the coding, the units' rhythms and the population are its own.",
    ),
    "mimic3": (
        "One hospital of one city, 2001 to 2012, adults alone; two charting systems one after the "
        "other, which tell different things in different ways.",
        "MIMIC-III does not tell when a laboratory result or the text of a radiology report was "
        "there to read; when a culture was found positive is not told at all.",
        "Ventilation and infusions of the older system are put together from what was charted.",
        "Dates are moved patient by patient, so that there is no split by period.",
    ),
    "physionet2012": (
        "Two days of one stay a patient: no notes, images, drugs or codes, no earlier visits.",
    ),
}
# What is brought by its user is told by its publisher; its tasks are what it has labels of.
BROUGHT = ("oneehr", "meds", "flat", "emr_csv")
NOT_TOLD = ("How the data were collected and what was left out is for their publisher to say.",)
FOR_ALL = (
    "Not for clinical use.",
    "Availability times of items without a storetime are estimates (see Availability).",
)
MISSING = "-"


def card(
    manifest: Manifest,
    contents: Contents,
    comparison: pd.DataFrame,
    labels: pd.DataFrame,
    params: TablesParams,
) -> str:
    """Markdown of the whole card, below its header in YAML.

    comparison: as comparison.compare gives it; labels: as contents.labels does. Both without what
    a restricted source may not show; other counts below tables.small_cell are hidden here.
    """
    small = params.small_cell if manifest.restricted else 0
    parts = [
        header(manifest, contents),
        _head(manifest, contents, small),
        _tasks(manifest, labels, params, small),
        _tables(contents, small),
        _notes(contents, small),
        _others(contents, small),
        _availability(contents, small),
        _comparison(manifest, comparison),
        _limits(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _head(manifest: Manifest, contents: Contents, small: int) -> str:
    cohort = contents.cohort
    version = f" {manifest.version}" if manifest.version else ""
    folds = ", ".join(f"{name} {shown(n, small=small)}" for name, n in contents.folds.items())
    lines = [
        "# Data set card",
        f"Source: `{manifest.source}`{version}. {SOURCES[manifest.source]}",
        "This page, `dataset.png` and `dataset_comparison.csv` are written by the stage "
        "`tables-card` from `data/tables`.",
    ]
    if manifest.restricted:
        lines.append(
            f"The source is restricted: counts of fewer than {small} patients are hidden, and so "
            "are the pictures of one stay, its notes and its images."
        )
    rows = [
        ("Patients", shown(cohort["patients"], small=small)),
        ("Patients by fold", folds),
        ("Hospital visits", shown(cohort["hospital_visits"], small=small)),
        ("Emergency visits without admission", shown(cohort["ed_only_visits"], small=small)),
        ("ICU stays", shown(cohort["icu_stays"], small=small)),
    ]
    return "\n\n".join([*lines, "## Cohort", _table(("What", "Number"), rows, left=1)])


def _tasks(manifest: Manifest, labels: pd.DataFrame, params: TablesParams, small: int) -> str:
    tasks = in_order([*(TASKS if _is_hospital(manifest) else ()), *labels["task"]])
    sections = ["## Tasks"]
    meaning = [(task, *_meaning(task, manifest.source, params)) for task in tasks]
    sections.append(_table(("Task", "Index time", "Label"), meaning, left=3))
    rows = []
    for task in tasks:
        mine = labels[labels["task"] == task]
        if mine.empty:
            rows.append((task, *[MISSING] * 5))
        phenotypes = task == "next_diagnoses"
        if phenotypes:
            mine = _any_phenotype(mine)
        for row in mine.to_dict("records"):
            name = "" if row["class"] == POSITIVE else f": {row['class']}"
            rows.append(
                (
                    f"{task}{name}",
                    row["fold"],
                    shown(row["samples"], small=small),
                    shown(row["patients"], small=small),
                    _number(row["positive"], "{:,.0f}"),
                    _percent(row["prevalence"]),
                )
            )
    head = ("Task and class", "Fold", "Samples", "Patients", "Positive", "Prevalence")
    sections.append(_table(head, rows, left=2))
    means = "next_diagnoses has 25 labels a sample; given is the mean over them. "
    sections.append(
        f"{means if 'next_diagnoses' in tasks else ''}A dash: no such samples, or hidden."
    )
    return "\n\n".join(sections)


def _meaning(task: Task, source: str, params: TablesParams) -> tuple[str, str]:
    """Index time and label of `task`, which may be a horizon of another."""
    _, horizon, name = task.partition("@")
    if horizon:
        hours = params.horizons[name]
        when = "end of the stay" if hours is None else f"start of the stay + {hours} h"
        return when, f"as {base(task)}"
    if source in BROUGHT:
        return "time of the label", "the source's own"
    return _meanings(params)[task]


def _meanings(params: TablesParams) -> dict[str, tuple[str, str]]:
    hours, step = params.mortality.index_hours, params.deterioration.step_hours
    first, ahead = params.deterioration.first_hours, params.deterioration.lookahead_hours
    free, days = params.deterioration.free_hours, params.readmission.horizon_days
    return {
        "mortality": (f"ICU admission + {hours} h", "death in hospital after the index"),
        "readmission": ("discharge", f"unplanned readmission within {days} days"),
        "deterioration": (
            f"every {step} h from ICU admission + {first} h",
            f"within {ahead} h death, or a vasopressor or ventilation begun after {free} h without",
        ),
        "next_diagnoses": ("discharge", "each of 25 CCS phenotypes at the next visit"),
        "triage": (
            f"first chest image within {params.triage.image_hours} h of arrival, "
            f"else arrival + {params.triage.index_hours} h",
            "urgency high, medium or low; beside it ICU or death within 24 h",
        ),
    }


def _any_phenotype(mine: pd.DataFrame) -> pd.DataFrame:
    """One row a fold: samples as they are, prevalence the mean over the labels not hidden."""
    rows = [
        {
            "class": "mean of labels",
            "fold": fold,
            "samples": int(part["samples"].iloc[0]),
            "patients": int(part["patients"].iloc[0]),
            "positive": pd.NA,
            # of counts, so that it does not depend on the order of adding; a hidden label counts
            # on neither side
            "prevalence": int(part["positive"].sum())
            / max(1, int(part.loc[part["positive"].notna(), "samples"].sum())),
        }
        for fold, part in mine.groupby("fold", sort=True)
    ]
    return pd.DataFrame(rows)


def _tables(contents: Contents, small: int) -> str:
    rows = [
        (
            f"`{schema.name}`",
            shown(contents.rows[schema.name], small=small),
            ", ".join(column.name for column in schema.columns),
        )
        for schema in TABLES
    ]
    for name, shape in contents.shapes.items():
        size = " x ".join(str(n) for n in shape[1:]) if shape[0] else "no images"
        rows.append((f"`{name}`", shown(shape[0], small=small), f"grey pixels, {size}"))
    return "\n\n".join(["## Tables", _table(("Table", "Rows", "Columns"), rows, left=(0, 2))])


def _notes(contents: Contents, small: int) -> str:
    rows = []
    for row in contents.notes.to_dict("records"):
        few = 0 < row["patients"] < small
        counts = [shown(row[name], small=small) for name in ("notes", "patients", "texts")]
        about = (f"{row['words']:,}", _minutes(row["lag_median"]), _minutes(row["lag_p90"]))
        if few:
            counts, about = [f"<{small}"] * 3, (MISSING,) * 3
        rows.append((row["kind"], *counts, *about))
    head = (
        *("Kind", "Notes", "Patients", "Distinct texts", "Median words"),
        *("Median lag", "90 % lag"),
    )
    text = _table(head, rows) if rows else "The source has no notes."
    lag = "Lag: from the time a note is about to the time it can be read."
    return "\n\n".join(["## Notes", text, *([lag] if rows else [])])


def _others(contents: Contents, small: int) -> str:
    images, drugs = contents.images, contents.drugs
    size = " x ".join(str(n) for n in contents.shapes["images.npy"][1:])
    lines = ["## Images, drugs, graph"]
    if images["images"]:
        lines.append(
            f"- Chest images: {shown(images['images'], small=small)} of "
            f"{shown(images['patients'], small=small)} patients in "
            f"{shown(images['visits'], small=small)} visits; "
            f"{shown(images['with_pixels'], small=small)} with pixels ({size})."
        )
    else:
        lines.append("- Chest images: none.")
    lines.append(
        f"- Image pool with finding labels, of people outside the cohort: "
        f"{shown(images['pool'], small=small)}."
        if images["pool"]
        else "- Image pool: none."
    )
    lines.append(
        f"- Drugs: {shown(drugs['orders'], small=small)} orders under "
        f"{shown(drugs['names'], small=0)} names, for "
        f"{shown(drugs['patients'], small=small)} patients; median "
        f"{drugs['names_per_visit']} names per visit that has any."
        if drugs["orders"]
        else "- Drugs: none."
    )
    if contents.relations.empty:
        return "\n".join([lines[0], "", *lines[1:], "- Knowledge graph: none."])
    nodes = ", ".join(f"{n:,} {kind}" for kind, n in contents.nodes[["type", "nodes"]].to_numpy())
    edges = int(contents.relations["edges"].sum())
    lines.append(f"- Knowledge graph: {edges:,} directed edges; nodes: {nodes}.")
    rows = [
        (row["relation"], f"{row['x_type']} - {row['y_type']}", f"{row['edges']:,}")
        for row in contents.relations.to_dict("records")
    ]
    head = ("Relation", "Between", "Edges")
    return "\n".join([lines[0], "", *lines[1:], "", _table(head, rows, left=2)])


def _availability(contents: Contents, small: int) -> str:
    rows = [
        (row["availability"], shown(row["events"], small=small), _percent(row["share"]))
        for row in contents.availability.to_dict("records")
    ]
    cohort = contents.cohort
    gaps = (
        f"Hospital visits without a coded diagnosis: "
        f"{shown(cohort['visits_without_diagnoses'], small=small)}; without a drug: "
        f"{shown(cohort['visits_without_drugs'], small=small)}. "
        "How often each variable is measured in an hour stands in the comparison."
    )
    return "\n\n".join(
        [
            "## Availability and missingness",
            "Where the time at which an event was known comes from:",
            _table(("From", "Events", "Share"), rows),
            gaps,
        ]
    )


def _comparison(manifest: Manifest, comparison: pd.DataFrame) -> str:
    sections = [
        "## Beside other data",
        "All numbers with their n stand in `dataset_comparison.csv`. An asterisk marks a large "
        "difference: one a reader would see and chance does not make.",
    ]
    for group, part in comparison.groupby("group", sort=False):
        rows = []
        for _, same in part.groupby("name", sort=False):
            first = same.iloc[0]
            mark = " *" if same["large"].any() else ""
            demo, published = (_reference(same, demo=demo) for demo in (True, False))
            mine = _value(first["this_source"], first["unit"])
            rows.append((f"{first['title']}{mark}", first["unit"], mine, demo, published))
        head = (str(group), "Unit", "This source", "MIMIC-IV demo", "Published")
        sections.append(_table(head, rows, left=2))
    published = sorted(
        {
            str(source)
            for source in comparison["reference_source"].dropna()
            if not _is_demo(str(source))
        }
    )
    if published:
        sections.append("Published: " + "; ".join(published) + ".")
    if manifest.source == SYNTHETIC:
        sections.append("### Why they differ")
        titles = dict(zip(comparison["name"], comparison["title"], strict=True))
        sections.append(
            "\n".join(
                f"- {_listed([titles[name] for name in names])}: {why or '**not explained.**'}"
                for why, names in explained(comparison)
            )
        )
    return "\n\n".join(sections)


def _limits(manifest: Manifest) -> str:
    own = NOT_TOLD if manifest.source in BROUGHT else LIMITS[manifest.source]
    lines = [*own, *FOR_ALL]
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _is_hospital(manifest: Manifest) -> bool:
    """Whether it has MIMIC's tables, of which the five tasks are made."""
    return manifest.source not in (*BROUGHT, "physionet2012")


def _is_demo(source: str) -> bool:
    return source.startswith("MIMIC-IV demo")


def _reference(rows: pd.DataFrame, *, demo: bool) -> str:
    for row in rows.to_dict("records"):
        if not pd.isna(row["reference"]) and _is_demo(str(row["reference_source"])) == demo:
            return _value(row["reference"], row["unit"])
    return MISSING


def _value(number: float, unit: str) -> str:
    return _percent(number) if str(unit).startswith("share") else _number(number, "{:,.1f}")


def _percent(share: float) -> str:
    return MISSING if pd.isna(share) else f"{100 * share:.1f} %"


def _number(number: float, form: str) -> str:
    return MISSING if pd.isna(number) else form.format(number)


def _minutes(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def _listed(titles: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(titles))


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int | tuple[int, ...] = 1
) -> str:
    """A Markdown table; the first `left` columns (or those named) to the left, others right."""
    places = range(left) if isinstance(left, int) else left
    rule = "|".join("---" if k in places else "---:" for k in range(len(head)))
    lines = [" | ".join(head), rule, *(" | ".join(row) for row in rows)]
    return "\n".join(f"|{line}|" if line is rule else f"| {line} |" for line in lines)
