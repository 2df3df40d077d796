"""Every note's entities, once a note, however many samples see it.

Notes are read by several processes; who reads which changes nothing.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from fusehr.core.frame.files import output_file
from fusehr.core.frame.schemas import check_parquet
from fusehr.core.rag_schemas import ENTITIES
from fusehr.rag.notes.chat_extraction import ChatExtraction
from fusehr.rag.notes.reader import Entity, Names, NoteReader

NOTES_AT_ONCE = 500
ALONE = 10_000  # fewer notes are read faster than another process starts
Note = tuple[str, str]  # note_id, text
COLUMNS = (
    "start",
    "end",
    "mention",
    "kind",
    "concept",
    "assertion",
    "listed",
    "node_index",
    "link",
    "score",
)


def write_entities(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    names: Names,
    *,
    processes: int,
    extraction: ChatExtraction | None = None,
) -> int:
    """Write `entities` of the notes in the table `chosen`; the number of these notes.

    con: has the view `notes` and the table `chosen` (note_id). extraction: finds the diseases in
    place of the dictionary.
    """
    ((count,),) = con.execute("SELECT count(*) FROM chosen").fetchall()
    query = con.execute(
        "SELECT note_id, text FROM notes SEMI JOIN chosen USING (note_id) ORDER BY note_id"
    )
    chunks = iter(lambda: query.fetchmany(NOTES_AT_ONCE), [])
    with (
        output_file(path) as partial,
        tqdm(total=count, desc="notes read", unit="note", disable=None) as progress,
    ):
        with pq.ParquetWriter(partial, ENTITIES.arrow(), compression="zstd") as writer:
            if extraction is not None:
                tables = _by_chat(chunks, NoteReader(names), extraction)
            elif processes == 1 or count < ALONE:
                tables = _by_name(chunks, NoteReader(names))
            else:
                tables = _side_by_side(chunks, names, processes)
            for notes, table in tables:
                writer.write_table(table)
                progress.update(notes)
        check_parquet(partial, ENTITIES, name=str(path))
    return count


def _by_name(chunks: Iterable[list[Note]], reader: NoteReader) -> Iterator[tuple[int, pa.Table]]:
    for chunk in chunks:
        yield len(chunk), entity_table((note_id, reader.read(text)) for note_id, text in chunk)


def _by_chat(
    chunks: Iterable[list[Note]], reader: NoteReader, extraction: ChatExtraction
) -> Iterator[tuple[int, pa.Table]]:
    for chunk in chunks:
        told = extraction.diseases([text for _, text in chunk])
        yield (
            len(chunk),
            entity_table(
                (note_id, reader.read(text, extraction.finder(names, reader)))
                for (note_id, text), names in zip(chunk, told, strict=True)
            ),
        )
    extraction.check()


def _side_by_side(
    chunks: Iterator[list[Note]], names: Names, processes: int
) -> Iterator[tuple[int, pa.Table]]:
    # DuckDB's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin, (names,)) as pool:
        waiting = []
        for chunk in chunks:
            waiting.append((len(chunk), pool.submit(_work, chunk)))
            if len(waiting) > 2 * processes:
                count, first = waiting.pop(0)
                yield count, first.result()
        for count, first in waiting:
            yield count, first.result()


_reader: NoteReader | None = None  # of a process of the pool


def _begin(names: Names) -> None:
    global _reader
    _reader = NoteReader(names)


def _work(chunk: Sequence[Note]) -> pa.Table:
    assert _reader is not None
    reader = _reader
    return entity_table((note_id, reader.read(text)) for note_id, text in chunk)


def entity_table(read: Iterable[tuple[str, list[tuple[int, Entity]]]]) -> pa.Table:
    """`entities` of notes as a NoteReader read them: pairs of note_id and what was found in it."""
    rows = [(note_id, sentence, entity) for note_id, found in read for sentence, entity in found]
    rows.sort(key=lambda row: (row[0], row[2].start, row[2].end, row[2].kind))
    columns = {
        "note_id": [row[0] for row in rows],
        "sentence": [row[1] for row in rows],
        **{name: [getattr(row[2], name) for row in rows] for name in COLUMNS},
    }
    return pa.table(columns, schema=ENTITIES.arrow())
