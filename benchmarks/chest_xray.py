"""Pneumonia or not on real chest films, by image alone, beside view, age and sex alone.

    FUSEHR_MIRROR=<folder> python benchmarks/chest_xray.py [options of dvc exp run]

NIH ChestX-ray14 of the mirror (nih-chest-xray: labels.csv and images) is written in MediLLM's form;
in a clean clone of HEAD the preset `chest_xray` trains triage_fusion on it, in folds by patient.
How a film was taken, and of whom, tells something of who is ill. So a logistic regression on view,
age and sex, fitted on the same folds' train and validation patients, is scored on the same test
patients and draws, and both once more on the films of either view alone. Written to
benchmarks/chest_xray: table.md, table.csv, metrics/tables.json of the cohort as cohort.json, and
the commit and options that made them.

Options go behind the preset's own: -S recipes.triage_fusion.image_encoder=hf:microsoft/resnet-50
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fusehr.clone import clean_clone, dvc, git
from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.frame.files import output_folder, read_parquet, write_parquet
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.schemas import IMAGES, PREDICTIONS, STATIC
from fusehr.core.frame.stage import say
from fusehr.core.mimic_files import named_folder
from fusehr.core.params.evaluate import score_params
from fusehr.evaluate.figures.style import METRICS
from fusehr.evaluate.gather import gather
from fusehr.evaluate.outputs import FULL, INTERVAL
from fusehr.evaluate.pairs import Drawn, difference
from fusehr.evaluate.scoring.score_recipe import score_recipe
from fusehr.evaluate.tables import rounded
from fusehr.presets import preset_options

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "chest_xray"
TASK, RECIPE, ALONE, LESS = "pneumonia", "triage_fusion", "view_age_sex", "difference"
TITLES = {RECIPE: "image", ALONE: "view, age and sex", LESS: "image less those"}
ALL = "all"
SHOWN = ("auroc", "auprc")


def main() -> None:
    mirror = named_folder("FUSEHR_MIRROR", "nih-chest-xray") / "nih-chest-xray"
    own = sys.argv[1:]
    options = [*preset_options(ROOT, "chest_xray"), *own]
    with tempfile.TemporaryDirectory(prefix="fusehr-emr-") as folder, clean_clone(ROOT) as clone:
        write_records(mirror, Path(folder))
        os.environ["FUSEHR_EMR"] = folder
        dvc(clone, "exp", "run", *options, f"evaluate-score@{RECIPE}")
        say(f"{ALONE}: logistic regression")
        table = table_of(clone)
        with output_folder(FOLDER) as written:
            table.to_csv(written / "table.csv", index=False, lineterminator="\n")
            (written / "table.md").write_text(page(table))
            shutil.copyfile(clone / "metrics" / "tables.json", written / "cohort.json")
            made_by = [git(ROOT, "rev-parse", "HEAD"), *own]
            (written / "commit.txt").write_text("\n".join(made_by) + "\n")
    print(page(table))


def write_records(origin: Path, folder: Path) -> None:
    """The films in `origin` as emr_records.csv with its images in `folder`."""
    shutil.copytree(origin / "images", folder / "images")
    films = pd.read_csv(origin / "labels.csv", dtype=str)
    films.assign(image_path="images/" + films["image"])[
        ["patient_id", "image_path", "pneumonia", "age", "sex", "view"]
    ].to_csv(folder / "emr_records.csv", index=False, lineterminator="\n")


def table_of(clone: Path) -> pd.DataFrame:
    """A row a group of films, recipe and metric, with intervals."""
    tables, trained = clone / "data" / "tables", clone / "data" / "train" / RECIPE
    image = read_parquet(trained / "predictions.parquet", PREDICTIONS)
    image = image[image["variant"] == FULL]
    other = image.assign(recipe=ALONE).drop(columns="p")
    other = other.merge(alone(tables), on=["sample_id", "fold"], validate="1:1")
    view = films(tables).set_index("sample_id")["view"]
    parts = []
    for group in (ALL, *sorted(view.unique())):
        members = view.index[(view == group) | (group == ALL)]
        scores = clone / "data" / "groups" / group
        for name, predicted in ((RECIPE, image), (ALONE, other)):
            _score(clone, scores, name, predicted[predicted["sample_id"].isin(members)])
        parts.append(compared(scores).assign(films=group))
    return rounded(pd.concat(parts, ignore_index=True))


def _score(clone: Path, scores: Path, name: str, predicted: pd.DataFrame) -> None:
    """Score `predicted` as the stage evaluate-score does, to the folder `name` of `scores`."""
    folder = scores / "predicted" / name
    write_parquet(folder / "predictions.parquet", predicted, PREDICTIONS)
    shutil.copyfile(clone / "data" / "train" / RECIPE / "skipped.json", folder / "skipped.json")
    params = stage_params(f"evaluate-score@{RECIPE}", clone)
    step_hours = params.section("tables.deterioration.step_hours", int)
    score_recipe(folder, scores / name, score_params(params), step_hours=step_hours)


def films(tables: Path) -> pd.DataFrame:
    """sample_id, visit_id, age, sex, view in the order of the task's samples."""
    rows = load_task(tables, TASK).samples[["sample_id", "visit_id"]]
    for schema, columns in ((STATIC, ["age", "sex"]), (IMAGES, ["view"])):
        told = read_parquet(tables / f"{schema.name}.parquet", schema)
        rows = rows.merge(told[["visit_id", *columns]], on="visit_id", validate="1:1")
    return rows


