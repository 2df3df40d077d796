"""A MEDS dataset becomes tables, tables become one, and what goes in comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import meds
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import validate
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.raw import MedsParams
from fusehr.core.params.tables import TablesParams
from fusehr.raw import manifest
from fusehr.raw import meds as source
from fusehr.raw.mimic4_demo import write as write_demo
from fusehr.tables.audit import audit
from fusehr.tables.convert import convert
from fusehr.tables.export_meds import export_meds

from ..meds_dataset import HELD_OUT, SHARDS, TUNING, write_dataset, write_labels, write_shard
from .queried import rows_of

REPOSITORY = Path(__file__).parents[2]
KEYS = ["subject_id", "time", "code", "numeric_value", "text_value"]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that FUSEHR_MEDS names; free to be changed."""
    folder = tmp_path / "dataset"
    write_dataset(folder)
    monkeypatch.setenv("FUSEHR_MEDS", str(folder))
    return folder


def _tables(place: Path, params: TablesParams, **changes: object) -> Path:
    place.mkdir(exist_ok=True)
    raw, tables = place / "raw", place / "tables"
    raw.mkdir()
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["raw"]["meds"]
    chosen = validate(block | {"restricted": False} | changes, MedsParams, "raw.meds")
    entries = source.write(raw, chosen, "local")
    manifest.write(raw, Manifest("meds", False, tuple(entries)))
    convert(raw, tables, place / "tables.json", params)
    return tables


def _events(dataset: Path) -> pd.DataFrame:
    """All rows of a dataset, each shard held against the standard's schema by meds itself."""
    parts = []
    for path in sorted(dataset.glob("data/**/*.parquet")):
        table = pq.read_table(path)
        meds.DataSchema.validate(table)
        parts.append(table.to_pandas())
    return pd.concat(parts, ignore_index=True)


def _sorted(events: pd.DataFrame) -> pd.DataFrame:
    return events[KEYS].sort_values(KEYS, ignore_index=True)


