"""What stands in the files: near MIMIC's own figures, dirty where it should be, and no leak."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.core.params.raw import SyntheticParams
from fusehr.raw.synthetic.latent.patients import icu_plan
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import draws, movements, people
from fusehr.raw.synthetic.vocabulary import bedside as item
from fusehr.raw.synthetic.vocabulary.conditions import PHENOTYPES

from .conftest import Tables, draw_worlds, make_params


@pytest.fixture(scope="module")
def chart(small: Tables) -> pd.DataFrame:
    rows = small("icu/chartevents")
    for column in ("charttime", "storetime"):
        rows[column] = pd.to_datetime(rows[column])
    return rows.astype({"itemid": int, "valuenum": float, "stay_id": int})


@pytest.fixture(scope="module")
def labs(small: Tables) -> pd.DataFrame:
    rows = small("hosp/labevents")
    for column in ("charttime", "storetime"):
        rows[column] = pd.to_datetime(rows[column])
    return rows.astype({"itemid": int, "valuenum": float})


def test_bedside_values_have_the_spread_of_the_demo(chart: pd.DataFrame) -> None:
    for itemid, median, between_quartiles in (
        (item.HEART_RATE, 90, 26),
        (item.RESPIRATORY_RATE, 20, 7),
        (item.SPO2, 97, 4),
        (item.CUFF[2], 74, 18),
        (item.CUFF[0], 113, 28),
        (item.FAHRENHEIT, 98.4, 1.0),
    ):
        low, middle, high = chart.loc[chart["itemid"] == itemid, "valuenum"].quantile(
            [0.25, 0.5, 0.75]
        )
        assert middle == pytest.approx(median, rel=0.06), itemid
        assert 0.6 * between_quartiles < high - low < 1.5 * between_quartiles, itemid


def test_charting_is_hourly_with_gaps(chart: pd.DataFrame) -> None:
    pulse = chart[chart["itemid"] == item.HEART_RATE].drop_duplicates(["stay_id", "charttime"])
    gaps = pulse.sort_values(["stay_id", "charttime"]).groupby("stay_id")["charttime"].diff()
    minutes = gaps.dt.total_seconds() / 60
    assert minutes.median() == 60
    assert 0.03 < (minutes > 90).mean() < 0.3


def test_text_items_carry_words(chart: pd.DataFrame) -> None:
    eyes = chart[chart["itemid"] == item.EYE]
    assert set(eyes["value"]) == set(item.EYE_WORDS)
    assert (eyes["value"].map(item.EYE_WORDS.index) + 1 == eyes["valuenum"]).all()
    refill = chart[chart["itemid"] == item.REFILL_LEFT]
    assert refill["valuenum"].isna().all()
    assert set(refill["value"]) == set(item.REFILL_WORDS)
    tube = chart[chart["value"] == item.VENTILATED_WORDS]
    assert len(tube) > 0
    assert (tube["valuenum"] == 1).all()


def test_nothing_is_stored_before_it_is_charted(chart: pd.DataFrame, labs: pd.DataFrame) -> None:
    assert (chart["storetime"] >= chart["charttime"]).all()
    known = labs.dropna(subset=["storetime"])
    lag = (known["storetime"] - known["charttime"]).dt.total_seconds() / 3600
    assert (lag > 0).all()
    slow = lag[~known["itemid"].isin((50813, 50818, 50820, 50821))]
    assert slow.quantile(0.05) > 0.3
    assert 1.0 < slow.median() < 1.6
    assert slow.quantile(0.95) < 3.5
    assert 0.003 < labs["storetime"].isna().mean() < 0.02


def test_a_quarter_of_laboratory_rows_has_no_admission(labs: pd.DataFrame) -> None:
    assert 0.2 < labs["hadm_id"].isna().mean() < 0.32


def test_sicker_patients_have_blood_drawn_more_often(worlds: list[World]) -> None:
    counts, sick = [], []
    for world in worlds[:4]:
        drawn = draws.draw(world)
        stays = world.stays
        inside = drawn.visit >= 0
        per_visit = np.zeros((len(world.visits), 1))
        start = np.full(len(world.visits), np.iinfo(np.int64).max)
        start[stays.visit] = stays.intime
        early = inside & (drawn.time >= start[drawn.visit])
        early &= drawn.time < start[drawn.visit] + 24 * 3600
        np.add.at(per_visit, drawn.visit[early], 1)
        long = stays.exit_block >= 2
        counts.append(per_visit[stays.visit[long], 0])
        sick.append(stays.q[long, 0, :3].mean(axis=1))
    assert np.corrcoef(np.concatenate(counts), np.concatenate(sick))[0, 1] > 0.15


def test_no_bedside_value_after_the_stay(chart: pd.DataFrame, small: Tables) -> None:
    stays = small("icu/icustays").astype({"stay_id": int}).set_index("stay_id")
    latest = chart["stay_id"].map(pd.to_datetime(stays["outtime"]))
    late = chart["charttime"] > latest + pd.Timedelta(minutes=30)
    assert 0 < late.mean() < 0.001  # impossible times, dirty on purpose


def test_dirt_is_there_and_can_be_turned_off(
    small: Tables, chart: pd.DataFrame, written: Callable[[SyntheticParams], Tables]
) -> None:
    def kinds(tables: Tables, rows: pd.DataFrame) -> dict[str, float]:
        orders = tables("hosp/prescriptions")
        fahrenheit = rows.loc[rows["itemid"] == item.FAHRENHEIT, "valuenum"]
        pulse = rows.loc[rows["itemid"] == item.HEART_RATE, "valuenum"]
        year = pd.to_datetime(rows["charttime"]).dt.year
        usual = year.groupby(rows["stay_id"]).transform("median")
        return {
            "duplicates": rows.duplicated().mean(),
            "backwards": (orders["stoptime"] < orders["starttime"]).mean(),
            "celsius": fahrenheit.between(30, 45).mean(),
            "implausible": ((pulse == 0) | (pulse > 250)).mean(),
            "impossible times": ((year - usual).abs() > 1).mean() + ((year - usual) == 1).mean(),
        }

    dirty = kinds(small, chart)
    assert all(dirty.values()), dirty
    assert dirty["duplicates"] == pytest.approx(0.002, rel=0.3)
    assert dirty["backwards"] == pytest.approx(0.002, rel=0.8)
    tables = written(make_params(patients=120, dirty=0.0))
    rows = tables("icu/chartevents").astype({"itemid": int, "valuenum": float, "stay_id": int})
    rows["charttime"] = pd.to_datetime(rows["charttime"])
    clean = kinds(tables, rows)
    clean.pop("impossible times")  # a stay over New Year has two years
    assert not any(clean.values()), clean


def test_admissions_hang_together(small: Tables) -> None:
    rows = small("hosp/admissions")
    for column in ("admittime", "dischtime", "deathtime", "edregtime"):
        rows[column] = pd.to_datetime(rows[column])
    assert (rows["dischtime"] > rows["admittime"]).all()
    died = rows["hospital_expire_flag"] == "1"
    assert (rows["deathtime"].notna() == died).all()
    assert ((rows["discharge_location"] == "DIED") == died).all()
    floored = rows["dischtime"] < rows["deathtime"]
    assert 0.05 < floored[died].mean() < 0.5
    assert (rows.loc[floored, "dischtime"].dt.strftime("%H%M%S") == "000000").all()
    assert 0.5 < rows["edregtime"].notna().mean() < 0.85
    ordered = rows.sort_values(["subject_id", "admittime"])
    gap = ordered["admittime"] - ordered.groupby("subject_id")["dischtime"].shift()
    assert (gap.dropna() > pd.Timedelta(0)).all()


def test_cohort_is_like_mimics(worlds: list[World]) -> None:
    visits = np.concatenate([np.bincount(w.visits.patient, minlength=250) for w in worlds])
    assert 1.7 < visits.mean() < 2.0
    ages = np.concatenate([w.patients.age for w in worlds])
    assert 62 <= np.median(ages) <= 66
    days = np.concatenate([w.stays.outtime - w.stays.intime for w in worlds]) / 86_400
    assert 3.2 < days.mean() < 4.5
    icu = [w.billed[w.stays.visit] for w in worlds]
    rates = np.concatenate(icu).mean(axis=0)
    planned = np.array([p.prevalence for p in PHENOTYPES])
    assert rates == pytest.approx(planned, rel=0.3)
    assert np.corrcoef(rates, planned)[0, 1] > 0.98


@pytest.mark.parametrize("share", [0.58, 0.87])
def test_long_stays_are_as_common_as_asked_for(share: float) -> None:
    params = make_params()
    params = type(params)(**{**vars(params), "long_stay_share": share})
    drawn = draw_worlds(params, blocks=16)
    found = np.concatenate(
        [np.bincount(w.visits.patient[w.visits.reached], minlength=250) > 0 for w in drawn]
    )
    assert found.mean() == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_extreme_shares_have_a_plan(share: float) -> None:
    plan = icu_plan(share)
    assert plan.in_icu == pytest.approx(share)
    assert 0 < plan.reach_48h <= 1


def _stays(tables: Tables) -> pd.DataFrame:
    stays = tables("icu/icustays").astype({"stay_id": int}).set_index("stay_id")
    admissions = tables("hosp/admissions").set_index("hadm_id")
    died = admissions["hospital_expire_flag"] == "1"
    return pd.DataFrame(
        {
            "intime": pd.to_datetime(stays["intime"]),
            "outtime": pd.to_datetime(stays["outtime"]),
            "died": stays["hadm_id"].map(died).to_numpy(dtype=bool),
        },
        index=stays.index,
    )


def _early_pulse_and_death(tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """Mean heart rate and pressure of hours 36-48, and death after: stays that reach 48 hours."""
    stays = _stays(tables)
    rows = tables("icu/chartevents").astype({"itemid": int, "valuenum": float, "stay_id": int})
    rows = rows[rows["itemid"].isin((item.HEART_RATE, item.CUFF[2], item.ARTERIAL[2]))]
    rows = rows[rows["valuenum"].between(20, 200)]
    hour = pd.to_datetime(rows["charttime"]) - rows["stay_id"].map(stays["intime"])
    rows = rows[hour.between(pd.Timedelta(hours=36), pd.Timedelta(hours=48))]
    pulse = rows["itemid"] == item.HEART_RATE
    means = rows.groupby(["stay_id", pulse])["valuenum"].mean().unstack()
    score = (means[True] - means[False]).reindex(stays.index)
    kept = score.notna() & (stays["outtime"] > stays["intime"] + pd.Timedelta(hours=48))
    return score[kept].to_numpy(), stays.loc[kept, "died"].to_numpy()


def test_vital_signs_tell_of_death_only_through_the_signal(
    written: Callable[[SyntheticParams], Tables],
) -> None:
    for severity in (1.0, 0.0):
        score, died = _early_pulse_and_death(
            written(make_params(patients=1250, severity=severity, dirty=0.0))
        )
        error = np.sqrt(1 / 12 / died.sum() + 1 / 12 / (~died).sum())
        assert error < 0.04
        told = (roc_auc_score(died, score) - 0.5) / error
        assert told > 3 if severity else abs(told) < 3, (severity, told)


def test_an_admission_entered_late_hides_a_stay_whole_or_not_at_all() -> None:
    """Of a stay that a change of bed split, the second half alone would be one with no truth."""
    entered_late = split = 0
    for world in draw_worlds(make_params(dirty=0.2), blocks=4):
        tables = dict(people.tables(world)) | dict(movements.tables(world))
        admitted = tables["hosp/admissions"].select(["hadm_id", "admittime"]).to_pandas()
        stays = tables["icu/icustays"].select(["hadm_id", "intime"]).to_pandas()
        stays = stays.merge(admitted, on="hadm_id")
        late = stays["intime"] < stays["admittime"]
        beds = stays.groupby("hadm_id")["intime"].transform("size")
        entered_late += int(late.sum())
        split += int((beds > 1).sum())
        assert not (late & (beds > 1)).any()
    assert entered_late > 100
    assert split > 50
