"""Cases with a text and a chest image: what is kept of them, who is one patient, what is wrong."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from fusehr.core.emr_csv_files import CASES
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder, read_json, read_parquet
from fusehr.core.frame.params import validate
from fusehr.core.params.raw import EmrCsvParams
from fusehr.raw import emr_csv

REPOSITORY = Path(__file__).parents[2]
HEADER = "patient_id,image_path,emr_text,triage_level"
RECORDS = f"""{HEADER}
p1,images/a.png,"Fever, and a cough.",HIGH
p2,images/b.jpg,,low
p1,,Better today.,medium
p3,images/c.png,No complaint.,Low
"""


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """emr_records.csv in the folder that FUSEHR_EMR names, with its images; free to be changed."""
    folder = tmp_path / "emr"
    (folder / "images").mkdir(parents=True)
    for name, grey in (("a.png", 10), ("b.jpg", 120), ("c.png", 200)):
        Image.new("L", (32, 32), grey).save(folder / "images" / name)
    path = folder / "emr_records.csv"
    path.write_text(RECORDS)
    monkeypatch.setenv("FUSEHR_EMR", str(folder))
    return path


def params(**changes: Any) -> EmrCsvParams:
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["emr_csv"]
    given = {"restricted": False, "size": 16}
    return validate(block | given | changes, EmrCsvParams, "raw.emr_csv")


def brought(place: Path, **changes: Any) -> Path:
    """Written as the stage does: whole, or not there at all."""
    with output_folder(place) as folder:
        emr_csv.write(folder, params(**changes), "local")
    return place


def cases(raw: Path) -> pd.DataFrame:
    return read_parquet(raw / "emr_csv/cases.parquet", CASES)


def images(raw: Path) -> dict[str, np.ndarray]:
    found = {}
    for shard in sorted(raw.glob("cxr/images-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                content = tar.extractfile(member)
                assert content
                found[member.name] = np.asarray(Image.open(io.BytesIO(content.read())))
    return found


def test_a_case_is_its_text_its_image_and_its_level(records: Path, tmp_path: Path) -> None:
    raw = brought(tmp_path / "raw")
    found = cases(raw)
    assert found["row"].tolist() == [2, 3, 4, 5]
    assert found["patient_id"].tolist() == [1, 2, 1, 3]
    assert found["class"].tolist() == ["high", "low", "medium", "low"]
    assert found["text"].fillna("-").tolist() == [
        "Fever, and a cough.",
        "-",
        "Better today.",
        "No complaint.",
    ]
    assert found["image_id"].fillna("-").tolist() == ["row-2", "row-3", "-", "row-5"]
    days = (found["time"] - found["time"].min()).dt.days
    assert days.tolist() == [0, 0, 1, 0]  # a patient's second row is of the day after
    kept = images(raw)
    assert {name: pixels.shape for name, pixels in kept.items()} == dict.fromkeys(
        ("row-2.png", "row-3.png", "row-5.png"), (16, 16)
    )
    assert (kept["row-2.png"] == 10).all() and (kept["row-5.png"] == 200).all()
    assert read_json(raw / "emr_csv/settings.json") == {
        "task": "triage",
        "classes": ["high", "medium", "low"],
        "note_kind": "triage_nursing",
    }


def test_the_same_records_give_the_same_bytes(records: Path, tmp_path: Path) -> None:
    one, two = (brought(tmp_path / name) for name in ("one", "two"))
    written = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(written) > 3
    for path in written:
        content = (one / path).read_bytes()
        assert content == (two / path).read_bytes(), path
        assert str(tmp_path).encode() not in content, path


@pytest.mark.parametrize(
    ("words", "changes", "expected"),
    [
        (("1", "0", "0", "1"), {}, ["positive", "negative", "negative", "positive"]),
        (
            ("COVID", "Normal", "Normal", "Viral"),
            {"levels": {"COVID": "positive", "Viral": "positive", "Normal": "negative"}},
            ["positive", "negative", "negative", "positive"],
        ),
    ],
)
def test_another_task_is_binary(
    records: Path, tmp_path: Path, words: tuple[str, ...], changes: dict, expected: list[str]
) -> None:
    frame = pd.read_csv(records).assign(finding=words)
    frame.to_csv(records, index=False)
    raw = brought(tmp_path / "raw", task="pneumonia", label="finding", **changes)
    assert cases(raw)["class"].tolist() == expected
    assert read_json(raw / "emr_csv/settings.json")["classes"] == ["positive"]


def test_levels_of_other_names_are_mapped(records: Path, tmp_path: Path) -> None:
    text = records.read_text().replace("HIGH", "rot").replace("medium", "gelb")
    records.write_text(text.replace("low", "blau").replace("Low", "blau"))
    raw = brought(tmp_path / "raw", levels={"rot": "high", "gelb": "medium", "blau": "low"})
    assert cases(raw)["class"].tolist() == ["high", "low", "medium", "low"]


def test_patients_who_share_an_image_are_one(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (records.parent / "images/copy.png").write_bytes((records.parent / "images/a.png").read_bytes())
    records.write_text(RECORDS + "p4,images/copy.png,,high\np4,images/c.png,,low\n")
    found = cases(brought(tmp_path / "raw"))
    # p1 and p4 by one image, p4 and p3 by another
    assert found["patient_id"].tolist() == [1, 2, 1, 1, 1, 1]
    assert not found.duplicated(["patient_id", "time"]).any()
    assert "2 patients share an image" in capsys.readouterr().out


def test_a_column_of_images_or_of_text_is_enough(records: Path, tmp_path: Path) -> None:
    pd.read_csv(records).drop(columns="emr_text").to_csv(records, index=False)
    assert cases(brought(tmp_path / "image", text=None))["text"].isna().all()
    records.write_text("patient_id,emr_text,triage_level\n1,Fell.,high\n")
    raw = brought(tmp_path / "text", image=None)
    assert cases(raw)["text"].tolist() == ["Fell."] and images(raw) == {}


def test_rows_have_times_ages_and_views_where_columns_tell_them(
    records: Path, tmp_path: Path
) -> None:
    extra = {"seen": ["2020-03-01", "2020-03-02", "2020-03-01 08:00", "2020-03-04"]}
    extra |= {"years": [50, 60, 51, "old"], "view": ["PA", "AP", "PA", ""]}
    pd.read_csv(records).assign(**extra).to_csv(records, index=False)
    found = cases(brought(tmp_path / "raw", time="seen", age="years", view="view"))
    assert found["time"].iloc[2] == pd.Timestamp("2020-03-01 08:00")
    assert found["age"].fillna(-1).tolist() == [50, 60, 51, -1]
    assert found["view"].fillna("-").tolist() == ["PA", "AP", "PA", "-"]
    text = records.read_text().replace("2020-03-01 08:00", "2020-03-01")
    records.write_text(text)
    with pytest.raises(InputError, match=r"column seen: expected one row at a time .* found row 4"):
        brought(tmp_path / "twice", time="seen")


@pytest.mark.parametrize(
    ("old", "new", "changes", "message"),
    [
        (
            "triage_level",
            "level",
            {},
            r"raw.emr_csv.label: expected .* found triage_level",
        ),
        ("emr_text", "note", {}, r"raw.emr_csv.text: expected a column .* found emr_text"),
        ("medium", "urgent", {}, r"column triage_level: .*high, low, medium.* in 1 rows, .* 4$"),
        (",medium", ",", {}, r"column triage_level .*: expected a value in every row, .* first 4"),
        ("p2,", ",", {}, r"column patient_id .*: expected a value in every row, .* first 3"),
        ("images/b.jpg", "../b.jpg", {}, r"row 3: column image_path: .* below the CSV's folder"),
        ("images/b.jpg", "/etc/passwd", {}, r"row 3: column image_path: .* below the CSV's folder"),
        ("images/b.jpg", "images/link.png", {}, r"row 3: column image_path: .* below the CSV's"),
        ("images/b.jpg", "images/none.png", {}, r"row 3: column image_path: .* below the CSV's"),
        ("images/b.jpg", "images", {}, r"row 3: column image_path: .* below the CSV's folder"),
        ("images/b.jpg", "a" * 5000, {}, r"row 3: column image_path: .* below the CSV's folder"),
        ("images/b.jpg", "images/text.png", {}, r"row 3: column image_path: image: .* whole PNG"),
        ("images/b.jpg", "images/cut.png", {}, r"row 3: column image_path: image: .* whole PNG"),
        ("", "", {"file": "../emr/emr.csv"}, r"raw.emr_csv.file: expected a file"),
        ("", "", {"image": None, "text": None}, r"a column of images or of text, found neither"),
        ("", "", {"view": "image_path"}, r"expected each column once, found image_path twice"),
        ("", "", {"levels": {"1": "positive"}}, r"levels.1: expected one of high, medium, low"),
        ("", "", {"task": "sepsis"}, r"column triage_level: expected one of 0, 1, negative, pos"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    records: Path, tmp_path: Path, old: str, new: str, changes: dict[str, Any], message: str
) -> None:
    folder = records.parent / "images"
    (folder / "text.png").write_text("no image")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:50])
    Image.new("L", (4, 4)).save(tmp_path / "outside.png")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    if old:
        assert old in records.read_text()
        records.write_text(records.read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as raised:
        brought(tmp_path / "raw", **changes)
    assert "urgent" not in str(raised.value) and "cough" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["emr", "outside.png"]


def test_a_truncated_file_and_no_folder_are_named(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.write_text(RECORDS[: RECORDS.index(",Low")])
    with pytest.raises(InputError, match=r"column triage_level .* found 1 without, the first 5"):
        brought(tmp_path / "raw")
    monkeypatch.delenv("FUSEHR_EMR")
    with pytest.raises(InputError, match=r"FUSEHR_EMR: expected .*emr_records.*found it unset"):
        brought(tmp_path / "raw")


def test_restricted_records_never_meet_the_default_remote(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    remote = local\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"raw.remote: expected another remote"):
        brought(tmp_path / "raw", restricted=True)
