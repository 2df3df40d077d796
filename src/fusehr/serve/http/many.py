"""Many cases in one upload, JSONL or CSV, answered row by row as they are predicted.

A row that is not as expected is answered by what is wrong with it; the others are not held up.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fusehr.serve.cases.case import Case, ranges
from fusehr.serve.http.answers import Prediction
from fusehr.serve.http.reading import case_of
from fusehr.serve.http.refusals import RefusedError, in_words
from fusehr.serve.predictors.contract import About

JSONL, CSV = "application/x-ndjson", "text/csv"
TEXT_COLUMNS = {"text": "text", "emr_text": "text", "complaint": "complaint", "image": "image"}
CARRIED = ("id", "patient_id")
KNOWN_COLUMNS = (*CARRIED, "age", "sex", *TEXT_COLUMNS)
ID_LENGTH = 200

Ask = Callable[[Case], Awaitable[Prediction]]


@dataclass(frozen=True)
class Row:
    """number: from 1; carried: columns that are given back; case: or why there is none."""

    number: int
    carried: dict[str, str]
    case: Case | RefusedError


def jsonl_rows(content: bytes) -> Iterator[Row]:
    """A case a line; `id` beside its fields is given back."""
    number = 0
    for line in content.splitlines():
        if line.strip():
            number += 1
            yield _of_line(number, line)


def csv_rows(content: bytes) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Columns that are carried over, and a case a row. Columns: id, patient_id, age, sex, text (or
    emr_text), complaint, image (base64) and names of variables.

    Raises RefusedError where the header is not that.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError(422, "expected UTF-8") from None
    # of the whole process, so that a short upload must not cut the fields of other readers
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
    except csv.Error:
        raise RefusedError(422, "expected CSV with a line of column names") from None
    if "image_path" in header:
        raise RefusedError(422, "image_path: expected images in the column image, in base64")
    unknown = [name for name in header if name not in KNOWN_COLUMNS and name not in ranges()]
    if not header or unknown or len(set(header)) < len(header):
        expected = ", ".join(KNOWN_COLUMNS)
        raise RefusedError(
            422, f"expected columns among {expected} and names of variables, each once"
        )
    return tuple(name for name in CARRIED if name in header), _of_rows(rows, header)


async def answered(rows: Iterator[Row], ask: Ask, *, at_once: int) -> AsyncIterator[Any]:
    """(row, Prediction or RefusedError) in the rows' order; `at_once` are asked at most."""
    pending: deque[tuple[Row, asyncio.Task[Prediction | RefusedError]]] = deque()
    try:
        for row in rows:
            pending.append((row, asyncio.create_task(_asked(row, ask))))
            if len(pending) >= at_once:
                first, task = pending.popleft()
                yield first, await task
        while pending:
            first, task = pending.popleft()
            yield first, await task
    finally:
        for _, task in pending:
            task.cancel()
        for _, task in pending:
            with suppress(asyncio.CancelledError):
                await task


async def as_jsonl(found: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """A JSON object a row."""
    async for row, answer in found:
        told: dict[str, Any] = {"row": row.number, **row.carried}
        if isinstance(answer, RefusedError):
            told["error"] = answer.message
        else:
            told |= answer.model_dump(exclude={"model", "task"})
        yield json.dumps(told, ensure_ascii=False).encode() + b"\n"


async def as_csv(
    found: AsyncIterator[Any], about: About, carried: tuple[str, ...]
) -> AsyncIterator[bytes]:
    """A line a row: probabilities as p_<class>, calibrated ones as calibrated_<class>."""
    names = [f"{kind}_{name}" for kind in ("p", "calibrated") for name in about.classes]
    yield _line(["row", *carried, "predicted", *names, "error"])
    async for row, answer in found:
        own = [str(row.number), *(row.carried.get(name, "") for name in carried)]
        if isinstance(answer, RefusedError):
            yield _line([*own, "", *[""] * len(names), answer.message])
            continue
        fitted = answer.calibrated or {}
        numbers = [repr(answer.probabilities[name]) for name in about.classes]
        numbers += [repr(fitted[name]) if fitted else "" for name in about.classes]
        yield _line([*own, answer.predicted or "", *numbers, ""])


async def _asked(row: Row, ask: Ask) -> Prediction | RefusedError:
    if isinstance(row.case, RefusedError):
        return row.case
    try:
        return await ask(row.case)
    except RefusedError as refused:
        return refused


def _of_line(number: int, line: bytes) -> Row:
    carried: dict[str, str] = {}
    try:
        content = json.loads(line)
        if isinstance(content, dict) and isinstance(content.get("id"), str):
            carried["id"] = content.pop("id")[:ID_LENGTH]
            # the case's own reading has the last word on what is a number
            line = json.dumps(content, ensure_ascii=False).encode()
        return Row(number, carried, case_of(line))
    except RefusedError as refused:
        return Row(number, carried, refused)
    except (ValueError, RecursionError):
        return Row(number, carried, RefusedError(422, "expected a case in JSON"))


def _of_rows(rows: Iterator[list[str]], header: list[str]) -> Iterator[Row]:
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Row(number, {}, RefusedError(422, "not valid CSV from here on"))
            return
        if not row:
            number -= 1
            continue
        carried = {
            name: value[:ID_LENGTH]
            for name, value in zip(header, row, strict=False)
            if name in CARRIED
        }
        yield Row(number, carried, _of_fields(header, row))


def _of_fields(header: list[str], row: list[str]) -> Case | RefusedError:
    if len(row) != len(header):
        return RefusedError(422, f"expected {len(header)} fields, found {len(row)}")
    fields: dict[str, Any] = {}
    vitals: dict[str, float] = {}
    try:
        for name, value in zip(header, row, strict=True):
            if not value or name in CARRIED:
                continue
            if name in TEXT_COLUMNS:
                fields[TEXT_COLUMNS[name]] = value
            elif name == "sex":
                fields[name] = value
            elif name == "age":
                fields[name] = float(value)
            else:
                vitals[name] = float(value)
        return Case.model_validate({**fields, "vitals": vitals})
    except ValidationError as error:
        return RefusedError(422, in_words(error))
    except ValueError:
        return RefusedError(422, "expected numbers in the columns of age and variables")


def _line(values: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()
