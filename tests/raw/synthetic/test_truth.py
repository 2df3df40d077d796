"""Oracle and attainable are the probabilities they claim to be, and nothing recorded beats them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from fusehr.raw.synthetic.arrays import HOUR, MISSING
from fusehr.raw.synthetic.latent.scores import (
    DETERIORATION,
    MORTALITY,
    TRIAGE,
    recorded_score,
)
from fusehr.raw.synthetic.latent.truth import Truth, deterioration, mortality, visit_ids
from fusehr.raw.synthetic.latent.world import World

from .conftest import draw_worlds, fit, joined, make_params, recalibration

# Windows of one stay overlap: standard errors of rows are 27 % too narrow there.
WIDER = {"deterioration": 1.27}
PLANNED = {"mortality": 0.116, "readmission": 0.17, "deterioration": 0.07}


@pytest.mark.parametrize("which", ["oracle", "attainable"])
@pytest.mark.parametrize("task", ["mortality", "readmission", "deterioration", "triage"])
def test_truth_is_calibrated(samples: dict[str, list[Truth]], task: str, which: str) -> None:
    p, y = joined(samples[task], which), joined(samples[task], "happened")
    for column in range(p.shape[1]):
        found, error = recalibration(p[:, column], y[:, column])
        deviation = (found - [0, 1]) / error / WIDER.get(task, 1.0)
        assert np.abs(deviation).max() < 3, (found, error)
        assert error[1] < 0.1  # narrow enough to see a slope of 0.7 or 1.3
    # as many as predicted, to within chance
    spread = np.sqrt((p * (1 - p)).sum(axis=0)) * WIDER.get(task, 1.0)
    assert np.abs((y.sum(axis=0) - p.sum(axis=0)) / spread).max() < 3


def test_next_diagnoses_are_calibrated(samples: dict[str, list[Truth]]) -> None:
    p, y = (
        joined(samples["next_diagnoses"], "oracle"),
        joined(samples["next_diagnoses"], "happened"),
    )
    spread = np.sqrt((p * (1 - p)).sum(axis=0))
    assert np.abs((y.sum(axis=0) - p.sum(axis=0)) / spread).max() < 3.5
    found, error = recalibration(p.ravel(), y.ravel())
    assert np.abs((found - [0, 1]) / error).max() < 4
    assert error[1] < 0.02


@pytest.mark.parametrize("task", PLANNED)
def test_base_rates_are_as_planned(samples: dict[str, list[Truth]], task: str) -> None:
    y = joined(samples[task], "happened")[:, 0]
    rate = PLANNED[task]
    error = np.sqrt(rate * (1 - rate) / len(y)) * WIDER.get(task, 1.0) * 1.5
    assert y.mean() == pytest.approx(rate, abs=3 * error)


def test_attainable_lies_where_it_should(samples: dict[str, list[Truth]]) -> None:
    def auroc(task: str, which: str) -> float:
        y = joined(samples[task], "happened")
        p = joined(samples[task], which)
        return float(np.mean([roc_auc_score(y[:, c], p[:, c]) for c in range(y.shape[1])]))

    # over 400,000 draws of the population .890 and .860, and .822 and .806
    assert auroc("mortality", "oracle") == pytest.approx(0.890, abs=0.02)
    assert auroc("mortality", "attainable") == pytest.approx(0.860, abs=0.025)
    assert auroc("mortality", "oracle") - auroc("mortality", "attainable") > 0.02
    assert auroc("readmission", "oracle") == pytest.approx(0.82, abs=0.02)
    assert auroc("triage", "attainable") == pytest.approx(0.82, abs=0.01)
    for task in ("readmission", "deterioration", "triage"):
        assert auroc(task, "oracle") > auroc(task, "attainable") > 0.7


def test_every_outcome_sees_severity_through_a_w_of_its_own(worlds: list[World]) -> None:
    """What `attainable` rests on: given q, no outcome tells of another."""
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for world in worlds:
        visits, stays, seen = world.visits, world.stays, world.emergencies
        death, left = visits.w_mortality, visits.w_readmission
        led = seen.visit != MISSING
        found = {
            "death, block at 36 h": (death[stays.visit], stays.w[:, 3]),
            "death, block at 48 h": (death[stays.visit], stays.w[:, 4]),
            "block, next block": (stays.w[:, 3], stays.w[:, 4]),
            "death, readmission": (death, left),
            "acuity, death": (seen.w[led], death[seen.visit[led]]),
            "acuity, readmission": (seen.w[led], left[seen.visit[led]]),
            "visit, next visit": (left[:-1], left[1:]),
        }
        for name, pair in found.items():
            pairs.setdefault(name, []).append(pair)
    for name, parts in pairs.items():
        one, other = (np.concatenate(part).ravel() for part in zip(*parts, strict=True))
        assert abs(np.corrcoef(one, other)[0, 1]) < 3.5 / np.sqrt(len(one)), name
        assert len(one) > 10_000, name


def test_no_recorded_event_tells_more_of_mortality_than_attainable(worlds: list[World]) -> None:
    """Supports begun, acuity given and deaths that did not happen are in the files before 48 h."""
    logits, y, begun, acuity, earlier = [], [], [], [], []
    for world in worlds:
        truth = mortality(world)
        runs, stays, seen, visits = world.runs, world.stays, world.emergencies, world.visits
        rows = np.flatnonzero(visits.reached[stays.visit])
        counted = (runs.block < 4) & ~runs.on_arrival
        begun.append(np.bincount(runs.stay[counted], minlength=len(stays))[rows])
        given = np.full(len(visits), 3.0)
        given[seen.visit[seen.visit != MISSING]] = seen.acuity[seen.visit != MISSING]
        acuity.append(given[stays.visit[rows]])
        earlier.append(visits.order[stays.visit[rows]])
        logits.append(logit(truth.attainable[:, 0]))
        y.append(truth.happened[:, 0])
    columns = [np.concatenate(part).astype(float) for part in (logits, begun, acuity, earlier)]
    found, error = fit(columns, np.concatenate(y))
    assert found[1] == pytest.approx(1, abs=3 * error[1])
    assert np.abs(found[2:] / error[2:]).max() < 3
    # narrow enough to see a logit of 0.75 for each support begun
    assert error[2] < 0.25
    assert error[3] < 0.1


def test_no_recorded_event_tells_more_of_deterioration(worlds: list[World]) -> None:
    """Neither do earlier begins, the time since admission, nor a support running."""
    parts: list[list[np.ndarray]] = [[], [], [], [], []]
    for world in worlds:
        truth = deterioration(world)
        stays, runs, visits = world.stays, world.runs, world.visits
        first = np.zeros(len(visits), dtype=np.int64)
        first[stays.visit] = np.arange(len(stays))
        visit_of = {int(v): i for i, v in enumerate(visit_ids(world, np.arange(len(visits))))}
        stay = first[[visit_of[int(v)] for v in truth.visit_id]]
        before = runs.start[None, :] <= truth.index_time[:, None]
        mine = runs.stay[None, :] == stay[:, None]
        running = mine & before & (runs.end[None, :] > truth.index_time[:, None])
        parts[0].append(logit(truth.attainable[:, 0]))
        parts[1].append((mine & before & ~runs.on_arrival).sum(axis=1))
        parts[2].append(running.sum(axis=1))
        parts[3].append((truth.index_time - stays.intime[stay]) / (240 * HOUR))
        parts[4].append(truth.happened[:, 0])
    columns = [np.concatenate(part).astype(float) for part in parts]
    found, error = fit(columns[:4], columns[4])
    assert np.abs(found[2:] / error[2:] / WIDER["deterioration"]).max() < 3
    assert error[2] < 0.05


def test_without_the_signal_labels_do_not_depend_on_severity() -> None:
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for world in draw_worlds(make_params(severity=0.0), blocks=16):
        rows = np.flatnonzero(world.visits.reached[world.stays.visit])
        dies = world.visits.dies[world.stays.visit[rows]]
        assert np.ptp(world.visits.leave_rate[world.stays.visit]) == 0
        score = recorded_score(world.stays.q[rows, 4], MORTALITY)
        found.setdefault("mortality", []).append((score, dies))
        seen = world.emergencies
        found.setdefault("triage", []).append(
            (recorded_score(seen.path[:, 0], TRIAGE), seen.acuity <= 2)
        )
        at_risk = world.stays.at_risk[:, 2] & (world.stays.exit_block > 2)
        begun = np.zeros(len(world.stays), dtype=bool)
        begun[world.runs.stay[world.runs.block == 2]] = True
        found.setdefault("deterioration", []).append(
            (recorded_score(world.stays.q[at_risk, 2], DETERIORATION), begun[at_risk])
        )
        visits = world.visits
        frailty = world.patients.burden.sum(axis=1)[visits.patient]
        found.setdefault("readmission", []).append(
            (frailty[visits.at_risk], visits.readmitted[visits.at_risk])
        )
    for task, pairs in found.items():
        score, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
        error = np.sqrt(1 / 12 / max(y.sum(), 1) + 1 / 12 / (~y).sum())
        assert roc_auc_score(y, score) == pytest.approx(0.5, abs=3 * error), task
        assert error < 0.04, task
