"""The closed form of deterioration, where events are made common so that any slip would show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fusehr.raw.synthetic.latent import risks as risks_module
from fusehr.raw.synthetic.latent.icu import BLOCK_SECONDS
from fusehr.raw.synthetic.latent.lookahead import Windows, chances, exit_chance
from fusehr.raw.synthetic.latent.risks import EARLY_BLOCKS, LAST_BLOCK, calibrate
from fusehr.raw.synthetic.latent.truth import Truth, deterioration, icu_stay_ids
from fusehr.raw.synthetic.latent.world import World, build_model, draw_world

from .conftest import make_params, recalibration

ROWS_TO_PATIENTS = 1.27  # by how much standard errors of rows are too narrow


Eventful = list[tuple[World, Truth]]


def _draw(deaths: float, supports: float, reach_48h: float, blocks: int) -> Eventful:
    """Patients with so much added to the logits of deaths and of supports."""
    model = build_model(make_params())
    planned = model.risks.intercepts
    risks = replace(
        model.risks,
        reach_48h=reach_48h,
        intercepts={
            **planned,
            "mortality": planned["mortality"] + deaths,
            "deterioration": planned["deterioration"] + supports,
        },
        early_death_intercept=model.risks.early_death_intercept + deaths,
    )
    worlds = [draw_world(replace(model, risks=risks), block) for block in range(blocks)]
    return [(world, deterioration(world)) for world in worlds]


@pytest.fixture(scope="module", params=["deadly", "unstable"])
def eventful(request: pytest.FixtureRequest) -> Eventful:
    """Stays are short and half of them end in death; or supports begin within days."""
    if request.param == "unstable":
        return _draw(deaths=0.0, supports=2.5, reach_48h=0.65, blocks=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(risks_module, "LEAVE_RATE", 0.4)
        return _draw(deaths=2.5, supports=-1.0, reach_48h=0.4, blocks=24)


def _blocks(world: World, truth: Truth) -> np.ndarray:
    stays = world.stays
    intime = dict(zip(icu_stay_ids(world, stays.visit).tolist(), stays.intime, strict=True))
    start = np.array([intime[int(stay)] for stay in truth.stay_id])
    return (truth.index_time - start) // BLOCK_SECONDS


@pytest.mark.parametrize("which", ["oracle", "attainable"])
@pytest.mark.parametrize("blocks", [(2, 2), (3, 3), (4, 4), (5, LAST_BLOCK)])
def test_as_many_events_as_predicted(
    eventful: Eventful, blocks: tuple[int, int], which: str
) -> None:
    p, y = [], []
    for world, truth in eventful:
        block = _blocks(world, truth)
        kept = (block >= blocks[0]) & (block <= blocks[1])
        p.append(getattr(truth, which)[kept, 0])
        y.append(truth.happened[kept, 0])
    predicted, happened = np.concatenate(p), np.concatenate(y)
    assert 0.05 < happened.mean() < 0.9
    error = np.sqrt((predicted * (1 - predicted)).sum()) * ROWS_TO_PATIENTS
    assert abs(happened.sum() - predicted.sum()) < 3 * error
    assert error / happened.sum() < 0.1
    found, error = recalibration(predicted, happened)
    assert np.abs((found - [0, 1]) / error).max() < 3 * ROWS_TO_PATIENTS


def test_exit_chances_run_from_the_first_block_to_the_last() -> None:
    risks = calibrate(make_params(), reach_48h=0.65)
    blocks = np.arange(LAST_BLOCK + 1)
    chances = exit_chance(risks, blocks, np.full(len(blocks), 0.1))
    assert np.prod(1 - chances[:EARLY_BLOCKS]) == pytest.approx(0.65)
    assert (chances[EARLY_BLOCKS:LAST_BLOCK] == 0.1).all()
    assert chances[LAST_BLOCK] == 1


def test_only_what_can_happen_in_two_blocks_matters() -> None:
    """The rate of leaving after 48 hours enters from the window at 36 hours on, z then from 48."""
    risks = calibrate(make_params(), reach_48h=0.65)

    def at(block: int, *, leave: float, w_48h: float = 0.0) -> float:
        zeros = np.zeros((1, 4))
        one = Windows(
            block=np.array([block]),
            q=zeros,
            w=zeros,
            mean=zeros,
            at_risk=np.array([True]),
            q_48h=zeros,
            w_48h=np.full((1, 4), w_48h),
            leave_rate=np.array([leave]),
            hazard_flags=np.zeros(1),
            death_flags=np.zeros(1),
        )
        return float(chances(risks, one)[0][0])

    assert at(2, leave=0.1) == at(2, leave=0.5)
    assert at(3, leave=0.1) < at(3, leave=0.5)
    assert at(3, leave=0.1) == at(3, leave=0.1, w_48h=2.0)
    assert at(4, leave=0.1) < at(4, leave=0.1, w_48h=2.0)
    # at the last block everybody leaves, so its chance of death counts in full
    assert at(LAST_BLOCK, leave=0.1) == at(LAST_BLOCK, leave=0.5) > at(LAST_BLOCK - 2, leave=0.1)
