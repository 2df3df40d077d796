"""The command `fusehr predict`: a file of texts to a CSV of probabilities.

Texts are read, predicted and written some at a time. The result is whole or not there at all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.models.distilled.exported import ExportedStudent, Runtime
from fusehr.serve.models import load_model
from fusehr.serve.texts import Text, Texts, open_texts

AT_ONCE = 256  # texts held in memory
DECIMALS = 6  # of probabilities: what all runtimes but int8 agree on
ID, CUT = "id", "tokens_cut"


def predict(
    root: Path,
    source: Path,
    output: Path | None,
    *,
    model: str,
    task: str,
    runtime: Runtime,
    threads: int,
) -> str:
    """Write a row for every text of `source` to `output`; returns what there is to say of it.

    Columns: id (row or line of `source`), sample_id and patient_id where `source` has them, the
    classes' probabilities, tokens_cut. Without `output` the result stands beside `source`, and a
    file that is there already is left alone. Raises InputError where anything is not as expected.
    """
    target = target_of(source, output)
    loaded = load_model(root, model, task, runtime, threads=threads)
    texts = open_texts(source, loaded.about.task)
    with output_file(target) as partial:
        n, cut, tokens = _write(partial, texts, loaded)
        if not n:
            raise InputError(f"{source}: expected texts, found none")
    said = f"predicted {loaded.about.task} of {n:,} texts by {model} ({runtime}): {target}"
    if cut:
        said += (
            f"\n{cut:,} of {n:,} texts are longer than the {loaded.about.max_tokens} tokens that "
            f"the model reads: {tokens:,} tokens were cut off (column {CUT})"
        )
    return said


def target_of(source: Path, output: Path | None) -> Path:
    """Where the result goes: `output`, else beside `source`, where nothing is overwritten.

    Raises InputError where that is a folder or the input itself.
    """
    target = output or source.with_name(f"{source.stem}.predictions.csv")
    if output is None and target.exists():
        raise InputError(f"{target}: expected no file; name one by -o, which may exist already")
    if target.is_dir():
        raise InputError(f"{target}: expected a file, found a folder")
    if target.resolve() == source.resolve():
        raise InputError(f"{target}: expected another file than the input")
    return target


def _write(path: Path, texts: Texts, model: ExportedStudent) -> tuple[int, int, int]:
    """Number of texts, of those that were cut, and of tokens that were cut off."""
    n = cut = tokens = 0
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        tqdm(desc=model.about.task, unit="text", disable=None) as progress,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([ID, *texts.carried, *model.about.names, CUT])
        for some in _some(texts.rows):
            p, lost = model.probabilities([row.text for row in some])
            for row, values, own in zip(some, p.tolist(), lost.tolist(), strict=True):
                told = (f"{value:.{DECIMALS}f}" for value in values)
                writer.writerow([row.number, *row.values, *told, own])
            n, cut, tokens = n + len(some), cut + int((lost > 0).sum()), tokens + int(lost.sum())
            progress.update(len(some))
    return n, cut, tokens


def _some(rows: Iterator[Text]) -> Iterator[Sequence[Text]]:
    while some := list(islice(rows, AT_ONCE)):
        yield some
