"""`fusehr predict`: a row for every text, or one clear message and no file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusehr import cli
from fusehr.core.frame.errors import InputError
from fusehr.core.instructions import Instruction, question, write_jsonl
from fusehr.models.distilled.exported import RUNTIMES, ExportedStudent, Runtime, load_exported
from fusehr.serve import predict as module
from fusehr.serve.models import MODELS, STUDENTS
from fusehr.serve.predict import predict
from fusehr.serve.texts import open_texts

from ..models.distilled.small_student import CLASSES, TEXTS

QUESTION = question("next_diagnoses")
HEADER = ["id", *CLASSES, "tokens_cut"]
Call = Callable[..., str]


@pytest.fixture
def call(served: Path) -> Call:
    usual: dict[str, Any] = {
        "model": "student",
        "task": "next_diagnoses",
        "runtime": "onnx",
        "threads": 1,
    }

    def run(source: Path, output: Path | None = None, **changes: Any) -> str:
        return predict(served, source, output, **usual | changes)

    return run


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    path = tmp_path / "visits.jsonl"
    # the answer is known of every other one, as in the published files
    write_jsonl(
        path, (Instruction(QUESTION, t, "x" if k % 2 else None) for k, t in enumerate(TEXTS))
    )
    return path


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_row_for_every_text(call: Call, served: Path, jsonl: Path, runtime: Runtime) -> None:
    said = call(jsonl, runtime=runtime)
    header, *rows = table(jsonl.with_name("visits.predictions.csv"))
    assert header == HEADER
    assert [row[0] for row in rows] == [str(k) for k in range(1, len(TEXTS) + 1)]
    folder = served / STUDENTS / "next_diagnoses"
    p, lost = load_exported(folder, runtime).probabilities(TEXTS)
    np.testing.assert_allclose([[float(v) for v in row[1:-1]] for row in rows], p, atol=1e-6)
    assert [int(row[-1]) for row in rows] == lost.tolist()
    assert f"{(lost > 0).sum()} of 40 texts are longer than the 24 tokens" in said
    assert f"{lost.sum()} tokens were cut off" in said


def test_nothing_is_said_of_texts_that_fit(call: Call, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [["text"], ["fever and cough"]])
    assert "cut" not in call(source)
    assert table(tmp_path / "a.predictions.csv")[1][-1] == "0"


def test_csv_and_jsonl_give_the_same(call: Call, jsonl: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [["input"], *([text] for text in TEXTS)])
    call(jsonl, tmp_path / "one.csv")
    call(source, tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    first = (tmp_path / "two.csv").read_bytes()
    call(source, tmp_path / "two.csv")  # a file named by -o may be there
    assert (tmp_path / "two.csv").read_bytes() == first


def test_ids_are_carried_over_and_other_columns_are_not(call: Call, tmp_path: Path) -> None:
    rows = [
        ["age", "patient_id", "text", "sample_id"],
        ["3", "007", 'first line\nsecond, "quoted"', "triage-1"],
        ["5", "", "cough", "Müller, 2"],
    ]
    call(write_csv(tmp_path / "a.csv", rows))
    header, first, second = table(tmp_path / "a.predictions.csv")
    assert header == ["id", "sample_id", "patient_id", *CLASSES, "tokens_cut"]
    assert first[:3] == ["1", "triage-1", "007"]
    assert second[:3] == ["2", "Müller, 2", ""]


def test_what_spreadsheets_write_is_read(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufefftext,patient_id\r\nfever,1\r\n\r\ncough,2\r\n".encode())
    call(path)
    plain = write_csv(tmp_path / "b.csv", [["text", "patient_id"], ["fever", "1"], ["cough", "2"]])
    call(plain)
    found = [(tmp_path / f"{name}.predictions.csv").read_bytes() for name in "ab"]
    assert found[0] == found[1]


def test_exclusive_classes_sum_to_one(call: Call, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [["text"], ["fever"], ["cough"]])
    call(source, task="triage")
    for row in table(tmp_path / "a.predictions.csv")[1:]:
        assert sum(map(float, row[1:-1])) == pytest.approx(1, abs=2e-6)


def test_texts_are_read_and_written_some_at_a_time(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def quick(_: ExportedStudent, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(len(texts))
        return np.zeros((len(texts), 3)), np.zeros(len(texts), dtype=np.int64)

    def peak(n: int) -> int:
        rows = [[f"visit {k} {'x' * 8000}"] for k in range(n)]
        source = write_csv(tmp_path / f"{n}.csv", [["text"], *rows])
        del rows
        tracemalloc.start()
        call(source, tmp_path / "out.csv")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    monkeypatch.setattr(ExportedStudent, "probabilities", quick)
    monkeypatch.setattr(module, "AT_ONCE", 16)
    peak(100)  # what is kept from the first call is no part of it
    least, most = peak(100), peak(4000)
    assert most < least + 2_000_000 < (tmp_path / "4000.csv").stat().st_size
    assert max(sizes) == 16 and sum(sizes) == 4200


def test_results_do_not_depend_on_how_many_are_held(
    call: Call, jsonl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(jsonl, tmp_path / "one.csv", runtime="int8")
    monkeypatch.setattr(module, "AT_ONCE", 3)
    call(jsonl, tmp_path / "two.csv", runtime="int8")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_file_is_never_overwritten_unasked(call: Call, jsonl: Path, tmp_path: Path) -> None:
    there = tmp_path / "visits.predictions.csv"
    there.write_text("mine")
    with pytest.raises(InputError, match=r"visits\.predictions\.csv: expected no file; name one"):
        call(jsonl)
    assert there.read_text() == "mine"
    with pytest.raises(InputError, match="expected another file than the input"):
        call(jsonl, tmp_path / "." / "visits.jsonl")
    with pytest.raises(InputError, match="expected a file, found a folder"):
        call(jsonl, tmp_path)


BAD_CSV = [
    ("note\nfever\n", "expected one column of input and text, found note"),
    ("text,input\nfever,cough\n", "expected one column of input and text, found input and text"),
    ("text,text\nfever,cough\n", "column text: expected once, found 2"),
    ("", "expected a line of column names, found an empty file"),
    ("text\n", "expected texts, found none"),
    ("text,age\nfever,3\n ,4\n", "row 2: column text: expected a text, found an empty one"),
    ("text,age\nfever,3\ncough\n", "row 2: expected 2 fields, found 1"),
    ('text\nfever\n"cough', "line 3: not valid CSV"),
    ("text\nfever\n\udcff\n", "not valid UTF-8 after line"),
]


@pytest.mark.parametrize(("content", "told"), BAD_CSV)
def test_bad_csv(call: Call, tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=told) as error:
        call(path)
    assert str(path) in str(error.value)
    assert not {"fever", "cough"} & set(str(error.value).split())
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


GOOD = json.dumps({"instruction": QUESTION, "input": "fever"})
BAD_JSONL = [
    (f"{GOOD}\n{GOOD[:-9]}", "line 2: "),
    (f"{GOOD}\n" + json.dumps({"instruction": QUESTION}), "line 2: key input"),
    (
        f"{GOOD}\n" + json.dumps({"instruction": QUESTION, "input": " "}),
        "line 2: key input: .*empty",
    ),
    (json.dumps({"instruction": question("triage"), "input": "a"}), "that of triage; .*--task"),
    ("", "empty file"),
]


@pytest.mark.parametrize(("content", "told"), BAD_JSONL)
def test_bad_jsonl(call: Call, tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=told) as error:
        call(path)
    assert str(path) in str(error.value)
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_other_files_are_refused(call: Call, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: expected a file, found none"):
        call(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_text("fever")
    with pytest.raises(InputError, match=r"ends in \.csv, \.jsonl, \.json, found '\.txt'"):
        call(tmp_path / "a.txt")


def test_what_is_there_is_listed(call: Call, jsonl: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of next_diagnoses, triage, found 'death'"):
        call(jsonl, task="death")
    with pytest.raises(InputError, match="--model: expected one of student, found 'teacher'"):
        call(jsonl, model="teacher")
    with pytest.raises(InputError, match="run `dvc repro distill-student`"):
        predict(
            tmp_path,
            jsonl,
            None,
            model="student",
            task="triage",
            runtime="onnx",
            threads=1,
        )


def test_long_texts_are_read_whole(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [["text"], ["x" * 200_000]])
    (row,) = open_texts(source, "next_diagnoses").rows
    assert len(row.text) == 200_000


def run_cli(served: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from fusehr.cli import main; main()", "predict", *arguments]
    return subprocess.run(command, cwd=served, capture_output=True, text=True)


def test_the_command(served: Path, jsonl: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    done = run_cli(served, str(jsonl), "--model", "student", "-o", str(target))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("predicted next_diagnoses of 40 texts by student (onnx): ")
    assert len(table(target)) == 41
    failed = run_cli(served, str(jsonl), "--task", "death")
    assert failed.returncode != 0
    assert failed.stderr.startswith("error: --task: expected one of next_diagnoses, triage")


def test_the_command_offers_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fusehr", "predict", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().out
    assert "{" + ",".join(RUNTIMES) + "}" in told
    assert all(name in told for name in MODELS)
