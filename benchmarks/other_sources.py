"""Every recipe on real data of another source, with intervals; gbm is what all are compared with.

    FUSEHR_MIRROR=<folder> python benchmarks/other_sources.py physionet2012
    FUSEHR_ONEEHR=<folder of TJH> python benchmarks/other_sources.py tjh

Neither source has notes, codes or images: the presets have EMERGE see series and facts of what
abnormal values suggest, BiA the indicators in words, and the table says of each recipe which of
its modalities the source really had.

In a clean clone of HEAD the preset of that name is run by `dvc exp run`. In a second one gbm is
trained with scikit-learn's own defaults (`HistGradientBoosting`), on the same aggregates, folds and
patients, so that ours do not win by what we chose. Written to benchmarks/other_sources/<name>:
table.md, table.csv, metrics/tables.json of the cohort as cohort.json, and the commit that made
them. Outputs go through the repository's cache, so that a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from fusehr.clone import clean_clone, dvc, git
from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import lookup, read_yaml
from fusehr.core.frame.stage import say
from fusehr.evaluate.figures.style import METRICS
from fusehr.evaluate.gather import Scores, gather
from fusehr.evaluate.outputs import INTERVAL
from fusehr.evaluate.pairs import Drawn, difference
from fusehr.evaluate.tables import rounded
from fusehr.presets import preset_options

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "other_sources"
SCORES = Path("data/evaluate")
TITLES = {
    "physionet2012": "PhysioNet/CinC Challenge 2012: trained on set a, tested on set b",
    "tjh": "TJH: what is known of the stay, and what it is worth (folds by patient)",
}
REFERENCE, PLAIN = "gbm", "HistGradientBoosting"
# HistGradientBoostingClassifier's defaults; below 10,000 samples it does not stop early
DEFAULTS = {
    "learning_rate": 0.1,
    "max_iter": 100,
    "patience": 100,
    "members": 1,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 20,
    "l2_regularization": 0.0,
    "max_features": 1.0,
    "max_bins": 255,
}
SHOWN = ("auroc", "auprc", "min_p_se")
# What the source has of a modality: the first of these that is not empty.
HELD = {
    "series": "SELECT 1 FROM 'data/tables/dynamic.parquet'",
    "codes": "SELECT 1 FROM 'data/tables/visits.parquet' WHERE len(diagnoses || procedures) > 0",
    "indicators": "SELECT 1 FROM 'data/embed/indicators.parquet' WHERE text_sha256 IS NOT NULL",
    "notes": "SELECT 1 FROM 'data/embed/note_sentences.parquet'",
    "findings": "SELECT 1 FROM 'data/rag/fact_counts.parquet' WHERE feature NOT LIKE 'pair/%'",
    "summary": "SELECT 1 FROM 'data/rag/facts.parquet'",
    "relations": "SELECT 1 FROM 'data/rag/fact_counts.parquet' WHERE feature LIKE 'pair/%'",
    "images": "SELECT 1 FROM 'data/tables/images.parquet'",
}
MARGIN = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TITLES))
    name = parser.parse_args().name
    options = preset_options(ROOT, name)
    plain = [w for key, value in DEFAULTS.items() for w in ("-S", f"recipes.gbm.{key}={value}")]
    with clean_clone(ROOT) as one, clean_clone(ROOT) as other:
        say(f"{name}: every recipe")
        run(one, options, "evaluate")
        say(f"{name}: {PLAIN}")
        run(other, [*options, *plain], f"evaluate-score@{REFERENCE}")
        shutil.copytree(other / SCORES / REFERENCE, one / SCORES / PLAIN)
        recipes = lookup(read_yaml(one / "params.yaml"), "recipes")
        known = [r for r in recipes if _scored(one, r)]
        seen = {r: _seen(one, recipes[r]["modalities"]) for r in known}
        seen[PLAIN] = seen[REFERENCE]
        table = table_of(gather(one / SCORES, (*known, PLAIN)), seen)
        with output_folder(FOLDER / name) as folder:
            table.to_csv(folder / "table.csv", index=False, lineterminator="\n")
            (folder / "table.md").write_text(page(table, TITLES[name]))
            shutil.copyfile(one / "metrics" / "tables.json", folder / "cohort.json")
            (folder / "commit.txt").write_text(git(ROOT, "rev-parse", "HEAD") + "\n")
        print(page(table, TITLES[name]))


def run(clone: Path, options: list[str], target: str) -> None:
    """An experiment in the clone, of `target` and what it needs."""
    dvc(clone, "cache", "dir", "--local", str((ROOT / ".dvc" / "cache").resolve()))
    dvc(clone, "exp", "run", *options, target)


def _scored(clone: Path, recipe: str) -> bool:
    return (clone / SCORES / recipe).is_dir()


def _seen(clone: Path, modalities: list[str]) -> str:
    """Of a recipe's modalities those that the source has."""
    with duckdb.connect() as con:
        found = [
            name
            for name in modalities
            if con.execute(f"{HELD[name].replace('data/', f'{clone}/data/')} LIMIT 1").fetchone()
        ]
    return ", ".join(found) or "nothing"


