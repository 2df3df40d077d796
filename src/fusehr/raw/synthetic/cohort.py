"""The synthetic source: a cohort in MIMIC-IV's own files, drawn from a known risk.

Blocks of 250 patients are drawn one after the other, each from its own seeds and always whole, and
cut to the number of patients asked for: a patient is the same in a cohort of 30 and of 30,000, and
memory does not grow with the cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.params.raw import SyntheticParams
from fusehr.raw.synthetic.archive import Archive
from fusehr.raw.synthetic.graph.kg import disease_features, kg_table
from fusehr.raw.synthetic.identifiers import MAX_PATIENTS, subject_ids
from fusehr.raw.synthetic.latent.patients import BLOCK
from fusehr.raw.synthetic.latent.truth import Truth, truths
from fusehr.raw.synthetic.latent.world import World, build_model, draw_world
from fusehr.raw.synthetic.radiograph.pool import pool_films
from fusehr.raw.synthetic.radiograph.pool import shards as pool_shards
from fusehr.raw.synthetic.radiograph.shards import ShardWriter
from fusehr.raw.synthetic.rows import (
    charting,
    codes,
    cultures,
    dictionaries,
    drugs,
    emergency,
    images,
    infusions,
    labs,
    movements,
    notes,
    people,
    procedures,
)

KINDS = (
    people,
    movements,
    codes,
    procedures,
    drugs,
    labs,
    cultures,
    charting,
    infusions,
    emergency,
    notes,
    images,
)

TRUTH = "truth.parquet"
TRUTH_SCHEMA = pa.schema(
    [
        ("patient_id", pa.int64()),
        ("task", pa.string()),
        ("visit_id", pa.int64()),
        ("stay_id", pa.int64()),
        ("index_time", pa.timestamp("us")),
        ("class", pa.string()),
        ("oracle", pa.float64()),
        ("attainable", pa.float64()),
        ("notes", pa.float64()),
        ("image", pa.float64()),
        ("graph", pa.float64()),
    ]
)
MODALITIES = ("notes", "image", "graph")
TRUTH_ORDER = ("patient_id", "task", "index_time", "visit_id", "class")


def write(folder: Path, params: SyntheticParams) -> None:
    """Write the cohort's tables (hosp, icu, ed, note, cxr, kg) and truth.parquet into `folder`.

    Films go to tar files cxr/images-*.tar, those of people outside the cohort last.

    truth.parquet: patient_id, task, visit_id (hadm_id; without an admission the ED's stay_id),
    stay_id (null where the task has none), index_time, class, oracle, attainable, and what each
    modality adds to the logit (notes, image, graph); see latent/truth.py.
    Raises InputError when more patients are asked for than ids have room for.
    """
    if params.patients > MAX_PATIENTS:
        raise InputError(
            f"params.yaml: raw.synthetic.patients: expected at most {MAX_PATIENTS}, "
            f"found {params.patients}"
        )
    model = build_model(params)
    blocks = -(-params.patients // BLOCK)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Archive(folder) as archive,
        ShardWriter(folder / "cxr") as shards,
        pq.ParquetWriter(folder / TRUTH, TRUTH_SCHEMA, compression="zstd") as truth,
    ):
        for block in tqdm(range(blocks), desc="synthetic patients", unit="block", disable=None):
            world = draw_world(model, block)
            left = params.patients - block * BLOCK
            for key, table in tables(world):
                archive.append(key, _first(table, "subject_id", world, left))
            films = images.films(world)
            shards.append(films.where(films.subject_id < _limit(world, left)))
            truth.write_table(_first(truth_table(world), "patient_id", world, left))
        for shard in tqdm(
            range(pool_shards(params)), desc="images of others", unit="shard", disable=None
        ):
            pool = pool_films(params, shard)
            archive.append("cxr/metadata", pool.metadata)
            archive.append("cxr/chexpert", pool.chexpert)
            shards.append(pool.films)
        archive.append("kg/kg", kg_table(params.seed))
        archive.append("kg/disease_features", disease_features())
        for key, table in dictionaries.tables():
            archive.append(key, table)


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """Every table of a block with its key, whole."""
    for kind in KINDS:
        yield from kind.tables(world)


def truth_table(world: World) -> pa.Table:
    """The rows of truth.parquet of a block, sorted."""
    rows = pa.concat_tables([_truth_rows(world, truth) for truth in truths(world)])
    return rows.sort_by([(name, "ascending") for name in TRUTH_ORDER])


def _truth_rows(world: World, truth: Truth) -> pa.Table:
    n, classes = truth.oracle.shape
    names = pa.array(truth.classes).take(pa.array(np.tile(np.arange(classes), n)))

    def each(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, classes)

    stay = each(truth.stay_id)
    return pa.Table.from_arrays(
        [
            pa.array(each(world.patients.subject_id[truth.patient])),
            pa.repeat(pa.scalar(truth.task), n * classes),
            pa.array(each(truth.visit_id)),
            pa.array(stay, mask=stay < 0),
            pa.array(each(truth.index_time)).cast(pa.timestamp("s")).cast(pa.timestamp("us")),
            names,
            pa.array(truth.oracle.ravel()),
            pa.array(truth.attainable.ravel()),
            *(pa.array(each(truth.parts[name])) for name in MODALITIES),
        ],
        schema=TRUTH_SCHEMA,
    )


def _first(table: pa.Table, column: str, world: World, patients: int) -> pa.Table:
    """Rows of the block's first `patients` patients: subject ids rise with the patient's number."""
    if patients >= BLOCK:
        return table
    return table.filter(pa.array(table[column].to_numpy() < _limit(world, patients)))


def _limit(world: World, patients: int) -> int:
    """The subject id that the block's patients after the first `patients` begin with."""
    return int(subject_ids(np.array([world.block * BLOCK + min(patients, BLOCK)]))[0])
