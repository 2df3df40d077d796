"""Write whole files or none: to a temporary name beside the target, then rename.

The temporary name is fixed, so that what a killed run left behind is removed by the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import Table, check_parquet

CHUNK = 1 << 20


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    _remove(partial)
    try:
        yield partial
        _remove(path) if path.is_dir() else None
        partial.replace(path)
    except BaseException:
        _remove(partial)
        raise


@contextmanager
def output_folder(path: Path | str) -> Iterator[Path]:
    """A new empty folder that takes the place of `path` when the block ends without an error."""
    with _replaced(Path(path)) as partial:
        partial.mkdir()
        yield partial


@contextmanager
def output_file(path: Path | str) -> Iterator[Path]:
    """A temporary file name that takes the place of `path` when the block ends without an error."""
    with _replaced(Path(path)) as partial:
        yield partial


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def write_json(path: Path | str, content: Any) -> None:
    """JSON with sorted keys; NaN and infinity are refused, as JSON has no such numbers."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with output_file(path) as partial:
        partial.write_text(text + "\n")


def read_json(path: Path | str) -> Any:
    """Content of a JSON file, or InputError naming it."""
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file, found none") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON at line {error.lineno}") from None


def write_parquet(path: Path | str, frame: Any, schema: Table) -> None:
    """Write a pandas frame (or Arrow table) as `schema` says: its columns, types and row order.

    Raises InputError when the content breaks a rule of the schema; nothing is left behind then.
    """
    arrow = schema.arrow()
    missing = [name for name in arrow.names if name not in _names(frame)]
    if missing:
        raise InputError(f"{path}: column {missing[0]}: expected, found {', '.join(_names(frame))}")
    if not isinstance(frame, pa.Table):
        try:
            frame = pa.Table.from_pandas(frame[arrow.names], schema=arrow, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(f"{path}: {error.args[-1]}") from None
    table = frame.select(arrow.names).cast(arrow)
    if schema.sort:
        table = table.sort_by([(name, "ascending") for name in schema.sort])
    table = table.replace_schema_metadata(None)
    with output_file(path) as partial:
        pq.write_table(table, partial, compression="zstd", row_group_size=1 << 17)
        check_parquet(partial, schema, name=str(path))


def write_parquet_sql(
    path: Path | str, con: duckdb.DuckDBPyConnection, query: str, schema: Table
) -> None:
    """Write what `query` gives as `schema` says, streamed by DuckDB in the schema's row order.

    Remaining columns break ties, so the file is the same on every run. Raises InputError as
    write_parquet does.
    """
    columns = ", ".join(f'"{name}"' for name in schema.arrow().names)
    rest = [name for name in schema.arrow().names if name not in schema.sort]
    order = ", ".join(f'"{name}" NULLS FIRST' for name in (*schema.sort, *rest))
    with output_file(path) as partial:
        location = str(partial).replace("'", "''")
        con.execute(
            f"COPY (SELECT {columns} FROM ({query}) ORDER BY {order}) TO '{location}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
        )
        check_parquet(partial, schema, name=str(path))


def _names(frame: Any) -> list[str]:
    return frame.column_names if isinstance(frame, pa.Table) else [str(c) for c in frame.columns]


def read_parquet(path: Path | str, schema: Table, columns: list[str] | None = None) -> Any:
    """The table at `path` as a pandas frame, checked against `schema` first."""
    check_parquet(Path(path), schema)
    return pq.read_table(path, columns=columns).to_pandas()
