"""Rules 4, 5 and 8 and absent modalities, for every recipe of more than one source of inputs.

The tables tell each sample's labels in every modality, and each modality lacks some patients.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.embed_schemas import INDICATOR_TEXTS, NOTE_SENTENCES, fixed_lists
from fusehr.core.folds import Fold, fold_rows
from fusehr.core.frame.files import read_parquet, write_parquet
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.schemas import DYNAMIC, LABEL, Table
from fusehr.core.gate.availability import open_tables
from fusehr.core.rag_schemas import FACT_COUNTS, FACTS
from fusehr.train.engine.contract import Fit, Fitted, Source
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.task import ROWS

from .multimodal import write_multimodal
from .test_honesty import assert_chance, permuted_labels, pooled_auroc

# recipe -> the sources of inputs that it claims to use
CLAIMS = {
    "gbm_facts": ("series", "notes", "summary"),
    "gbm_all": ("series", "notes", "summary", "images"),
    "lstm_notes": ("series", "notes"),
    "emerge": ("series", "notes", "summary"),
    "bia_fusion": ("series", "notes"),
    "triage_fusion": ("notes", "images"),
    "fusehr": ("series", "notes", "summary", "images"),
}
CLAIMED = [(recipe, source) for recipe, sources in CLAIMS.items() for source in sources]
TASK = "mortality"
PROFILE = Path(__file__).parents[2] / "benchmarks/powered/unimodal.yaml"
ALONE = yaml.safe_load(PROFILE.read_text())


@pytest.fixture(scope="module")
def tables(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Multimodal tables, not to be changed."""
    folder = tmp_path_factory.mktemp("multimodal") / "data" / "tables"
    return write_multimodal(make_tables(folder, patients=300))


@pytest.fixture(scope="module")
def once(trained: Callable[..., Path], tables: Path) -> Callable[[str], Path]:
    """A recipe trained on all tasks of `tables`, at most once."""
    folders: dict[str, Path] = {}

    def folder(recipe: str) -> Path:
        if recipe not in folders:
            folders[recipe] = trained(recipe, tables)
        return folders[recipe]

    return folder


