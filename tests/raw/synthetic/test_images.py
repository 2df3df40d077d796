"""The cohort's films: which there are, when, and that they are a patient's own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from fusehr.raw.synthetic.arrays import HOUR, MINUTE, MISSING
from fusehr.raw.synthetic.identifiers import ED_ONLY, MAX_PATIENTS, VISITS
from fusehr.raw.synthetic.latent.world import World, draw_world
from fusehr.raw.synthetic.radiograph import ids
from fusehr.raw.synthetic.rows import images

from .conftest import draw_worlds, make_params


@pytest.fixture(scope="module")
def taken(worlds: list[World]) -> list[tuple[World, images.Taken]]:
    return [(world, images.taken(world)) for world in worlds]


@pytest.fixture(scope="module")
def world(worlds: list[World]) -> World:
    return worlds[0]


@cache
def rows_of(block: int) -> pd.DataFrame:
    """cxr/metadata of a block."""
    world = draw_worlds(make_params(), blocks=block + 1)[block]
    ((key, table),) = images.tables(world)
    assert key == "cxr/metadata"
    return table.to_pandas()


def test_emergency_films_are_taken_exactly_when_the_visit_says(
    taken: list[tuple[World, images.Taken]],
) -> None:
    for world, films in taken:
        seen = world.emergencies
        here = ~films.in_icu
        imaged = seen.imaged != MISSING
        want = sorted(zip(seen.patient[imaged], seen.imaged[imaged], strict=True))
        assert sorted(zip(films.patient[here], films.time[here], strict=True)) == want
        assert (films.time[here] % MINUTE == 0).all()


def test_icu_films_are_taken_in_the_stay_and_after_the_index_of_triage(
    taken: list[tuple[World, images.Taken]],
) -> None:
    for world, films in taken:
        visits = world.visits
        visit, time = films.episode[films.in_icu], films.time[films.in_icu]
        assert (time >= visits.start[visit] + 4 * HOUR + MINUTE).all()
        assert (time >= visits.icu_in[visit] + 30 * MINUTE).all()
        assert (time < visits.icu_out[visit]).all()
        assert films.portable[films.in_icu].all()
        first = pd.Series(time).groupby(visit).min()
        assert (first - visits.icu_in[first.index] <= 10 * HOUR).all()
        gaps = pd.Series(time).groupby(visit).diff().dropna()
        assert gaps.between(16 * HOUR, 32 * HOUR).all()


def test_nearly_every_stay_has_a_film_and_none_more_than_four(
    taken: list[tuple[World, images.Taken]],
) -> None:
    counts = np.concatenate(
        [
            np.bincount(films.episode[films.in_icu], minlength=len(world.visits))[world.stays.visit]
            for world, films in taken
        ]
    )
    assert (counts > 0).mean() > 0.98
    assert counts.max() == 4
    assert 1.5 < counts.mean() < 3


def test_the_number_of_films_tells_nothing_of_the_visit(
    taken: list[tuple[World, images.Taken]],
) -> None:
    counts, flags, sick = [], [], []
    for world, films in taken:
        stays = world.stays
        long = stays.outtime - stays.intime > 72 * HOUR  # how long it lasts decides, for the rest
        # those of the first two days, for every stay that lasts three
        early = films.in_icu & (
            films.time - world.visits.icu_in[films.episode.clip(max=len(world.visits) - 1)]
            < 48 * HOUR
        )
        n = np.bincount(films.episode[early], minlength=len(world.visits))
        counts.append(n[stays.visit[long]])
        flags.append(world.visits.flags["image"][stays.visit[long]])
        sick.append(stays.q[long, 0, :3].mean(axis=1))
    n, flag = np.concatenate(counts), np.concatenate(flags)
    assert len(n) > 1500
    error = n.std() * np.sqrt(1 / flag.sum() + 1 / (~flag).sum())
    assert abs(n[flag].mean() - n[~flag].mean()) < 3 * error
    assert abs(np.corrcoef(n, np.concatenate(sick))[0, 1]) < 3 / np.sqrt(len(n))


def test_every_film_shows_the_flag_of_its_visit(
    taken: list[tuple[World, images.Taken]],
) -> None:
    for world, films in taken:
        visits, seen = world.visits, world.emergencies
        of_episode = np.concatenate([visits.flags["image"], seen.flags["image"]])
        assert (films.opacity == of_episode[films.episode]).all()
        led = films.episode < len(visits)
        assert (visits.patient[films.episode[led]] == films.patient[led]).all()
        assert (seen.patient[films.episode[~led] - len(visits)] == films.patient[~led]).all()


@pytest.mark.parametrize("knob", [1.0, 0.0])  # at 0 films show it still; it only counts for nothing
def test_patches_lie_in_the_lungs_where_the_flag_says(knob: float) -> None:
    world = draw_worlds(make_params(image=knob), blocks=1)[0]
    drawn = images.drawn(world)
    size = drawn.pixels.shape[1]
    column = ((drawn.patches.x + 1) * size / 2).astype(int)
    row = ((drawn.patches.y + 1) * size / 2).astype(int)
    inside = drawn.lungs[np.arange(len(row)), row, column]
    flag = images.taken(world).opacity
    assert 0.25 < flag.mean() < 0.55
    assert inside[flag].mean() > 0.97
    assert inside[~flag].mean() < 0.01


def test_films_of_a_visit_share_person_and_place_but_not_pose(world: World) -> None:
    taken, drawn = images.taken(world), images.drawn(world)
    same_stay = (np.diff(taken.episode) == 0) & taken.in_icu[1:] & taken.in_icu[:-1]
    first = np.flatnonzero(same_stay & taken.opacity[1:])
    assert len(first) > 50
    assert (drawn.people.heart_ratio[first] == drawn.people.heart_ratio[first + 1]).all()
    assert (drawn.devices.tube[first] == drawn.devices.tube[first + 1]).all()
    assert (drawn.technique.turn[first] != drawn.technique.turn[first + 1]).all()
    moved = np.hypot(*(np.diff(xy)[first] for xy in (drawn.patches.x, drawn.patches.y)))
    half = len(first) // 2
    others = np.hypot(
        *(xy[first] - np.roll(xy[first], half) for xy in (drawn.patches.x, drawn.patches.y))
    )
    # turned and shifted on the film, but at the same place of the lung
    assert np.median(moved) < 0.4 * np.median(others)


def test_rows_and_films_stand_in_the_same_order(world: World) -> None:
    films, rows = images.films(world), rows_of(0)
    assert films.dicom_id == list(rows["dicom_id"])
    assert (films.subject_id == rows["subject_id"]).all()
    assert films.pixels.shape == (len(rows), 32, 32)
    assert (np.diff(films.subject_id) >= 0).all()
    taken = images.taken(world)
    stamp = pd.to_datetime(rows["StudyDate"] + rows["StudyTime"], format="%Y%m%d%H%M%S.%f")
    assert ((stamp - pd.Timestamp(1970, 1, 1)) // pd.Timedelta(seconds=1) == taken.time).all()


def test_metadata_has_the_shape_of_mimic_cxr() -> None:
    rows = rows_of(0)
    assert rows["dicom_id"].str.fullmatch(r"([0-9a-f]{8}-){4}[0-9a-f]{8}").all()
    assert rows["study_id"].astype(int).between(50_000_000, 59_999_999).all()
    assert rows["StudyTime"].str.fullmatch(r"\d{6}\.\d{3}").all()
    assert rows["StudyDate"].str.fullmatch(r"2[12]\d{6}").all()
    assert rows.notna().all(axis=None)
    portable = rows["ViewPosition"] == "AP"
    assert (rows["PatientOrientationCodeSequence_CodeMeaning"] == "Recumbent").eq(portable).all()
    assert (rows["Rows"] == "32").all()


def test_a_patient_has_the_same_films_in_every_cohort(world: World) -> None:
    larger = make_params(patients=4000, pool=100)
    again = draw_world(replace(world.model, params=larger), block=0)
    one, other = images.films(world), images.films(again)
    keep = one.subject_id == world.patients.subject_id[17]
    assert keep.any()
    assert one.where(keep).dicom_id == other.where(keep).dicom_id
    assert one.where(keep).pixels.tobytes() == other.where(keep).pixels.tobytes()
    assert one.pixels.tobytes() == other.pixels.tobytes()


def test_ids_are_unique() -> None:
    both = pd.concat([rows_of(0), rows_of(1)])
    assert both["dicom_id"].is_unique
    assert both["study_id"].is_unique


def test_no_two_films_of_any_cohort_or_pool_share_an_id() -> None:
    number = np.array([0, 1, 17, 4_321, MAX_PATIENTS - 1])[:, None]
    stay = number[:, :, None]
    order, nth = np.arange(VISITS)[:, None], np.arange(ids.STAY_FILMS)
    pool = ids.pool_studies(np.arange(ids.MAX_POOL))
    every = np.concatenate(
        [
            ids.ed_studies(number, np.arange(VISITS), admitted=True).ravel(),
            ids.ed_studies(number, np.arange(ED_ONLY), admitted=False).ravel(),
            ids.stay_studies(stay, order, nth).ravel(),
            pool,
        ]
    )
    assert len(np.unique(every)) == len(every)
    assert every.min() >= 50_000_000
    assert every.max() < 60_000_000
