"""The whole card: what it says, what it hides of a restricted source, the same bytes twice."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import pandas as pd
import pytest
from PIL import Image

from fusehr.core.frame.files import read_json, write_json
from fusehr.core.frame.schemas import TABLES
from fusehr.core.mimic_files import MANIFEST
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card import write
from fusehr.tables.card.measures import measure
from fusehr.tables.card.source import open_source
from fusehr.tables.card.write import write_card

FILES = ("dataset.md", "dataset.png", "dataset_comparison.csv")


@pytest.fixture(scope="module")
def open_card(
    synthetic: Path, card_params: TablesParams, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of the card of the synthetic cohort."""
    plots = tmp_path_factory.mktemp("plots")
    write_card(synthetic / "raw", synthetic / "tables", plots, card_params)
    return plots


def _section(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def _cells(text: str) -> list[list[str]]:
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_two_runs_give_the_same_bytes_whatever_the_host(
    open_card: Path, synthetic: Path, card_params: TablesParams, tmp_path: Path
) -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 40}):
        write_card(synthetic / "raw", synthetic / "tables", tmp_path, card_params)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (open_card / name).read_bytes(), name
    assert b"Software" not in (tmp_path / "dataset.png").read_bytes()


def test_the_card_tells_of_every_table_task_and_kind_of_note(
    open_card: Path, synthetic: Path
) -> None:
    text = (open_card / "dataset.md").read_text()
    tables = {row[0]: row[1] for row in _cells(_section(text, "Tables"))}
    for schema in TABLES:
        rows = len(pd.read_parquet(synthetic / f"tables/{schema.name}.parquet"))
        assert tables[f"`{schema.name}`"] == f"{rows:,}", schema.name
    notes = pd.read_parquet(synthetic / "tables/notes.parquet")
    lag = (notes["available_time"] - notes["event_time"]).dt.total_seconds() // 60
    found = {row[0]: row for row in _cells(_section(text, "Notes"))[1:]}
    assert set(found) == set(notes["code"])
    mine = notes["code"] == "nursing"
    assert found["nursing"][1] == f"{mine.sum():,}"
    words = notes.loc[mine, "text"].map(lambda text: len(re.split("[ \n]", str(text))))
    assert found["nursing"][4] == str(int(words.quantile(0.5, interpolation="lower")))
    assert found["nursing"][5] == f"{lag[mine].quantile(0.5, interpolation='lower'):.0f} min"


def test_the_prevalences_are_those_of_the_labels(open_card: Path, synthetic: Path) -> None:
    label = pd.read_parquet(synthetic / "tables/label.parquet")
    splits = pd.read_parquet(synthetic / "tables/splits.parquet")
    label = label.merge(splits, on="patient_id")
    rows = _cells(_section((open_card / "dataset.md").read_text(), "Tasks"))
    shown = {(row[0], row[1]): row[5] for row in rows if len(row) == 6}
    for task, name in (("mortality", "mortality"), ("next_diagnoses", "mean of labels")):
        mine = label[label["task"] == task].groupby("fold")["label_value"].mean()
        key = task if task == name else f"{task}: {name}"
        for fold, share in mine.items():
            assert shown[key, str(fold)] == f"{100 * share:.1f} %"


def test_an_asterisk_stands_where_the_comparison_says_large(open_card: Path) -> None:
    table = pd.read_csv(open_card / "dataset_comparison.csv")
    text = _section((open_card / "dataset.md").read_text(), "Beside other data")
    marked = {row[0][:-2] for row in _cells(text) if row[0].endswith(" *")}
    assert marked == set(table.loc[table["large"], "title"])
    assert "not explained" not in text


def test_known_limits_are_named(open_card: Path) -> None:
    limits = _section((open_card / "dataset.md").read_text(), "Known limits")
    for words in ("discharge and radiology only", "fictional", "Not for clinical use"):
        assert words in limits


