"""Cases with a text and a chest image become tables: a sample sees its own row, and no label."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from PIL import Image

from fusehr.core.cohort import load_rounds, load_task
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import validate
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import EmrCsvParams
from fusehr.core.params.tables import TablesParams
from fusehr.raw import emr_csv, manifest
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert

REPOSITORY = Path(__file__).parents[2]
LEVELS = ("high", "medium", "low")
N = 24


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 patients, four of them twice; every third row has no text, every fourth no image."""
    folder = tmp_path / "emr"
    folder.mkdir()
    with (folder / "emr_records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "image_path", "emr_text", "triage_level", "age", "sex"])
        for k in range(N):
            image = "" if k % 4 == 0 else f"{k}.png"
            text = "" if k % 3 == 0 else f"Case {k} has a cough."
            if image:
                Image.new("L", (20, 20), k).save(folder / image)
            writer.writerow([k % 20, image, text, LEVELS[k % 3], 40 + k, "FM"[k % 2]])
    monkeypatch.setenv("FUSEHR_EMR", str(folder))
    return folder


def _tables(place: Path, params: TablesParams, **changes: Any) -> Path:
    raw = place / "raw"
    raw.mkdir(parents=True)
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["emr_csv"]
    given = {"restricted": False, "size": 16, "age": "age", "sex": "sex"}
    chosen = validate(block | given | changes, EmrCsvParams, "raw.emr_csv")
    entries = emr_csv.write(raw, chosen, "local")
    manifest.write(raw, Manifest("emr_csv", False, tuple(entries)))
    convert(raw, place / "tables", place / "tables.json", params)
    return place / "tables"


def _query(tables: Path, text: str) -> list[tuple]:
    with duckdb.connect() as con:
        for path in tables.glob("*.parquet"):
            con.from_parquet(str(path)).create_view(path.stem)
        return con.execute(text).fetchall()


def test_a_row_is_a_sample_of_triage_with_its_text_and_image(
    folder: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    samples = load_task(tables, "triage")
    assert samples.kind == "multiclass" and set(samples.classes) == set(LEVELS)
    # rows 0 and 12 have neither text nor image, and nothing to be predicted from
    assert len(samples.samples) == N - 2
    assert read_json(tables / "manifest.json")["exclusions"]["triage"] == [
        {"step": "candidates", "left": N},
        {"step": "without no_text_no_image", "left_out": 2, "left": N - 2},
    ]
    assert (samples.labels.sum(axis=1) == 1).all()
    assert _query(tables, "SELECT count(*), any_value(code) FROM notes") == [
        (N - N // 3, "triage_nursing")
    ]
    assert _query(tables, "SELECT count(*) FROM dynamic") == [(0,)]
    assert _query(tables, "SELECT age, sex FROM static WHERE patient_id = 1") == [
        (41.0, "M"),
        (61.0, "M"),
    ]
    checked = audit(tables, threads=1)["rule_1_availability"]
    # the second rows of patients 1, 2 and 3 see the first ones' images as history
    assert checked["triage_images"] == N - N // 4 + 3


def test_a_pixel_row_is_the_image_of_the_case(
    folder: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    pixels = np.load(tables / "images.npy")
    assert pixels.shape == (N - N // 4, 16, 16)
    found = _query(tables, "SELECT visit_id, pixel_row FROM images")
    assert len(found) == N - N // 4
    for row, pixel_row in found:
        assert (pixels[pixel_row] == row - 2).all()  # row 2 of the file is case 0
    assert np.load(tables / "image_pool.npy").size == 0


def test_a_patient_of_several_rows_is_in_one_fold(
    folder: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    assert _query(tables, "SELECT count(*), count(DISTINCT patient_id) FROM splits") == [(20, 20)]
    for round_ in load_rounds(tables):
        assert not (round_.train & round_.test or round_.val & round_.test)
    audit(tables, threads=1)


def test_an_image_of_two_patients_keeps_them_in_one_fold(
    folder: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    for k in (2, 5, 6):
        shutil.copyfile(folder / "1.png", folder / f"{k}.png")
    tables = _tables(tmp_path / "run", params())
    shared = _query(
        tables,
        "SELECT count(DISTINCT fold), count(*) FROM images JOIN splits USING (patient_id) "
        "GROUP BY image_sha256 HAVING count(*) > 1",
    )
    assert shared == [(1, 4)]


def test_the_same_records_give_the_same_bytes(
    folder: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    one, two = (_tables(tmp_path / name, params()) for name in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


@pytest.mark.real
def test_nih_chest_x_rays_without_a_text(
    mirror: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    params: Callable[..., TablesParams],
) -> None:
    origin = mirror / "nih-chest-xray"
    folder = tmp_path / "emr"
    folder.mkdir()
    shutil.copytree(origin / "images", folder / "images")
    with (origin / "labels.csv").open() as file:
        films = list(csv.DictReader(file))
    with (folder / "emr_records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "image_path", "pneumonia", "age", "sex", "view"])
        for film in films:
            path = f"images/{film['image']}"
            told = (film[name] for name in ("pneumonia", "age", "sex", "view"))
            writer.writerow([film["patient_id"], path, *told])
    monkeypatch.setenv("FUSEHR_EMR", str(folder))
    tables = _tables(
        tmp_path / "run", params(), task="pneumonia", label="pneumonia", text=None, view="view"
    )
    samples = load_task(tables, "pneumonia")
    assert samples.kind == "binary" and samples.labels.shape == (386, 1)
    assert samples.labels.sum() == 203
    assert samples.samples["patient_id"].nunique() == 272
    assert _query(tables, "SELECT view, count(pixel_row) FROM images GROUP BY 1 ORDER BY 1") == [
        ("AP", 211),
        ("PA", 175),
    ]
    checked = audit(tables, threads=1)["rule_1_availability"]
    assert checked["pneumonia_images"] >= 386