def table_of(scores: Scores, seen: dict[str, str]) -> pd.DataFrame:
    """A row a task, recipe and metric: the value, and its differences from gbm and PLAIN.

    seen: recipe -> what it saw.
    """
    drawn = Drawn(scores)
    rows = []
    for task in scores.tasks:
        for recipe in scores.ranked:
            for metric in SHOWN:
                one = drawn.value(task, recipe, metric)
                if one is None:
                    continue
                row = {"task": task, "recipe": recipe, "metric": metric, "value": one.value}
                row |= dict(zip(("low", "high"), _ends(one.draws), strict=True))
                row |= {"n": one.n, "n_patients": one.n_patients, "seen": seen[recipe]}
                for against in (REFERENCE, PLAIN):
                    found = difference(one, drawn.value(task, against, metric), metric)
                    if found is None or recipe == against:
                        continue
                    row[f"less_{against}"] = found.value
                    ends = (f"less_{against}_low", f"less_{against}_high")
                    row |= dict(zip(ends, _ends(found.draws), strict=True))
                rows.append(row)
    return rounded(pd.DataFrame(rows))


def _ends(draws: np.ndarray) -> np.ndarray:
    return np.quantile(draws[np.isfinite(draws)], INTERVAL)


def page(table: pd.DataFrame, title: str) -> str:
    """The table as Markdown, the best AUROC first."""
    parts = [f"# {title}", ""]
    for task, rows in table.groupby("task", sort=False):
        first = rows.iloc[0]
        parts += [
            f"## {task}: {first['n']:,.0f} samples of {first['n_patients']:,.0f} test patients",
            "",
            f"| recipe | saw | {' | '.join(METRICS[m] for m in SHOWN)} "
            f"| AUROC less {REFERENCE} | AUROC less {PLAIN} |",
            "|---|" + "---|" * (len(SHOWN) + 3),
        ]
        order = rows[rows["metric"] == "auroc"].sort_values("value", ascending=False)
        for recipe in order["recipe"]:
            own = rows[rows["recipe"] == recipe].set_index("metric")
            cells = [_interval(own.loc[metric], "value", "low", "high", "") for metric in SHOWN]
            for against in (REFERENCE, PLAIN):
                less = f"less_{against}"
                cells.append(_interval(own.loc["auroc"], less, f"{less}_low", f"{less}_high", "+"))
            saw = own.loc["auroc", "seen"]
            parts.append(f"| {recipe} | {saw} | {' | '.join(cells)} |")
        parts.append("")
    parts += [
        "In brackets: 95 % intervals over patients, paired for differences. Not inferior by a",
        f"margin of {MARGIN:g} is what has the lower end of its difference above -{MARGIN:g}.",
        f"{PLAIN}: scikit-learn's defaults on the same aggregates, fitted again on validation",
        "patients as gbm is. What a recipe saw: of its modalities those that the source has; the",
        "preset leaves notes out of emerge's and bia_fusion's.",
    ]
    return "\n".join(parts) + "\n"


def _interval(row: pd.Series, value: str, low: str, high: str, sign: str) -> str:
    if pd.isna(row[value]):
        return "-"
    return f"{row[value]:{sign}.3f} [{row[low]:{sign}.3f}, {row[high]:{sign}.3f}]"


if __name__ == "__main__":
    main()