def test_of_a_restricted_source_no_patient_is_drawn(
    restricted: Path,
    synthetic: Path,
    card_params: TablesParams,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a stay was looked for")

    open_height = Image.open(_written(synthetic, card_params, tmp_path / "open")).height
    monkeypatch.setattr(write, "example", refuse)
    page = _written(restricted, card_params, tmp_path / "closed")
    assert Image.open(page).height < open_height - 700
    with pytest.raises(AssertionError, match="a stay was looked for"):
        _written(synthetic, card_params, tmp_path / "open")


def _written(source: Path, params: TablesParams, plots: Path) -> Path:
    write_card(source / "raw", source / "tables", plots, params)
    return plots / "dataset.png"


def test_of_a_restricted_source_no_small_count_is_written(
    restricted: Path, card_params: TablesParams, open_card: Path, tmp_path: Path
) -> None:
    write_card(restricted / "raw", restricted / "tables", tmp_path, card_params)
    closed = (tmp_path / "dataset.md").read_text()
    assert _small(open_card / "dataset.md")  # there was something to hide
    assert not _small(tmp_path / "dataset.md")
    assert "fewer than 10 patients are hidden" in closed
    with open_source(restricted / "raw", restricted / "tables", card_params) as con:
        found = measure(con)
    few = found[found["people"].between(1, 9) | found["others"].between(1, 9).fillna(False)]
    written = set(pd.read_csv(tmp_path / "dataset_comparison.csv")["name"])
    assert len(few) and not written & set(few["name"])
    assert "hospital_mortality" in written


def _small(path: Path) -> list[str]:
    """Counts of 1 to 9 in the tables of the cohort, tasks and notes."""
    text = path.read_text()
    parts = "".join(_section(text, name) for name in ("Cohort", "Tasks", "Tables"))
    cells = [cell for row in _cells(parts) for cell in row[1:]]
    return [cell for cell in cells if re.fullmatch("[1-9]", cell)]


def test_a_source_without_notes_images_and_graph(
    tmp_path: Path,
    card_params: TablesParams,
    example: dict[str, str],
    make_hospital: Any,
    tolerant: Any,
) -> None:
    """As the demo is: the card says so, and the page leaves the panels out."""
    from fusehr.tables.convert import convert

    kept = {key: text for key, text in example.items() if key.split("/")[0] in ("hosp", "icu")}
    make_hospital(tmp_path / "raw", kept)
    convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant())
    write_card(tmp_path / "raw", tmp_path / "tables", tmp_path / "plots", card_params)
    text = (tmp_path / "plots/dataset.md").read_text()
    for words in ("The source has no notes.", "Chest images: none.", "Knowledge graph: none."):
        assert words in text
    assert "triage | - | - | - | - | -" in text


def test_an_empty_source_still_has_a_card(
    tmp_path: Path, card_params: TablesParams, make_hospital: Any, tolerant: Any
) -> None:
    from fusehr.tables.convert import convert

    patient = "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod\n"
    make_hospital(tmp_path / "raw", {"hosp/patients": patient + "1,F,50,2150,2014 - 2016,\n"})
    convert(tmp_path / "raw", tmp_path / "tables", tmp_path / "metrics.json", tolerant())
    write_card(tmp_path / "raw", tmp_path / "tables", tmp_path / "plots", card_params)
    assert "Drugs: none." in (tmp_path / "plots/dataset.md").read_text()
    assert (tmp_path / "plots/dataset.png").stat().st_size > 10_000


def test_a_source_with_labels_of_its_own_names_its_tasks_and_no_others(
    synthetic: Path, card_params: TablesParams, tmp_path: Path
) -> None:
    """Horizons among them, told by their hours."""
    folder = tmp_path / "own"
    shutil.copytree(synthetic, folder)
    content = read_json(folder / "raw" / MANIFEST)
    write_json(folder / "raw" / MANIFEST, content | {"source": "oneehr"})
    labels = [str(folder / "tables/label.parquet"), str(synthetic / "tables/label.parquet")]
    duckdb.execute(
        "COPY (SELECT * REPLACE (t.task AS task) FROM read_parquet($read) AS label, "
        "(VALUES ('mortality'), ('mortality@day0'), ('mortality@stay')) AS t (task) "
        "WHERE label.task = 'mortality') TO $write (FORMAT parquet)",
        {"write": labels[0], "read": labels[1]},
    )
    params = replace(card_params, horizons={"day0": 24, "stay": None})
    write_card(folder / "raw", folder / "tables", tmp_path / "plots", params)
    section = _section((tmp_path / "plots/dataset.md").read_text(), "Tasks")
    assert {row[0]: row[1] for row in _cells(section) if len(row) == 3} == {
        "Task": "Index time",
        "mortality": "time of the label",
        "mortality@day0": "start of the stay + 24 h",
        "mortality@stay": "end of the stay",
    }
    counted = {row[0]: row[2] for row in _cells(section) if len(row) == 6 and row[1] == "cv0"}
    assert counted["mortality"] == counted["mortality@day0"] == counted["mortality@stay"]
    assert "next_diagnoses" not in section
