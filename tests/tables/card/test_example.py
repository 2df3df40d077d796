"""The stay that the page shows, and what of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import NOTES
from fusehr.core.params.tables import TablesParams
from fusehr.tables.card.example import Example, _runs, example
from fusehr.tables.card.picture.stay import LINES, WIDTH, excerpt
from fusehr.tables.card.source import open_source


@pytest.fixture
def shown(converted: Path, card_params: TablesParams) -> Example:
    with open_source(converted / "raw", converted / "tables", card_params) as con:
        found = example(con, converted / "tables")
    assert found is not None
    return found


def test_the_stay_with_an_image_and_a_nursing_note_known_at_its_index(shown: Example) -> None:
    # patient 10000002 has an image too, but the nursing note was stored after the index
    assert shown.note == ("nursing", 1.0, "Awake, follows commands.")
    assert (shown.index, shown.start, shown.stop) == (48.0, -12.0, 56.0)
    assert shown.image is not None and (shown.image == 10).all()
    assert shown.image_hour == -3.5
    assert [int(pixels[0, 0]) for pixels in shown.others] == [200]


def test_a_note_stored_after_the_index_is_marked_and_not_cited(
    converted: Path, card_params: TablesParams
) -> None:
    path = converted / "tables/notes.parquet"
    notes = pd.read_parquet(path)
    late = notes["code"] == "progress"
    nursing = notes[notes["code"].eq("nursing") & notes["patient_id"].eq(10000001)]
    copy = nursing.assign(note_id="late", event_time=pd.Timestamp("2151-01-03 11:00"))
    copy["available_time"] = pd.Timestamp("2151-01-03 13:00")
    write_parquet(path, pd.concat([notes[~late], copy]), NOTES)
    with open_source(converted / "raw", converted / "tables", card_params) as con:
        found = example(con, converted / "tables")
    assert found is not None and found.note is not None
    assert found.notes.loc[found.notes["hours"] > 46, "known"].tolist() == [False]
    assert found.note[1] == 1.0


def test_only_that_stay_is_shown(shown: Example, converted: Path) -> None:
    assert sorted(shown.notes["code"]) == [
        *("complaint", "nursing", "progress", "radiology", "triage_nursing")
    ]
    dynamic = pd.read_parquet(converted / "tables/dynamic.parquet")
    own = dynamic[(dynamic["patient_id"] == 10000001) & (dynamic["event_time"] > "2151-01-01")]
    assert len(shown.values) == len(own)
    assert shown.values["hours"].between(-12, 56).all()


def test_no_stay_to_its_index_is_no_example(synthetic: Path, card_params: TablesParams) -> None:
    with open_source(synthetic / "raw", synthetic / "tables", card_params) as con:
        con.execute("DELETE FROM icu_stays")
        assert example(con, synthetic / "tables") is None


def test_the_synthetic_example_is_complete(synthetic: Path, card_params: TablesParams) -> None:
    with open_source(synthetic / "raw", synthetic / "tables", card_params) as con:
        found = example(con, synthetic / "tables")
    assert found is not None and found.note is not None and found.image is not None
    assert found.note[0] == "nursing" and len(found.others) == 8
    assert found.image.shape == (32, 32) and found.image.dtype == np.uint8
    assert len(found.supports["vasopressor"]) >= 1


def test_runs_that_begin_before_or_end_after_what_is_shown() -> None:
    acts = pd.DataFrame(
        {
            "support": ["ventilation"] * 4,
            "act": ["end", "start", "end", "start"],
            "hours": [-3.0, 5.0, 9.0, 40.0],
        }
    )
    assert _runs(acts, -12.0, 60.0) == {"ventilation": [(-12.0, -3.0), (5.0, 9.0), (40.0, 60.0)]}


def test_an_excerpt_is_wrapped_and_says_where_it_was_cut() -> None:
    assert excerpt("one\ntwo") == "one\ntwo"
    lines = excerpt("word " * 1000).splitlines()
    assert len(lines) == LINES + 1 and lines[-1] == "[...]"
    assert max(map(len, lines)) <= WIDTH
