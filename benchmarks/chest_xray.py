"""Pneumonia or not on real chest films, by image alone, beside view, age and sex alone.

    FUSEHR_MIRROR=<folder> python benchmarks/chest_xray.py [options of dvc exp run]

NIH ChestX-ray14 of the mirror (nih-chest-xray: labels.csv and images) is written in MediLLM's form;
in a clean clone of HEAD the preset `chest_xray` trains triage_fusion on it, in folds by patient.
How a film was taken tells who is ill: a film in bed (AP) is of a sicker patient. So a logistic
regression on view, age and sex, fitted on the same folds' train and validation patients, is scored
on the same test patients and draws. Written to benchmarks/chest_xray: table.md, table.csv,
metrics/tables.json of the cohort as cohort.json, and the commit and options that made them.

Options go behind the preset's own: -S recipes.triage_fusion.image_encoder=hf:microsoft/resnet-50
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

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
TASK, RECIPE, ALONE = "pneumonia", "triage_fusion", "view_age_sex"
SHOWN = ("auroc", "auprc")


def main() -> None:
    mirror = named_folder("FUSEHR_MIRROR", "nih-chest-xray") / "nih-chest-xray"
    own = sys.argv[1:]
    options = [*preset_options(ROOT, "chest_xray"), *own]
    with tempfile.TemporaryDirectory(prefix="fusehr-emr-") as folder, clean_clone(ROOT) as clone:
        write_records(mirror, Path(folder))
        os.environ["FUSEHR_EMR"] = folder
        dvc(clone, "cache", "dir", "--local", str((ROOT / ".dvc" / "cache").resolve()))
        dvc(clone, "exp", "run", *options, f"evaluate-score@{RECIPE}")
        say(f"{ALONE}: logistic regression")
        write_alone(clone)
        table = table_of(clone / "data" / "evaluate")
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


def write_alone(clone: Path) -> None:
    """Predictions and scores of ALONE, for the samples that RECIPE predicts."""
    tables, trained = clone / "data" / "tables", clone / "data" / "train"
    told = read_parquet(trained / RECIPE / "predictions.parquet", PREDICTIONS)
    told = told[told["variant"] == FULL].assign(recipe=ALONE)
    told = told.drop(columns="p").merge(alone(tables), on=["sample_id", "fold"])
    folder = trained / ALONE
    folder.mkdir()
    write_parquet(folder / "predictions.parquet", told, PREDICTIONS)
    shutil.copyfile(trained / RECIPE / "skipped.json", folder / "skipped.json")
    params = stage_params(f"evaluate-score@{RECIPE}", clone)
    score_recipe(
        folder,
        clone / "data" / "evaluate" / ALONE,
        score_params(params),
        step_hours=params.section("tables.deterioration.step_hours", int),
    )


def alone(tables: Path) -> pd.DataFrame:
    """sample_id, fold (val or test), p: from view, age and sex, by whom has not seen the sample."""
    samples = load_task(tables, TASK)
    rows = samples.samples[["sample_id", "visit_id"]]
    for schema, columns in ((STATIC, ["age", "sex"]), (IMAGES, ["view"])):
        told = read_parquet(tables / f"{schema.name}.parquet", schema)
        rows = rows.merge(told[["visit_id", *columns]], on="visit_id", validate="1:1")
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


def table_of(scores: Path) -> pd.DataFrame:
    """A row a recipe and metric, with intervals; and how much RECIPE is above ALONE."""
    drawn = Drawn(gather(scores, (RECIPE, ALONE)))
    rows = []
    for metric in SHOWN:
        values = {name: drawn.value(TASK, name, metric) for name in (RECIPE, ALONE)}
        found = difference(values[RECIPE], values[ALONE], metric)
        told = {name: (one.value, one) for name, one in values.items() if one is not None}
        if found is not None:
            told["difference"] = (found.value, found)
        for name, (value, one) in told.items():
            low, high = np.quantile(one.draws[np.isfinite(one.draws)], INTERVAL)
            row = {"recipe": name, "metric": metric, "value": value, "low": low, "high": high}
            rows.append(row | {"n": one.n, "n_patients": one.n_patients})
    return rounded(pd.DataFrame(rows))


def page(table: pd.DataFrame) -> str:
    """The table as Markdown."""
    first = table.iloc[0]
    lines = [
        "# NIH ChestX-ray14: pneumonia or not, by image alone",
        "",
        f"{first['n']:,.0f} films of {first['n_patients']:,.0f} patients, each tested once, in "
        "folds by patient.",
        "",
        f"| | {' | '.join(METRICS[metric] for metric in SHOWN)} |",
        "|---|" + "---|" * len(SHOWN),
    ]
    titles = {RECIPE: "image", ALONE: "view, age and sex", "difference": "image less those"}
    for name, title in titles.items():
        cells = []
        for metric in SHOWN:
            (row,) = table[(table["recipe"] == name) & (table["metric"] == metric)].itertuples()
            cells.append(f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += ["", "In brackets: 95 % intervals over patients, paired for the difference."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
