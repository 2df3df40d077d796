"""The pool: noisy labels of people outside the cohort, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fusehr.core.params.raw import ChestImageParams, SyntheticParams
from fusehr.raw.synthetic.identifiers import MAX_PATIENTS, subject_ids
from fusehr.raw.synthetic.radiograph import ids
from fusehr.raw.synthetic.radiograph.drawing import Drawn, draw_radiographs
from fusehr.raw.synthetic.radiograph.findings import FINDINGS, draw_findings, table
from fusehr.raw.synthetic.radiograph.pool import SHARD, pool_films, shards

from ..conftest import make_params

FILMS = 6000


def pool_params(pool: int, seed: int = 3, size: int = 16) -> SyntheticParams:
    return replace(make_params(seed=seed), images=ChestImageParams(size=size, pool=pool))


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(1)
    return draw_radiographs(rng, rng.random(FILMS) < 0.4, 16)


@pytest.fixture(scope="module")
def labels(drawn: Drawn) -> pd.DataFrame:
    number = np.arange(FILMS)
    found = draw_findings(np.random.default_rng(2), drawn)
    return table(ids.pool_subjects(number), ids.pool_studies(number), found).to_pandas()


def test_columns_are_those_of_chexpert(labels: pd.DataFrame) -> None:
    assert list(labels.columns) == ["subject_id", "study_id", *FINDINGS]
    assert len(FINDINGS) == 14
    values = labels[list(FINDINGS)].to_numpy()
    assert set(np.unique(values[~np.isnan(values)])) == {-1, 0, 1}


def test_lung_opacity_is_mostly_right_where_it_is_mentioned(
    labels: pd.DataFrame, drawn: Drawn
) -> None:
    label = labels["Lung Opacity"]
    sure = label.isin((0, 1))
    assert 0.85 < (label[sure] == drawn.opacity[sure]).mean() < 0.9
    assert 0.7 < sure.mean() < 0.9
    assert 0.02 < (label == -1).mean() < 0.07
    assert 0.1 < label.isna().mean() < 0.25
    for truth in (False, True):
        of = sure & (drawn.opacity == truth)
        assert 0.84 < (label[of] == truth).mean() < 0.92, truth


def test_cardiomegaly_follows_the_heart(labels: pd.DataFrame, drawn: Drawn) -> None:
    label, ratio = labels["Cardiomegaly"], drawn.people.heart_ratio
    assert 0.15 < (label == 1).mean() < 0.3
    assert (label[ratio > 0.58] == 1).mean() > 0.6
    assert (label[ratio < 0.46] == 1).mean() < 0.05


def test_support_devices_follow_what_is_on_the_film(labels: pd.DataFrame, drawn: Drawn) -> None:
    label, shown = labels["Support Devices"], drawn.devices.support()
    assert (label[shown] == 1).mean() > 0.88
    assert (label[~shown] == 1).mean() < 0.08
    assert 0.2 < (label == 1).mean() < 0.4


def test_other_findings_know_nothing_of_the_opacity(labels: pd.DataFrame, drawn: Drawn) -> None:
    for name in set(FINDINGS) - {"Lung Opacity", "No Finding"}:
        share = [(labels.loc[drawn.opacity == t, name] == 1).mean() for t in (True, False)]
        assert share[0] == pytest.approx(share[1], abs=0.045), name


def test_no_finding_means_that_nothing_was_found(labels: pd.DataFrame) -> None:
    findings = labels[[n for n in FINDINGS if n not in ("No Finding", "Support Devices")]]
    found = findings.isin((1, -1)).any(axis=1)
    assert (labels["No Finding"].notna() == ~found).all()
    assert 0.05 < labels["No Finding"].notna().mean() < 0.4


def test_a_film_is_the_same_whatever_the_pools_size() -> None:
    assert shards(pool_params(0)) == 0
    assert shards(pool_params(SHARD + 1)) == 2
    small, large = (pool_films(pool_params(pool), 0) for pool in (20, 2 * SHARD))
    assert len(small.films) == small.metadata.num_rows == small.chexpert.num_rows == 20
    assert len(large.films) == SHARD
    assert small.films.dicom_id == large.films.dicom_id[:20]
    assert small.films.pixels.tobytes() == large.films.pixels[:20].tobytes()
    assert small.chexpert.equals(large.chexpert.slice(0, 20))
    assert small.metadata.equals(large.metadata.slice(0, 20))


def test_shards_and_seeds_differ() -> None:
    one, other = (pool_films(pool_params(2 * SHARD), shard) for shard in (0, 1))
    seeded = pool_films(pool_params(2 * SHARD, seed=4), 0)
    assert not set(one.films.dicom_id) & set(other.films.dicom_id)
    assert (one.films.pixels != other.films.pixels).any()
    assert (one.films.pixels != seeded.films.pixels).any()
    assert 0.3 < one.opacity.mean() < 0.5


def test_rows_name_their_films_and_people_once() -> None:
    shard = pool_films(pool_params(SHARD), 0)
    rows = shard.metadata.to_pandas()
    assert list(rows["dicom_id"]) == shard.films.dicom_id
    assert list(rows["subject_id"]) == list(shard.films.subject_id)
    assert list(rows["study_id"].astype(int)) == shard.chexpert["study_id"].to_pylist()
    assert rows["Rows"].eq("16").all()
    assert set(rows["ViewPosition"]) == {"AP", "PA"}


def test_people_of_the_pool_are_in_no_cohort() -> None:
    number = np.arange(ids.MAX_POOL)
    pool = ids.pool_subjects(number)
    assert pool.min() > subject_ids(np.arange(MAX_PATIENTS)).max()
    assert pool.max() < 20_000_000
    assert (np.diff(pool) > 0).all()