@contextmanager
def inputs_fitted(
    recipe: str, tables: Path, project: Callable, root: Path
) -> Iterator[tuple[Fitted, Fold]]:
    """A recipe fitted on one task, and the rows that it was fitted on."""
    project(root, {"train.tasks": [TASK]})
    job = load_job(recipe, stage_params(f"train@{recipe}", root))
    samples = load_task(tables, TASK)
    with open_tables(tables, job.recipe.tables, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        inputs = job.recipe.inputs(Source(con, tables, 1), samples)
    (fold,) = fold_rows(samples, load_rounds(tables))
    yield inputs.fit(Fit(fold, 1, recipe, lambda epoch: None)), fold


def rows_of(folder: Path, variant: str = "full") -> pd.DataFrame:
    frame = pd.read_parquet(folder / "predictions.parquet")
    return frame[(frame["variant"] == variant) & (frame["fold"] == "test")]


@pytest.mark.parametrize("recipe", CLAIMS)
def test_a_recipe_learns_every_task_and_is_tested_without_each_source(
    recipe: str, once: Callable[[str], Path]
) -> None:
    assert json.loads((once(recipe) / "skipped.json").read_text()) == {}
    variants = set(pd.read_parquet(once(recipe) / "predictions.parquet")["variant"])
    sources = set(CLAIMS[recipe])
    assert {f"without_{source}" for source in sources} == variants - {"full"}
    (full, *_) = pooled_auroc([rows_of(once(recipe)).reset_index()], draws=0)
    assert full > 0.65
    for source in sources:
        (less, *_) = pooled_auroc(
            [rows_of(once(recipe), f"without_{source}").reset_index()], draws=0
        )
        assert less < full


@pytest.mark.parametrize("path", ALONE)
def test_a_network_learns_from_one_modality_alone(
    path: str, trained: Callable[..., Path], tables: Path
) -> None:
    recipe = path.split(".")[1]
    folder = trained(recipe, tables, **{path.replace(".", "__"): ALONE[path]})
    assert json.loads((folder / "skipped.json").read_text()) == {}
    variants = set(pd.read_parquet(folder / "predictions.parquet")["variant"])
    source = "notes" if ALONE[path] == "text" else "series"
    assert variants <= {"full", f"without_{source}"}
    (full, *_) = pooled_auroc([rows_of(folder).reset_index()], draws=0)
    assert full > 0.6


@pytest.mark.parametrize("recipe", CLAIMS)
def test_predictions_depend_neither_on_the_batch_nor_on_the_order(
    recipe: str, tables: Path, project: Callable, tmp_path: Path
) -> None:
    """Rule 5."""
    with inputs_fitted(recipe, tables, project, tmp_path) as (fitted, fold):
        together = fitted.predict(fold.test)
        assert together.std() > 0.01
        np.testing.assert_allclose(
            fitted.predict(fold.test[::-1].copy()), together[::-1], rtol=0, atol=1e-5
        )
        for k in range(0, len(fold.test), 7):
            alone = fitted.predict(fold.test[k : k + 1])
            np.testing.assert_allclose(alone, together[k : k + 1], rtol=0, atol=1e-5)


def _shuffled(frame: pd.DataFrame, key: str, among: np.ndarray) -> pd.DataFrame:
    """Rows whose `key` is in `among` go to another one of these; the others stay."""
    other = dict(zip(among, np.roll(among, 17), strict=True))
    return frame.assign(**{key: [other.get(value, value) for value in frame[key]]})


def _rewrite(path: Path, schema: Table, key: str, among: np.ndarray) -> None:
    write_parquet(path, _shuffled(read_parquet(path, schema), key, among), schema)


def _shuffle_counts(features: str, rag: Path, by_task: list[np.ndarray]) -> None:
    counts = read_parquet(rag / "fact_counts.parquet", FACT_COUNTS)
    mine = counts["feature"].str.startswith(features)
    moved = counts[mine]
    for sample_ids in by_task:
        moved = _shuffled(moved, "sample_id", sample_ids)
    write_parquet(rag / "fact_counts.parquet", pd.concat([counts[~mine], moved]), FACT_COUNTS)


def shuffle_source(source: str, tables: Path) -> None:
    """Give test patients' inputs of one source to other test patients."""
    test = load_rounds(tables)[0].test
    samples = pd.read_parquet(tables / "samples.parquet")
    of_test = samples[samples["patient_id"].isin(test)]
    by_task = [rows["sample_id"].to_numpy() for _, rows in of_test.groupby("task")]
    embed, rag = tables.parent / "embed", tables.parent / "rag"
    if source == "series":
        dynamic = pd.read_parquet(tables / "dynamic.parquet")
        first = of_test.groupby("patient_id")["history_start"].min()
        patients = first.index.to_numpy()
        # to another patient, at the same distance from that one's admission
        moved = dynamic["patient_id"].isin(patients)
        other = dict(zip(patients, np.roll(patients, 17), strict=True))
        shifts = {patient: first[other[patient]] - first[patient] for patient in patients}
        shift = dynamic.loc[moved, "patient_id"].map(shifts)
        for column in ("event_time", "available_time"):
            dynamic.loc[moved, column] = dynamic.loc[moved, column] + shift
        dynamic.loc[moved, "patient_id"] = dynamic.loc[moved, "patient_id"].map(other)
        write_parquet(tables / "dynamic.parquet", dynamic, DYNAMIC)
        for sample_ids in by_task:
            _rewrite(embed / "indicators.parquet", INDICATOR_TEXTS, "sample_id", sample_ids)
    elif source == "notes":
        notes = pd.read_parquet(tables / "notes.parquet")
        mine = notes[notes["patient_id"].isin(test)].sort_values(["event_time", "note_id"])
        for _, of_kind in mine.groupby(mine["note_id"].str.split("-").str[-1]):
            _rewrite(
                embed / "note_sentences.parquet",
                NOTE_SENTENCES,
                "note_id",
                of_kind["note_id"].to_numpy(),
            )
        _shuffle_counts("finding/", rag, by_task)
    elif source == "summary":
        for sample_ids in by_task:
            _rewrite(rag / "facts.parquet", FACTS, "sample_id", sample_ids)
        _shuffle_counts("pair/", rag, by_task)
    else:
        images = pd.read_parquet(tables / "images.parquet")
        mine = images[images["patient_id"].isin(test)]
        pixels = np.load(tables / "images.npy")
        rows = mine["pixel_row"].to_numpy(dtype=int)
        pixels[rows] = pixels[np.roll(rows, 17)]
        np.save(tables / "images.npy", pixels)
        path = tables.parent / "train" / "images" / "vectors.parquet"
        vectors = _shuffled(pd.read_parquet(path), "image_id", mine["image_id"].to_numpy())
        stacked = np.stack(list(vectors["vector"])).astype(np.float32)
        table = pa.table(
            {"image_id": pa.array(vectors["image_id"]), "vector": fixed_lists(stacked)}
        )
        pq.write_table(table.sort_by("image_id"), path)


@pytest.mark.parametrize(("recipe", "source"), CLAIMED)
def test_shuffling_a_source_across_patients_lowers_the_score(
    recipe: str,
    source: str,
    trained: Callable[..., Path],
    once: Callable[[str], Path],
    tables: Path,
    tmp_path: Path,
) -> None:
    """Rule 8: what a recipe claims to use, it uses. Only test patients' inputs are shuffled, so
    that the same weights are fitted."""
    shutil.copytree(tables.parent, tmp_path / "data")
    shuffle_source(source, tmp_path / "data" / "tables")
    others = trained(recipe, tmp_path / "data" / "tables", train__tasks=["mortality", "triage"])
    shuffled = rows_of(others).reset_index()
    told = rows_of(once(recipe)).reset_index()
    told = told[told["task"].isin(shuffled["task"])]
    before, after = (pooled_auroc([frame], draws=0)[0] for frame in (told, shuffled))
    assert after < before - 0.01


def test_permuted_labels_cannot_be_predicted(
    trained: Callable[..., Path], tables: Path, once: Callable[[str], Path], tmp_path: Path
) -> None:
    """Rule 4, pooled over the recipes; notes, facts and images tell the labels as they were."""
    shutil.copytree(tables.parent, tmp_path / "data")
    changed = tmp_path / "data" / "tables"
    write_parquet(changed / "label.parquet", permuted_labels(tables, seed=2), LABEL)
    assert_chance(
        [rows_of(trained(recipe, changed)).reset_index() for recipe in CLAIMS],
        [rows_of(once(recipe)).reset_index() for recipe in CLAIMS],
    )
