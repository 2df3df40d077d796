"""What is fitted on train patients' texts: TF-IDF with SVD, and the reduction's components."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.cohort import load_rounds, split_sha
from fusehr.core.embed_schemas import fixed_lists, reduced_table
from fusehr.core.frame.files import write_json
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.vectors import CHUNK, read_vectors
from fusehr.models.text import reduction
from fusehr.models.text.encoder import TextEncoder
from fusehr.models.text.reduction import Reduction
from fusehr.models.text.tfidf import DIMENSION, HashedWords, TfidfSvd, fit_tfidf_svd

SQL = Path(__file__).parent / "train_texts.sql"
OF_TABLES = ("notes", "samples")
OF_FOLDER = ("texts", "note_sentences", "note_segments", "note_features", "indicators")


def train_texts(tables: Path, folder: Path, params: EmbedParams) -> pd.DataFrame | None:
    """text_sha256 and text of train patients' texts, sorted; None under cross-validation.

    There every patient is tested by somebody, so nothing may be fitted for all rounds at once.
    Empty where train patients have no text.
    """
    rounds = load_rounds(tables)
    if len(rounds) != 1:
        return None
    train = pd.DataFrame({"patient_id": sorted(rounds[0].train)}, dtype="int64")
    with duckdb.connect(config={"threads": params.threads}) as con:
        con.execute("SET enable_progress_bar = false")
        con.register("train", train)
        for base, names in ((tables, OF_TABLES), (folder, OF_FOLDER)):
            for name in names:
                con.from_parquet(str(base / f"{name}.parquet")).create_view(name)
        return con.execute(SQL.read_text(), {"most": params.fit_texts}).df()


def fitted_encoder(
    texts: pd.DataFrame | None, folder: Path, params: EmbedParams
) -> TfidfSvd | HashedWords:
    """tfidf_svd for this split, kept in `folder` where it was fitted."""
    dimension = params.dimension or DIMENSION
    if texts is None or texts.empty:
        return HashedWords(dimension)
    encoder = fit_tfidf_svd(texts["text"].tolist(), dimension)
    encoder.save(folder)
    return encoder


def fitted_reduction(
    encoder: TextEncoder, texts: pd.DataFrame | None, folder: Path, params: EmbedParams
) -> Reduction:
    """To params.reduced_dimension: Matryoshka, principal components, or a fixed projection."""
    width, d = params.reduced_dimension, encoder.dimension
    if width >= d:
        return reduction.unchanged(d)
    if encoder.matryoshka:
        return reduction.first_dimensions(d, width)
    if texts is None or texts.empty:
        return reduction.random_projection(d, width)
    return reduction.fit_pca(_vectors_of(folder / "vectors.parquet", texts), width)


def write_reduced(folder: Path, reduce: Reduction) -> None:
    """Write folder/reduced.parquet from folder/vectors.parquet."""
    width = reduce.directions.shape[1]
    schema = reduced_table(width)
    path = folder / "reduced.parquet"
    with (
        pq.ParquetFile(folder / "vectors.parquet") as source,
        pq.ParquetWriter(path, schema.arrow(), compression="zstd") as writer,
    ):
        for batch in source.iter_batches(CHUNK, columns=["text_sha256", "vector"]):
            columns = [batch["text_sha256"], fixed_lists(reduce(read_vectors(batch)))]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema.arrow()))
    check_parquet(path, schema)


def write_fitted(
    tables: Path,
    folder: Path,
    encoder: TextEncoder,
    reduce: Reduction,
    texts: pd.DataFrame | None,
) -> None:
    """Write folder/fitted.json: what was fitted, on which split; and the reduction itself."""
    reduce.save(folder)
    write_json(
        folder / "fitted.json",
        {
            "encoder": encoder.name,
            "dimension": encoder.dimension,
            "reduction": reduce.method,
            "reduced_dimension": reduce.directions.shape[1],
            "fit_texts": 0 if texts is None else len(texts),
            "split_sha": split_sha(tables),
        },
    )


def _vectors_of(path: Path, texts: pd.DataFrame) -> np.ndarray:
    """Vectors (n, d) of the texts, in the order of their hashes."""
    wanted = set(texts["text_sha256"])
    parts = []
    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(CHUNK, columns=["text_sha256", "vector"]):
            shas = batch["text_sha256"].to_pylist()
            parts.append(
                read_vectors(batch)[[row for row, sha in enumerate(shas) if sha in wanted]]
            )
    return np.concatenate(parts)