def alone(tables: Path) -> pd.DataFrame:
    """sample_id, fold (val or test), p: from view, age and sex, by whom has not seen the sample."""
    samples, rows = load_task(tables, TASK), films(tables)
    x = np.column_stack([rows["view"] == "AP", rows["sex"] == "M", rows["age"]]).astype(float)
    patients, y = samples.samples["patient_id"], samples.labels[:, 0]
    parts = []
    for one in load_rounds(tables):
        for fold, seen in (("val", one.train), ("test", one.train | one.val)):
            fitted = patients.isin(seen).to_numpy()
            asked = patients.isin(getattr(one, fold)).to_numpy()
            model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[fitted], y[fitted])
            p = model.predict_proba(x[asked])[:, 1]
            parts.append(
                pd.DataFrame({"sample_id": rows["sample_id"][asked], "fold": fold, "p": p})
            )
    return pd.concat(parts, ignore_index=True)


def compared(scores: Path) -> pd.DataFrame:
    """Values of both recipes, and how much RECIPE is above ALONE."""
    drawn = Drawn(gather(scores, (RECIPE, ALONE)))
    rows = []
    for metric in SHOWN:
        values = {name: drawn.value(TASK, name, metric) for name in (RECIPE, ALONE)}
        found = difference(values[RECIPE], values[ALONE], metric)
        for name, one in (*values.items(), (LESS, found)):
            if one is None:
                continue
            low, high = np.quantile(one.draws[np.isfinite(one.draws)], INTERVAL)
            row = {"recipe": name, "metric": metric, "value": one.value, "low": low, "high": high}
            rows.append(row | {"n": one.n, "n_patients": one.n_patients})
    return pd.DataFrame(rows)


def page(table: pd.DataFrame) -> str:
    """The table as Markdown."""
    lines = [
        "# NIH ChestX-ray14: pneumonia or not, by image alone",
        "",
        "Each film is tested once, in folds by patient, by a network with fresh weights. Films",
        "without pneumonia are films without any finding, which is easier than telling pneumonia",
        "from other diseases.",
        "",
        f"| films | n (patients) | | {' | '.join(METRICS[metric] for metric in SHOWN)} |",
        "|---|---:|---|" + "---|" * len(SHOWN),
    ]
    for (group, name), rows in table.groupby(["films", "recipe"], sort=False):
        told = {row["metric"]: row for row in rows.to_dict("records")}
        cells = [_interval(told[metric]) for metric in SHOWN]
        n = f"{rows['n'].iloc[0]:,.0f} ({rows['n_patients'].iloc[0]:,.0f})"
        lines.append(f"| {group} | {n} | {TITLES[str(name)]} | {' | '.join(cells)} |")
    lines += ["", "In brackets: 95 % intervals over patients, paired for the difference."]
    return "\n".join(lines) + "\n"


def _interval(row: Mapping[Any, Any]) -> str:
    sign = "+" if row["recipe"] == LESS else ""
    return f"{row['value']:{sign}.3f} [{row['low']:{sign}.3f}, {row['high']:{sign}.3f}]"


if __name__ == "__main__":
    main()
