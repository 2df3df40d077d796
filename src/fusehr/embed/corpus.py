"""Collect this run's texts: what at least one sample may see, each distinct text once.

Everything streams through DuckDB, which spills to disk above its memory limit, so that memory does
not grow with the number of notes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from fusehr.core.embed_schemas import (
    INDICATOR_TEXTS,
    NOTE_FEATURES,
    NOTE_SEGMENTS,
    NOTE_SENTENCES,
    TEXTS_TABLE,
)
from fusehr.core.frame.files import write_parquet_sql
from fusehr.core.frame.schemas import Table, check_parquet
from fusehr.core.frame.stage import say
from fusehr.core.gate.availability import attach_notes, open_tables, tasks_of
from fusehr.core.note_kinds import left_out
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.indicators import attach_indicators
from fusehr.embed.note_features import note_features
from fusehr.embed.segments import segments
from fusehr.embed.sentences import sentences

TABLES = ("samples", "dynamic", "notes", "static")
NOTES_AT_ONCE = 1000
FOUND = pa.schema([("text_sha256", pa.string()), ("kind", pa.string()), ("text", pa.string())])


def collect(tables: Path, folder: Path, params: EmbedParams) -> None:
    """Write note_sentences, note_segments, note_features, indicators and texts into `folder`.

    `tables` is data/tables. The tables of note parts hold the parts of every note that a sample may
    see, of the kinds in params.note_kinds; `texts` those texts alone that params.texts names.
    Without segments among these note_segments is empty, as no hash stands for a text not there.
    """
    scratch = folder / ".scratch"
    scratch.mkdir()
    with open_tables(tables, TABLES, threads=params.threads) as con:
        con.execute(f"SET memory_limit = '{params.memory_mb}MiB'")
        con.execute(f"SET temp_directory = '{str(scratch).replace(chr(39), chr(39) * 2)}'")
        _seen_notes(con, params)
        found = [scratch / "notes.parquet", scratch / "indicators.parquet"]
        _cut_notes(con, folder, found[0], params)
        _indicators(con, folder, found[1])
        for number, path in enumerate(found):
            con.from_parquet(str(path)).create_view(f"found_{number}")
        kinds = ", ".join(f"'{kind}'" for kind in params.texts) or "''"
        write_parquet_sql(
            folder / "texts.parquet",
            con,
            f"""
            SELECT text_sha256, list_sort(list(DISTINCT kind)) AS kinds, min(text) AS text
            FROM (FROM found_0 UNION ALL FROM found_1)
            WHERE kind IN ({kinds})
            GROUP BY text_sha256
            """,
            TEXTS_TABLE,
        )
    for path in scratch.rglob("*"):
        path.unlink()
    scratch.rmdir()


def _seen_notes(con: duckdb.DuckDBPyConnection, params: EmbedParams) -> None:
    con.execute("CREATE TEMP TABLE seen (note_id VARCHAR)")
    for task in tasks_of(con):
        attach_notes(con, task)
        con.execute("INSERT INTO seen SELECT DISTINCT note_id FROM sample_notes")
    con.execute(
        """
        CREATE TEMP TABLE chosen AS
        SELECT note_id FROM notes
        WHERE note_id IN (FROM seen) AND list_contains($kinds, code)
        """,
        {"kinds": list(params.note_kinds)},
    )
    if others := left_out(con, params.note_kinds):
        say(f"embed: not among embed.note_kinds, so left out: {others}")


def _cut_notes(
    con: duckdb.DuckDBPyConnection, folder: Path, texts: Path, params: EmbedParams
) -> None:
    """One pass over the notes in the order of their ids."""
    ((count,),) = con.execute("SELECT count(*) FROM chosen").fetchall()
    query = con.execute(
        "SELECT note_id, text, text_sha256 FROM notes SEMI JOIN chosen USING (note_id) "
        "ORDER BY note_id"
    )
    with (
        _Writer(folder, NOTE_SENTENCES) as of_sentences,
        _Writer(folder, NOTE_SEGMENTS) as of_segments,
        _Writer(folder, NOTE_FEATURES) as of_features,
        pq.ParquetWriter(texts, FOUND, compression="zstd") as of_texts,
        tqdm(total=count, desc="notes cut", unit="note", disable=None) as progress,
    ):
        while notes := query.fetchmany(NOTES_AT_ONCE):
            found: dict[tuple[str, str], str] = {}
            rows: tuple[list[dict], list[dict], list[dict]] = ([], [], [])
            for note_id, text, whole in notes:
                parts = sentences(text)
                found[whole, "notes"] = text
                for position, part in enumerate(parts):
                    sha = _sha(part)
                    found[sha, "sentences"] = part
                    rows[0].append({"note_id": note_id, "position": position, "text_sha256": sha})
                of_note = segments(parts) if "segments" in params.texts else []
                for position, part in enumerate(of_note):
                    sha = _sha(part)
                    found[sha, "segments"] = part
                    rows[1].append({"note_id": note_id, "segment": position, "text_sha256": sha})
                rows[2].append({"note_id": note_id} | asdict(note_features(parts)))
            for writer, of_kind in zip((of_sentences, of_segments, of_features), rows, strict=True):
                writer.write(of_kind)
            kept = [
                {"text_sha256": sha, "kind": kind, "text": text}
                for (sha, kind), text in found.items()
                if kind in params.texts
            ]
            of_texts.write_table(pa.Table.from_pylist(kept, schema=FOUND))
            progress.update(len(notes))


def _indicators(con: duckdb.DuckDBPyConnection, folder: Path, texts: Path) -> None:
    con.execute(
        "CREATE TEMP TABLE all_indicators (sample_id VARCHAR, position TINYINT, name VARCHAR, "
        "text_sha256 VARCHAR)"
    )
    con.execute("CREATE TEMP TABLE worded (text_sha256 VARCHAR, kind VARCHAR, text VARCHAR)")
    for task in tasks_of(con):
        attach_indicators(con, task)
        con.execute("INSERT INTO all_indicators SELECT * EXCLUDE (text) FROM indicator_texts")
        con.execute(
            "INSERT INTO worded SELECT DISTINCT text_sha256, 'indicators', text "
            "FROM indicator_texts WHERE text_sha256 IS NOT NULL"
        )
    write_parquet_sql(folder / "indicators.parquet", con, "FROM all_indicators", INDICATOR_TEXTS)
    location = str(texts).replace("'", "''")
    con.execute(f"COPY worded TO '{location}' (FORMAT parquet)")


class _Writer:
    """A table written part by part, already in its order, and checked at the end."""

    def __init__(self, folder: Path, schema: Table) -> None:
        self._path, self._schema = folder / f"{schema.name}.parquet", schema

    def __enter__(self) -> _Writer:
        self._writer = pq.ParquetWriter(self._path, self._schema.arrow(), compression="zstd")
        return self

    def write(self, rows: list[dict]) -> None:
        self._writer.write_table(pa.Table.from_pylist(rows, schema=self._schema.arrow()))

    def __exit__(self, kind: object, *_: object) -> None:
        self._writer.close()
        if kind is None:
            check_parquet(self._path, self._schema)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def text_batches(path: Path, size: int) -> Iterator[pa.RecordBatch]:
    """`texts` in its order, `size` rows at a time."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=size)
