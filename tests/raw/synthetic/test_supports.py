"""Supports begin only after hours without them, in the files as well as in what was drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.vocabulary import bedside as item

from .conftest import Tables

PRESSORS = (
    item.NOREPINEPHRINE,
    item.PHENYLEPHRINE,
    item.EPINEPHRINE,
    item.DOPAMINE,
    item.VASOPRESSIN,
)


def _runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Gaps (hours) between a row and all that came before it in the patient."""
    rows = rows.assign(
        start=pd.to_datetime(rows["starttime"]), end=pd.to_datetime(rows["endtime"])
    ).sort_values(["subject_id", "start", "end"])
    latest = rows.groupby("subject_id")["end"].transform(lambda ends: ends.cummax().shift())
    return rows.assign(gap=(rows["start"] - latest).dt.total_seconds() / 3600)


@pytest.mark.parametrize(
    ("table", "items"),
    [("icu/inputevents", PRESSORS), ("icu/procedureevents", (item.VENTILATION,))],
)
def test_each_gap_is_a_pause_or_at_least_6_hours(
    small: Tables, table: str, items: tuple[int, ...]
) -> None:
    rows = small(table)
    rows = _runs(rows[rows["itemid"].astype(int).isin(items)])
    gaps = rows["gap"][rows["gap"] > 0]
    assert (gaps >= 6).sum() > 5
    assert gaps.between(2.001, 5.999).sum() == 0
    pressors = table == "icu/inputevents"
    assert (gaps <= 2).any() == pressors  # ventilation is not paused


def test_most_vasopressor_rows_are_changes_of_dose(small: Tables) -> None:
    rows = small("icu/inputevents")
    rows = _runs(rows[rows["itemid"].astype(int).isin(PRESSORS)])
    assert (rows["gap"] <= 0).mean() > 0.6
    assert (rows["statusdescription"] == "ChangeDose/Rate").mean() > 0.6


def test_begins_are_free_to_begin_and_lie_within_their_block(worlds: list[World]) -> None:
    begun = 0
    for world in worlds:
        runs, stays = world.runs, world.stays
        rows = np.flatnonzero(~runs.on_arrival)
        begun += len(rows)
        assert stays.at_risk[runs.stay[rows], runs.block[rows]].all()
        at = stays.intime[runs.stay[rows]] + 12 * 3600 * runs.block[rows]
        assert ((runs.start[rows] > at) & (runs.start[rows] < at + 12 * 3600)).all()
        assert (runs.end > runs.start).all()
        assert (runs.end <= stays.outtime[runs.stay]).all()
    assert begun > 300


def test_runs_of_one_support_keep_6_hours_apart(worlds: list[World]) -> None:
    pairs = 0
    for world in worlds:
        runs = world.runs
        order = np.lexsort((runs.start, runs.support, runs.stay))
        same = (np.diff(runs.stay[order]) == 0) & (np.diff(runs.support[order]) == 0)
        gaps = runs.start[order][1:] - runs.end[order][:-1]
        pairs += int(same.sum())
        assert (gaps[same] >= 6 * 3600).all()
    assert pairs > 100


def test_both_running_is_what_the_runs_say(worlds: list[World]) -> None:
    world = worlds[0]
    runs, stays = world.runs, world.stays
    for block in range(2, 8):
        time = stays.intime + 12 * 3600 * block
        running = np.zeros((len(stays), 2), dtype=bool)
        now = (runs.start <= time[runs.stay]) & (runs.end > time[runs.stay])
        running[runs.stay[now], runs.support[now]] = True
        there = stays.exit_block >= block
        both = running[:, 0] & running[:, 1]
        assert np.array_equal(both[there], stays.both[there, block])
