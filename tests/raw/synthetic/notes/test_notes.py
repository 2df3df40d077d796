"""What notes say agrees with the other files, is plausible in form, and states no label."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fusehr.core.mimic_layout import table as layout
from fusehr.raw.synthetic.arrays import DAY, HOUR, MINUTE, MISSING
from fusehr.raw.synthetic.latent.emergency import FIRST_IMAGE
from fusehr.raw.synthetic.latent.patients import BLOCK
from fusehr.raw.synthetic.latent.truth import ed_stay_ids
from fusehr.raw.synthetic.latent.world import build_model, draw_world
from fusehr.raw.synthetic.notes.episodes import background_conditions, normal, surfaces
from fusehr.raw.synthetic.notes.fillers import MOST, fillers
from fusehr.raw.synthetic.notes.grammar import bank, expansions, grouped
from fusehr.raw.synthetic.notes.schedule import MOST_PROGRESS, NoteKind
from fusehr.raw.synthetic.notes.sentences import background
from fusehr.raw.synthetic.notes.typing_errors import SHARE, mistyped
from fusehr.raw.synthetic.rows import emergency, notes, vitals
from fusehr.raw.synthetic.vocabulary import bedside as item

from ..conftest import make_params
from .conftest import Block

LABELS = (
    "expired died death dead deceased demise mortality readmi re-admi bounceback acuity esi frail "
    "hospice cmo opacity opacit consolidation infiltrate deteriorat contraindicat"
)
WORDS = re.compile(rf"\b(?:{'|'.join(LABELS.split())})")
PATTERNS = {
    "heart_rate": r"HR (\d+)",
    "pressure": r"BP (\d+/\d+)",
    "respiratory_rate": r"RR (\d+)",
    "saturation": r"SpO2 (\d+)%",
    "temperature": r"\bT (\d+\.\d)",
}


def read_signs(text: str) -> dict[str, str]:
    """Vital signs in a note, those marked as earlier left out."""
    lines = [line for line in text.split("\n") if not line.startswith("Earlier")]
    found = {name: re.search(pattern, "\n".join(lines)) for name, pattern in PATTERNS.items()}
    return {name: match[1] for name, match in found.items() if match}


def test_tables_have_the_columns_and_ids_of_mimic(blocks: list[Block]) -> None:
    seen: set[str] = set()
    for block in blocks:
        tables = dict(notes.tables(block.world))
        assert list(tables) == ["note/discharge", "note/radiology", "note/nursing", "note/progress"]
        for key, table in tables.items():
            assert tuple(table.column_names) == layout(key).columns
            rows = table.to_pandas()
            built = rows["subject_id"].astype(str) + "-" + rows["note_type"] + "-"
            assert (rows["note_id"] == built + rows["note_seq"].astype(str)).all()
            assert rows["subject_id"].is_monotonic_increasing
            assert not seen & set(rows["note_id"])
            seen |= set(rows["note_id"])
            in_time = rows.astype({"note_seq": int}).sort_values(
                ["subject_id", "note_type", "note_seq"]
            )
            assert (
                in_time.groupby(["subject_id", "note_type"])["charttime"].diff().dropna()
                >= pd.Timedelta(0)
            ).all()
        types = {key: set(table["note_type"].to_pylist()) for key, table in tables.items()}
        assert types == {
            "note/discharge": {"DS"},
            "note/radiology": {"RR"},
            "note/nursing": {"NU", "TN"},
            "note/progress": {"PN"},
        }
        nursing = tables["note/nursing"].to_pandas()
        assert (nursing["hadm_id"].isna() == (nursing["note_type"] == "TN")).all()
        assert tables["note/discharge"].num_rows == len(block.world.visits)


def test_nothing_is_stored_before_it_is_charted_nor_read_too_late(blocks: list[Block]) -> None:
    for block in blocks:
        world, when = block.world, block.written.schedule
        visits, stays, seen = world.visits, world.stays, world.emergencies
        lag = (when.storetime - when.charttime) / HOUR
        assert (lag >= 0).all()
        assert (when.charttime % MINUTE == 0).all()
        assert (when.storetime % MINUTE == 0).all()

        triage = when.kind == NoteKind.TRIAGE
        assert sorted(when.emergency[triage]) == list(range(len(seen)))
        after = when.charttime[triage] - seen.start[when.emergency[triage]]
        assert after.min() >= 4 * MINUTE
        assert after.max() <= 25 * MINUTE
        known = when.storetime[triage] - seen.start[when.emergency[triage]]
        assert known.max() < FIRST_IMAGE  # the earliest index time of triage
        assert known.max() <= 55 * MINUTE

        admission = when.kind == NoteKind.ADMISSION
        assert sorted(when.visit[admission]) == list(range(len(visits)))
        visit = when.visit[admission]
        assert (when.storetime[admission] <= visits.discharge[visit]).all()
        hours = (when.charttime[admission] - visits.admit[visit]) / HOUR
        assert 0.45 <= hours.min() < hours.max() <= 4
        assert 0.2 < np.median(lag[admission]) < 1
        assert lag[admission].max() <= 3
        known_at = np.zeros(len(visits))
        known_at[visit] = when.storetime[admission]
        assert (known_at[stays.visit] < stays.intime + DAY).all()  # first index in the unit

        for kind in (NoteKind.UNIT, NoteKind.PROGRESS):
            rows = when.kind == kind
            stay = when.stay[rows]
            assert (when.charttime[rows] > stays.intime[stay]).all()
            assert (when.storetime[rows] <= stays.outtime[stay]).all()
        films = lag[when.kind == NoteKind.RADIOLOGY]
        assert 0.45 <= films.min() < films.max() <= 6
        discharge = when.kind == NoteKind.DISCHARGE
        assert (when.charttime[discharge] % DAY == 0).all()
        late = (when.storetime[discharge] - visits.discharge[when.visit[discharge]]) / HOUR
        assert 3.9 < late.min() < late.max() <= 96
        assert 12 < np.median(late) < 36


def test_progress_notes_keep_their_rhythm_whatever_the_patient_has(blocks: list[Block]) -> None:
    for block in blocks:
        when, stays = block.written.schedule, block.world.stays
        rows = when.kind == NoteKind.PROGRESS
        counts = np.bincount(when.stay[rows], minlength=len(stays))
        assert counts.max() <= MOST_PROGRESS
        mornings = (stays.outtime - HOUR / 2 - stays.intime // DAY * DAY - 10 * HOUR) // DAY
        assert (counts >= np.clip(mornings, 0, 3)).all()
        day = when.charttime[rows] // DAY - stays.intime[when.stay[rows]] // DAY
        hour = when.charttime[rows] // HOUR % 24
        assert set(hour) <= {6, 7, 8, 9, 10}
        for stay in range(len(stays)):
            days = day[when.stay[rows] == stay]
            assert list(days[:3]) == [1, 2, 3][: len(days)]
            assert set(np.diff(days[2:])) <= {2, 3}


def test_progress_notes_copy_forward(blocks: list[Block]) -> None:
    for block in blocks:
        when, before, shares, old = block.written.schedule, {}, [], []
        for note in block.written.notes:
            kind, stay = when.kind[note.row], int(when.stay[note.row])
            if kind == NoteKind.PROGRESS:
                texts = {spoken.text for spoken in note.sentences}
                earlier = before[stay]
                shares.append(np.mean([spoken.text in texts for spoken in earlier.sentences]))
                repeated = [text for text in texts if text.startswith("Earlier (")]
                old.append(len(repeated))
                for text in repeated:
                    assert text.split("): ")[1] in earlier.text
            if kind in (NoteKind.UNIT, NoteKind.PROGRESS):
                before[stay] = note
        assert 0.55 < np.mean(shares) < 0.65
        assert np.quantile(shares, 0.02) >= 0.48
        assert np.quantile(shares, 0.98) <= 0.72
        assert 0.2 < np.mean(old) < 0.4


def test_vital_signs_in_the_unit_are_the_last_charted(blocks: list[Block]) -> None:
    block = blocks[0]
    charted = vitals.draw(block.world)
    rows = pd.DataFrame({name: getattr(charted, name) for name in ("stay", "time", "itemid")})
    rows["value"] = charted.value
    rows = rows.sort_values("time", kind="stable")
    by_stay = dict(tuple(rows.groupby("stay")))
    when, checked = block.written.schedule, 0
    for note in block.written.notes:
        if when.kind[note.row] not in (NoteKind.UNIT, NoteKind.PROGRESS):
            continue
        seen = by_stay[int(when.stay[note.row])]
        seen = seen[seen["time"] <= when.charttime[note.row]]

        def last(*items: int, seen: pd.DataFrame = seen) -> float:
            return float(seen.loc[seen["itemid"].isin(items), "value"].iloc[-1])

        shown = read_signs(note.text)
        if "heart_rate" in shown:
            assert float(shown["heart_rate"]) == last(item.HEART_RATE)
        if "respiratory_rate" in shown:
            assert float(shown["respiratory_rate"]) == last(item.RESPIRATORY_RATE)
        if "saturation" in shown:
            assert float(shown["saturation"]) == last(item.SPO2)
        if "temperature" in shown:
            assert float(shown["temperature"]) == last(item.FAHRENHEIT, item.CELSIUS)
        pressures = seen[seen["itemid"].isin((item.CUFF[0], item.ARTERIAL[0]))]
        if "pressure" in shown:
            newest = pressures.loc[pressures["time"] == pressures["time"].max(), "value"]
            assert float(shown["pressure"].split("/")[0]) in set(newest)
        checked += len(shown)
    assert checked > 3000


def test_triage_notes_agree_with_the_triage_table(blocks: list[Block]) -> None:
    block = blocks[0]
    when = block.written.schedule
    table = dict(emergency.tables(block.world))["ed/triage"].to_pandas().set_index("stay_id")
    stay_id = ed_stay_ids(block.world)
    named = 0
    for note in block.written.notes:
        if when.kind[note.row] != NoteKind.TRIAGE:
            continue
        row = table.loc[stay_id[when.emergency[note.row]]]
        shown = read_signs(note.text)
        for name, column in (
            ("heart_rate", "heartrate"),
            ("respiratory_rate", "resprate"),
            ("saturation", "o2sat"),
            ("temperature", "temperature"),
        ):
            assert (name in shown) == pd.notna(row[column]), note.text
            if name in shown:
                assert float(shown[name]) == row[column]
        complaint = re.search(r"CC: (.+)\.\n", note.text)
        assert complaint
        stated = str(row["chiefcomplaint"])
        assert complaint[1] == ("per triage" if "fall" in stated.lower() else stated)
        named += complaint[1] == stated
    assert 0.8 * len(table) < named < len(table)


def test_own_diseases_are_present_and_never_anything_else(blocks: list[Block]) -> None:
    names = [normal(of_disease[0]) for of_disease in surfaces()]
    for block in blocks:
        for note in block.telling():
            own = block.world.diseases[block.patient[note.row]]
            said = {"present": Counter[str](), "other": Counter[str]()}
            for spoken in note.sentences:
                for mention in spoken.mentions:
                    if mention.kind == "disease":
                        kind = "present" if mention.assertion == "present" else "other"
                        said[kind][mention.concept] += 1
                        if kind == "other":
                            text = normal(spoken.text)
                            assert not any(normal(s) in text for d in own for s in surfaces()[d])
            assert said["present"] == Counter(surfaces()[d][0] for d in own)
            assert sum(said["other"].values()) == 2
            assert not set(said["present"]) & set(said["other"])
    assert len(set(names)) == 150


def test_no_background_condition_can_be_taken_for_a_disease() -> None:
    every = [normal(name) for names in surfaces() for name in names]
    assert len(background_conditions()) > 12
    for condition in background_conditions():
        for phrase in background()[condition]:
            assert not any(name in normal(phrase) or normal(phrase) in name for name in every)


def test_no_label_is_stated(blocks: list[Block]) -> None:
    assert WORDS.search("pt expired at 0400")
    for block in blocks:
        for note in block.written.notes:
            found = WORDS.search(note.text.lower())
            assert not found, (found, note.text)


def test_notes_look_like_notes(blocks: list[Block]) -> None:
    texts = [note.text for note in blocks[0].telling()]
    for sign in ("PMH:\n", "___", " w/ ", "Pt ", "Assessment and Plan:", "c/o", "h/o", "HTN"):
        assert sum(sign in text for text in texts) > 20, sign
    assert 800 < np.median([len(text) for text in texts]) < 2000
    assert not any('"' in text or "{" in text or "nan" in text.split() for text in texts)


def test_no_two_notes_are_equal(blocks: list[Block]) -> None:
    """Else one text would stand in two folds: stock reports would, by the thousand."""
    texts = [note.text for block in blocks for note in block.written.notes]
    assert len(set(texts)) == len(texts)
    reports = [
        note.text.partition("\n")
        for block in blocks
        for note in block.written.notes
        if block.written.schedule.kind[note.row] == NoteKind.RADIOLOGY
    ]
    clips = {first for first, _, _ in reports}
    assert len(clips) == len(reports) > 1000
    assert all(re.fullmatch(r"CLIP # 4\d{7}", clip) for clip in clips)


def test_different_sentences_are_many_but_can_be_embedded(blocks: list[Block]) -> None:
    """At 4,000 patients there are more: these are the sentences of 750."""
    texts = {
        spoken.text
        for block in blocks
        for note in block.telling()
        for spoken in note.sentences
        if "BP " not in spoken.text and "SpO2 " not in spoken.text
    }
    assert 20_000 < len(texts) < 45_000


def test_one_word_in_150_is_mistyped_and_is_neither_cue_nor_concept() -> None:
    rng = np.random.default_rng(0)
    texts = ["patient walked slowly along the corridor with the nurse"] * 20_000
    slips = sum(a != b for a, b in zip(texts, mistyped(rng, texts), strict=True))
    assert 0.75 < slips / (SHARE * 9 * 20_000) < 1.05
    for section, topics in fillers(3).items():
        for template, found in topics.items():
            exact = set(bank(np.random.default_rng(0), template, expansions(template)))
            wrong = np.mean([spoken.text not in exact for spoken in found])
            assert wrong < 0.25, (section, template)


def test_a_bank_has_different_texts_and_no_more_than_asked_for() -> None:
    templates = grouped("fillers.csv", "section", "template")["nursing"]
    for template in templates:
        found = bank(np.random.default_rng(1), template, MOST)
        assert len(set(found)) == len(found) == min(MOST, expansions(template))
        assert not any("{" in text for text in found)
    with pytest.raises(KeyError, match="no_such_slot"):
        bank(np.random.default_rng(1), "Skin {no_such_slot}.", 3)


def test_patients_are_the_same_whatever_their_number_and_run(blocks: list[Block]) -> None:
    few = draw_world(build_model(make_params(patients=20)), 0)
    many = draw_world(build_model(make_params(patients=40 * BLOCK)), 0)
    for one, two in zip(notes.tables(few), notes.tables(many), strict=True):
        assert one[0] == two[0]
        assert one[1].equals(two[1])
    other = replace(make_params(), seed=4)
    changed = dict(notes.tables(draw_world(build_model(other), 0)))["note/discharge"]
    same = dict(notes.tables(blocks[0].world))["note/discharge"]
    assert changed["text"].to_pylist()[:20] != same["text"].to_pylist()[:20]


def test_gold_names_what_the_notes_say(blocks: list[Block]) -> None:
    world = blocks[0].world
    gold = notes.gold(world).to_pandas()
    texts = {
        row["note_id"]: row["text"]
        for _, table in notes.tables(world)
        for row in table.select(["note_id", "text"]).to_pylist()
    }
    assert set(gold["kind"]) == {"frailty", "decoy", "disease", "background"}
    for row in gold.iloc[::7].itertuples():
        assert str(row.sentence) in texts[str(row.note_id)]
    kinds = gold["note_id"].str.split("-").str[1]
    assert set(kinds) == {"TN", "NU", "PN", "DS"}
    per_note = gold[gold["kind"].isin(["frailty", "decoy"])].groupby("note_id").size()
    assert set(per_note) == {4}


def test_a_film_is_reported_without_what_it_shows(blocks: list[Block]) -> None:
    block = blocks[0]
    when, seen = block.written.schedule, block.world.emergencies
    rows = np.flatnonzero(when.kind == NoteKind.RADIOLOGY)
    in_ed = rows[when.emergency[rows] != MISSING]
    assert sorted(when.emergency[in_ed]) == list(np.flatnonzero(seen.imaged != MISSING))
    assert (when.charttime[in_ed] == seen.imaged[when.emergency[in_ed]]).all()
    for row in rows.tolist():
        assert "read" in block.written.notes[row].text.split("FINDINGS:")[1]
