"""Parts of the logit: what a further modality finds when it is listed."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.raw.synthetic.latent import parts, truth
from fusehr.raw.synthetic.latent.calibration import CUBATURE, normal_points
from fusehr.raw.synthetic.latent.parts import Part
from fusehr.raw.synthetic.latent.risks import EARLY_BLOCKS
from fusehr.raw.synthetic.latent.severity import true_severity
from fusehr.raw.synthetic.latent.world import build_model, draw_world

from .conftest import make_params, recalibration

# What cohort.md plans beside severity: mortality 4.0 in all.
OTHERS = (
    Part("notes", {"mortality": 0.7, "readmission": 0.4, "deterioration": 0.7}, 0.3),
    Part("image", {"mortality": 0.4, "deterioration": 0.35}, 0.35),
    Part("graph", {"mortality": 0.5, "readmission": 0.4, "deterioration": 0.39}, 0.35),
)


def _with_knobs(**knobs: float) -> Any:
    plain = make_params()
    return SimpleNamespace(
        patients=plain.patients,
        seed=plain.seed,
        long_stay_share=plain.long_stay_share,
        dirty_share=plain.dirty_share,
        signal=SimpleNamespace(severity=1.0, **knobs),
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PARTS", (parts.SEVERITY, *OTHERS))


@pytest.mark.usefixtures("listed")
def test_parts_slot_in_and_leave_severity_its_share() -> None:
    """With the other parts hidden, recorded severity attains .757 of mortality (.74 to .78)."""
    params = _with_knobs(notes=1.0, image=1.0, graph=1.0)
    model = build_model(params)
    y, oracle, attainable, alone, flag = [], [], [], [], []
    for block in range(30):
        world = draw_world(model, block)
        found = truth.mortality(world)
        rows = np.flatnonzero(world.visits.reached[world.stays.visit])
        q = world.stays.q[rows, EARLY_BLOCKS]
        z = true_severity(q[:, None], normal_points(4, CUBATURE))
        hidden = np.zeros(len(rows))
        for present in itertools.product([False, True], repeat=3):
            share, added = 1.0, 0.0
            for part, there in zip(OTHERS, present, strict=True):
                prevalence = part.prevalence or 0.0
                share *= prevalence if there else 1 - prevalence
                added += part.gain("mortality", params) * float(part.standardise(np.array(there)))
            hidden += share * model.risks.mortality(z, added).mean(axis=1)
        alone.append(hidden)
        y.append(found.happened[:, 0])
        oracle.append(found.oracle[:, 0])
        attainable.append(found.attainable[:, 0])
        flag.append(world.patients.flags["notes"][found.patient])
    happened = np.concatenate(y)
    assert happened.mean() == pytest.approx(0.116, abs=0.015)
    assert 0.74 < roc_auc_score(happened, np.concatenate(alone)) < 0.78
    assert 0.83 < roc_auc_score(happened, np.concatenate(attainable)) < 0.88
    assert roc_auc_score(happened, np.concatenate(flag)) > 0.58
    for p in (oracle, attainable):
        found, error = recalibration(np.concatenate(p), happened)
        assert np.abs((found - [0, 1]) / error).max() < 3


@pytest.mark.usefixtures("listed")
def test_a_further_part_moves_no_other_draw() -> None:
    with_parts = draw_world(build_model(_with_knobs(notes=0.0, image=0.0, graph=0.0)), 0)
    assert set(with_parts.patients.flags) == {"notes", "image", "graph"}
    parts_alone = parts.PARTS
    try:
        parts.PARTS = (parts.SEVERITY,)
        without = draw_world(build_model(make_params()), 0)
    finally:
        parts.PARTS = parts_alone
    assert np.array_equal(with_parts.visits.path, without.visits.path)
    assert np.array_equal(with_parts.visits.dies, without.visits.dies)
    assert np.array_equal(with_parts.emergencies.acuity, without.emergencies.acuity)


def test_knob_scales_the_part() -> None:
    part = Part("severity", {"mortality": 4.0})
    assert part.gain("mortality", make_params(severity=0.5)) == 1.0
    assert part.gain("readmission", make_params()) == 0.0


def test_standardised_flag_has_mean_0_and_variance_1() -> None:
    part = Part("notes", {}, 0.3)
    scores = part.standardise(np.array([0.0, 1.0]))
    weights = np.array([0.7, 0.3])
    assert weights @ scores == pytest.approx(0)
    assert weights @ scores**2 == pytest.approx(1)
