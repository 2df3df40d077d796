"""`fusehr predict` on triage records: a row each, or one clear message and no file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.serve.records import predict_records

from .fakes import CLASSES, FakePredictor, answer
from .pictures import encoded, grey

HEADER = ["patient_id", "image_path", "emr_text", "triage_level"]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(encoded(grey()))

    def records(*rows: list[str], header: list[str] = HEADER) -> Path:
        path = tmp_path / "emr_records.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return records


def call(source: Path, output: Path | None = None, **changes: Any) -> list[dict[str, str]]:
    usual: dict[str, Any] = {"mode": "both", "only_misclassified": False}
    predict_records(FakePredictor(), source, output, **usual | changes)
    target = output or source.with_name("emr_records.predictions.csv")
    with target.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(row: dict[str, str]) -> list[float]:
    return [float(row[f"p_{name}"]) for name in CLASSES]


def right(text: str, image: bytes = b"") -> str:
    return CLASSES[int(answer(text, image).argmax())]


def test_modes_read_text_image_or_both(write: Write, tmp_path: Path) -> None:
    source = write(["p1", "images/a.png", "Pale.", "high"])
    pixels = grey().tobytes()
    for mode, p in (
        ("both", answer("Pale.", pixels)),
        ("text", answer("Pale.")),
        ("image", answer("", pixels)),
    ):
        (row,) = call(source, tmp_path / f"{mode}.csv", mode=mode)
        assert np.allclose(numbers(row), p, atol=1e-6)
        assert row["patient_id"] == "p1" and row["triage_level"] == "high"
        assert row["predicted"] == CLASSES[int(p.argmax())]


def test_only_misclassified_leaves_out_what_is_right_or_not_known(write: Write) -> None:
    texts = [f"text {k}" for k in range(100)]
    rows = [
        [str(k), "", text, right(text).upper() if k % 2 else ""] for k, text in enumerate(texts)
    ]
    wrong = next(name for name in CLASSES if name != right("text 7"))
    rows[7][3] = wrong
    (row,) = call(write(*rows), only_misclassified=True)
    assert (row["patient_id"], row["triage_level"]) == ("7", wrong)


def test_levels_need_not_be_known(write: Write) -> None:
    header = ["emr_text", "patient_id", "image_path", "ward"]
    rows = call(write(["Pale.", "1", "", "x"], ["Well.", "2", "", "y"], header=header))
    assert [list(row)[:2] for row in rows] == [["patient_id", "predicted"]] * 2


def test_what_it_says_has_the_share_that_is_right(write: Write, tmp_path: Path) -> None:
    source = write(["1", "", "Pale.", right("Pale.")], ["2", "", "Well.", ""])
    said = predict_records(
        FakePredictor(), source, tmp_path / "o.csv", mode="both", only_misclassified=False
    )
    assert "2 records" in said and "1 of 1 as in triage_level (100.0%)" in said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["1", "", "", "high"], "row 2: column emr_text or image_path: expected something"),
        (["1", "images/none.png", "a", "high"], "row 2: column image_path: expected a file"),
        (
            ["1", "emr_records.csv", "a", "high"],
            "row 2: column image_path: image: expected a whole",
        ),
        (["1", "", "a", "urgent"], "row 2: column triage_level: expected one of high, low, medium"),
        (["1", "", "a"], "row 2: expected 4 fields, found 3"),
        (["1", "", "a" * 100_001, ""], "row 2: column emr_text or image_path: String should have"),
    ],
    ids=["nothing", "no image", "no picture", "level", "short", "long"],
)
def test_a_bad_row_is_named_and_nothing_is_written(
    write: Write, tmp_path: Path, row: list[str], message: str
) -> None:
    source = write(["0", "", "fine", "high"], row)
    with pytest.raises(InputError) as caught:
        call(source)
    assert message in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["emr_records.csv", "images"]


def test_other_files_are_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column image_path: expected once"):
        call(write(["1", "a"], header=["patient_id", "emr_text"]))
    with pytest.raises(InputError, match="triage_level: expected with --only-misclassified"):
        call(write(["1", "", "a"], header=HEADER[:3]), only_misclassified=True)
    with pytest.raises(InputError, match="expected records, found none"):
        call(write())
    with pytest.raises(InputError, match="expected a file, found none"):
        call(tmp_path / "none.csv")
    source = write(["1", "", "a", "high"])
    call(source)
    with pytest.raises(InputError, match="expected no file"):
        call(source)
    with pytest.raises(InputError, match="another file than the input"):
        call(source, source)