def test_admissions_are_visits_and_splits_are_folds(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    assert rows_of(
        tables,
        "SELECT patient_id, admit_time::VARCHAR, discharge_time::VARCHAR, death_time IS NOT NULL, "
        "age, sex, visits.admission_type, discharge_location FROM visits "
        "JOIN static USING (visit_id, patient_id) ORDER BY ALL",
    ) == [
        (1, "2020-01-01 08:00:00", "2020-01-03 12:00:00", False, 69.0, "F", "URGENT", "HOME"),
        (1, "2020-03-01 08:00:00", "2020-03-02 07:00:00", True, 69.0, "F", "ELECTIVE", "DIED"),
        # who has no admission is one visit
        (2, "2020-05-01 08:00:00", "2020-05-03 08:00:00", False, None, "M", None, None),
        (3, "2020-07-01 08:00:00", "2020-07-04 09:00:00", False, 30.0, "U", None, None),
    ]
    assert rows_of(tables, "SELECT * FROM splits ORDER BY 1") == [
        (1, "train"),
        (2, "val"),
        (3, "test"),
    ]


def test_values_belong_to_the_visit_that_they_fall_into(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    rows = rows_of(
        tables,
        "SELECT code, value, dense_rank() OVER (ORDER BY visit_id NULLS FIRST) - 1 "
        "FROM dynamic WHERE patient_id = 1 ORDER BY event_time",
    )
    assert rows == [
        ("LAB//50912//mg/dL", 1.1, 1),
        ("LAB//50912//mg/dL", 36.6, 1),
        ("LAB//51079//UNK", None, 1),
        # between visits
        ("LAB//50912//mg/dL", 2.0, 0),
        ("DIAGNOSIS//ICD10CM//I509", None, 2),
    ]
    assert rows_of(tables, "SELECT code, text FROM notes") == [
        ("progress", "Pt reports dyspnea. No fever.")
    ]


def test_a_label_sees_its_visit_up_to_its_time(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    # the label before the first admission has no visit to be of
    assert rows_of(
        tables,
        "SELECT sample_id, label_value FROM label ORDER BY patient_id, label_time",
    ) == [
        ("mortality-1-20200102093000", 0.0),
        ("mortality-1-20200301100000", 1.0),
        ("mortality-2-20200502080000", 0.0),
        ("mortality-3-20200702080000", 1.0),
    ]
    checked = audit(tables, threads=1)["rule_1_availability"]
    # 1.1 and 36.6; the diagnosis; 80.0; 70.25
    assert checked["mortality_events"] == 5
    # a note of an earlier visit is history
    assert checked["mortality_notes"] == 2


def test_what_went_in_comes_out(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    tables = _tables(tmp_path / "run", params())
    export_meds(tables, tmp_path / "out")
    before, after = _events(dataset), _events(tmp_path / "out")
    # a birth is exported as ages tell it, static codes but sex are dropped, and of text in place
    # of a number the code remains; who had no admission has one
    before = before[(before["code"] != "MEDS_BIRTH") & (before["code"] != "RACE//UNKNOWN")]
    before.loc[before["code"] == "LAB//51079//UNK", "text_value"] = None
    made = (after["subject_id"] == 2) & after["code"].str.startswith("HOSPITAL_")
    after = after[(after["code"] != "MEDS_BIRTH") & ~made]
    pd.testing.assert_frame_equal(_sorted(before), _sorted(after))
    for name in ("metadata/subject_splits", "labels/mortality"):
        given = pd.read_parquet(dataset / f"{name}.parquet")
        found = pd.read_parquet(tmp_path / f"out/{name}.parquet")
        if name == "labels/mortality":
            given = given[given["prediction_time"] != pd.Timestamp("2020-06-30 08:00")]
        pd.testing.assert_frame_equal(given.reset_index(drop=True), found)


def test_an_export_is_a_dataset_whose_tables_are_the_same(
    converted: Path,
    tmp_path: Path,
    tolerant: Callable[..., TablesParams],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    export_meds(converted / "tables", out)
    _same_tables(converted / "tables", out, tmp_path / "again", tolerant(), monkeypatch, notes=True)


def test_every_file_of_an_export_is_as_the_standard_has_it(converted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    n = export_meds(converted / "tables", out)
    events = _events(out)
    assert len(events) == n
    for path in out.glob("labels/*.parquet"):
        meds.LabelSchema.validate(pq.read_table(path))
    meds.SubjectSplitSchema.validate(pq.read_table(out / meds.subject_splits_filepath))
    codes = pq.read_table(out / meds.code_metadata_filepath)
    meds.CodeMetadataSchema.validate(codes)
    assert set(codes["code"].to_pylist()) == set(events["code"])
    described = dict(zip(codes["code"].to_pylist(), codes["description"].to_pylist(), strict=True))
    assert described["heart_rate"] == "Heart rate, bpm"
    # codes are told when they are billed, not before
    known = rows_of(
        converted / "tables",
        "SELECT count(*) FROM visits, unnest(diagnoses)",
    )
    assert (events["code"].str.startswith("DIAGNOSIS//")).sum() == known[0][0] > 0


def test_an_export_is_the_same_on_every_run(converted: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_meds(converted / "tables", tmp_path / name)
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_long_texts_of_other_codes_are_notes_where_that_is_asked_for(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    text = "Long enough."
    write_shard(dataset, "tuning/0", [*TUNING, (2, "2020-05-03 09:00", "CXR", None, text)])
    tables = _tables(tmp_path / "one", params(), long_text_characters=len(text) + 1)
    assert rows_of(tables, "SELECT count(*) FROM notes WHERE patient_id = 2") == [(0,)]
    tables = _tables(
        tmp_path / "two", params(), long_text_characters=len(text), long_text_kind="radiology"
    )
    assert rows_of(tables, "SELECT code, text FROM notes WHERE patient_id = 2") == [
        ("radiology", text)
    ]


def test_a_column_may_number_the_visits(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    path = dataset / "data/train/0.parquet"
    table = pq.read_table(path)
    numbers = [None, None, None, *[71] * 6, None, *[72] * 4]
    pq.write_table(table.append_column("hadm_id", pa.array(numbers, pa.int64())), path)
    tables = _tables(tmp_path / "run", params(), visit_column="hadm_id")
    found = rows_of(tables, "SELECT visit_id, admit_time::VARCHAR FROM visits ORDER BY ALL")
    assert found[:2] == [(71, "2020-01-01 08:00:00"), (72, "2020-03-01 08:00:00")]
    # the others' are found by time, under numbers that are not taken
    assert [visit for visit, _ in found[2:]] == [73, 74]


def test_a_visit_is_known_of_from_the_arrival_that_led_to_it(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    arrived = [(3, "2020-06-01 08:00", "ED_REGISTRATION", None, None), *HELD_OUT[1:2]]
    arrived.insert(1, (3, "2020-07-01 05:00", "ED_REGISTRATION", None, None))
    arrived.insert(2, (3, "2020-07-01 06:00", "VITAL//HR", 99.0, None))
    write_shard(dataset, "held_out/0", [HELD_OUT[0], *arrived, *HELD_OUT[2:]])
    write_labels(dataset, "mortality", [(3, "2020-07-01 07:00", True)])
    tables = _tables(tmp_path / "run", params())
    assert rows_of(
        tables,
        "SELECT admit_time::VARCHAR, available_time::VARCHAR, window_start::VARCHAR FROM samples "
        "JOIN visits USING (visit_id, patient_id) JOIN static USING (visit_id, patient_id)",
    ) == [("2020-07-01 08:00:00", "2020-07-01 05:00:00", "2020-07-01 05:00:00")]
    # the value from before the admission, and none of after the label
    assert audit(tables, threads=1)["rule_1_availability"]["mortality_events"] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visit_column": "stay"}, r"raw.meds.visit_column: expected a column .* found stay"),
        ({"tasks": {"sepsis": "icu/sepsis"}}, r"raw.meds.tasks.sepsis: expected a file .* none"),
    ],
)
def test_wrong_parameters_are_named(
    dataset: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    changes: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        _tables(tmp_path / "run", params(), **changes)
    assert not (tmp_path / "run/tables").exists()


def test_labels_of_unknown_subjects_and_second_labels_are_refused(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    write_labels(dataset, "mortality", [(9, "2020-01-02 09:30", True)])
    with pytest.raises(InputError, match=r"mortality.parquet: column subject_id: .* subject 9"):
        _tables(tmp_path / "one", params())
    write_labels(dataset, "mortality", [(1, "2020-01-02 09:30", True)] * 2)
    with pytest.raises(InputError, match=r"column prediction_time: expected one label"):
        _tables(tmp_path / "two", params())


def test_shards_of_labels_and_classes_become_tasks(
    dataset: Path, tmp_path: Path, params: Callable[..., TablesParams]
) -> None:
    first, second = [(1, "2020-01-02 09:30", True)], [(2, "2020-05-02 08:00", False)]
    write_labels(dataset, "icu/death/0", first)
    write_labels(dataset, "icu/death/1", second)
    tables = _tables(tmp_path / "one", params(), tasks={"death": "icu/death"})
    assert rows_of(tables, "SELECT DISTINCT task FROM label") == [("death",)]
    assert rows_of(tables, "SELECT count(*) FROM label") == [(2,)]
    for name, value in (("high", True), ("low", False)):
        write_labels(dataset, f"risk.{name}", [(1, "2020-01-02 09:30", value)])
    (dataset / "labels/mortality.parquet").unlink()
    tables = _tables(tmp_path / "two", params())
    assert rows_of(tables, "SELECT class, label_value FROM label ORDER BY 1") == [
        ("high", 1.0),
        ("low", 0.0),
    ]


def test_shards_hold_no_more_subjects_than_is_said(
    dataset: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (dataset / meds.subject_splits_filepath).unlink()
    tables = _tables(tmp_path / "run", params())
    monkeypatch.setattr("fusehr.tables.export_meds.SUBJECTS_A_SHARD", 2)
    export_meds(tables, tmp_path / "out")
    # cross-validation has no test patients: all are train
    names = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.glob("out/data/*/*")
    )
    assert names == ["data/train/0.parquet", "data/train/1.parquet"]
    assert len(_events(tmp_path / "out")) >= sum(len(rows) for rows in SHARDS.values()) - 2


@pytest.mark.real
def test_the_demo_is_the_same_by_way_of_meds(
    mirror: Path,
    tmp_path: Path,
    params: Callable[..., TablesParams],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fusehr.core.params.raw import Mimic4DemoParams

    raw = tmp_path / "demo"
    raw.mkdir()
    entries = write_demo(raw, Mimic4DemoParams(verify=False, url=""))
    manifest.write(raw, Manifest("mimic4_demo", False, tuple(entries)))
    convert(raw, tmp_path / "tables", tmp_path / "tables.json", params())
    export_meds(tmp_path / "tables", tmp_path / "out")
    _same_tables(
        tmp_path / "tables",
        tmp_path / "out",
        tmp_path / "again",
        params(),
        monkeypatch,
        notes=False,  # the demo has none
    )


def _same_tables(
    before: Path,
    dataset: Path,
    place: Path,
    params: TablesParams,
    monkeypatch: pytest.MonkeyPatch,
    *,
    notes: bool,
) -> None:
    """The tables of the exported dataset have the values, notes, visits and ages of `before`.

    notes: whether there are any.
    """
    monkeypatch.setenv("FUSEHR_MEDS", str(dataset))
    after = _tables(place, params)
    for query in (
        "SELECT * FROM dynamic WHERE NOT regexp_matches(code, "
        "'^((DIAGNOSIS|PROCEDURE|MEDICATION)//|ICU_(ADMISSION|DISCHARGE)$)') ORDER BY ALL",
        "SELECT * FROM notes ORDER BY ALL",
        "SELECT patient_id, visit_id, admit_time, discharge_time, admission_type, "
        # who was not admitted from the emergency department has a visit too
        "discharge_location FROM visits WHERE admission_type <> 'ED' ORDER BY ALL",
        "SELECT * FROM static ORDER BY ALL",
        "SELECT task, class, patient_id, label_time, label_value FROM label "
        "WHERE NOT starts_with(class, 'outcome/') ORDER BY ALL",
        "SELECT * FROM splits ORDER BY ALL",
    ):
        given, found = rows_of(before, query), rows_of(after, query)
        assert given or (not notes and "FROM notes" in query)
        assert found == given, query
