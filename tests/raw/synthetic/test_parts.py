"""Parts of the logit: each adds what is planned, and a further one slots in by being listed."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.core.frame.tasks import Task
from fusehr.raw.synthetic.arrays import MISSING
from fusehr.raw.synthetic.latent import parts, truth
from fusehr.raw.synthetic.latent.calibration import CUBATURE, normal_points
from fusehr.raw.synthetic.latent.parts import Part, flag_parts
from fusehr.raw.synthetic.latent.risks import EARLY_BLOCKS
from fusehr.raw.synthetic.latent.severity import true_severity
from fusehr.raw.synthetic.latent.world import World, build_model, draw_world

from .conftest import joined, make_params

FLAGS = {"notes", "image", "graph"}


def _mortality_knowing(worlds: list[World], known: set[str]) -> float:
    """AUROC of the best prediction from recorded severity and the flags in `known` alone."""
    y, p = [], []
    for world in worlds:
        params, visits = world.model.params, world.visits
        rows = np.flatnonzero(visits.reached[world.stays.visit])
        visit = world.stays.visit[rows]
        z = true_severity(world.stays.q[rows, EARLY_BLOCKS][:, None], normal_points(4, CUBATURE))
        best = np.zeros(len(rows))
        hidden = [part for part in flag_parts() if part.name not in known]
        shown = sum(
            part.gain("mortality", params) * part.standardise(visits.flags[part.name][visit])
            for part in flag_parts()
            if part.name in known
        ) + np.zeros(len(rows))
        for present in itertools.product([False, True], repeat=len(hidden)):
            share, added = 1.0, shown
            for part, there in zip(hidden, present, strict=True):
                prevalence = part.prevalence or 0.0
                share *= prevalence if there else 1 - prevalence
                added = added + part.gain("mortality", params) * part.standardise(np.array(there))
            best += share * world.model.risks.mortality(z, added[:, None]).mean(axis=1)
        y.append(visits.dies[visit])
        p.append(best)
    return float(roc_auc_score(np.concatenate(y), np.concatenate(p)))


def test_each_true_flag_adds_its_planned_part(worlds: list[World]) -> None:
    """Without any .75 to .77; all three .85 to .87, within what 4,000 stays can tell (.015)."""
    severity = _mortality_knowing(worlds, set())
    everything = _mortality_knowing(worlds, FLAGS)
    assert severity == pytest.approx(0.759, abs=0.03)
    assert everything == pytest.approx(0.86, abs=0.03)
    for flag, planned in (("notes", 0.039), ("image", 0.020), ("graph", 0.028)):
        added = everything - _mortality_knowing(worlds, FLAGS - {flag})
        assert added == pytest.approx(planned, abs=0.014), flag


def test_a_flag_alone_is_worth_little(worlds: list[World]) -> None:
    dies, flags = [], {name: [] for name in FLAGS}
    for world in worlds:
        visit = world.stays.visit[world.visits.reached[world.stays.visit]]
        dies.append(world.visits.dies[visit])
        for name, found in flags.items():
            found.append(world.visits.flags[name][visit])
    for name, found in flags.items():
        auroc = roc_auc_score(np.concatenate(dies), np.concatenate(found))
        assert 0.57 < auroc < 0.68, name


def test_flags_are_independent_of_severity_of_each_other_and_of_earlier_visits(
    worlds: list[World],
) -> None:
    columns: dict[str, list[np.ndarray]] = {}
    for world in worlds:
        visits = world.visits
        for name in FLAGS:
            columns.setdefault(name, []).append(visits.flags[name])
        columns.setdefault("order", []).append(visits.order)
        columns.setdefault("severity", []).append(visits.path[:, 0].sum(axis=1))
        columns.setdefault("burden", []).append(world.patients.burden[visits.patient].sum(axis=1))
    joined_columns = {name: np.concatenate(found).astype(float) for name, found in columns.items()}
    assert len(joined_columns["order"]) > 9000
    for one, other in itertools.combinations(sorted(joined_columns), 2):
        if one in FLAGS or other in FLAGS:
            found = np.corrcoef(joined_columns[one], joined_columns[other])[0, 1]
            assert abs(found) < 3.5 / np.sqrt(len(joined_columns["order"])), (one, other)


def test_prevalence_is_as_planned(worlds: list[World]) -> None:
    for part in flag_parts():
        flag = np.concatenate([world.visits.flags[part.name] for world in worlds])
        error = np.sqrt(part.prevalence * (1 - part.prevalence) / len(flag))  # type: ignore[operator]
        assert flag.mean() == pytest.approx(part.prevalence, abs=3 * error)


def test_emergencies_share_the_flags_of_the_admission_they_led_to(worlds: list[World]) -> None:
    seen, visits = worlds[0].emergencies, worlds[0].visits
    led = seen.visit != MISSING
    for name in FLAGS:
        assert np.array_equal(seen.flags[name][led], visits.flags[name][seen.visit[led]])


def test_the_image_counts_in_triage_only_where_one_was_taken() -> None:
    params = make_params()
    flags = {name: np.array([True, True]) for name in FLAGS}
    shown = {"image": np.array([True, False])}
    added = parts.flags_logit("triage", flags, params, shown=shown)
    plain = parts.flags_logit("triage", flags, make_params(image=0.0))
    assert np.asarray(added)[1] == np.broadcast_to(plain, 2)[1]
    assert np.asarray(added)[0] > np.broadcast_to(plain, 2)[0]


@pytest.mark.parametrize("name", sorted(FLAGS))
def test_knob_0_takes_a_flag_out_of_every_outcome(name: str) -> None:
    params = make_params(**{name: 0.0})  # type: ignore[arg-type]
    world = draw_world(build_model(params), 0)
    tasks: tuple[Task, ...] = ("mortality", "readmission", "deterioration", "triage")
    for task in tasks:
        part = next(part for part in flag_parts() if part.name == name)
        assert part.gain(task, params) == 0.0
    assert world.visits.flags[name].any()


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Part("genome", {"mortality": 0.5}, 0.2)
    monkeypatch.setattr(parts, "PARTS", (*parts.PARTS, listed))


@pytest.mark.usefixtures("another")
def test_a_further_part_moves_no_other_draw() -> None:
    plain = make_params()
    knobs = SimpleNamespace(**vars(plain.signal), genome=0.0)
    fields = {name: getattr(plain, name) for name in vars(plain) if not name.startswith("_")}
    params: Any = SimpleNamespace(**{**fields, "signal": knobs})
    with_it = draw_world(build_model(params), 0)
    parts.PARTS, listed = parts.PARTS[:-1], parts.PARTS
    try:
        without = draw_world(build_model(plain), 0)
    finally:
        parts.PARTS = listed
    assert set(with_it.visits.flags) == {*FLAGS, "genome"}
    assert np.array_equal(with_it.visits.path, without.visits.path)
    assert np.array_equal(with_it.visits.dies, without.visits.dies)
    assert np.array_equal(with_it.emergencies.acuity, without.emergencies.acuity)


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


def test_attainable_is_the_best_prediction_from_what_is_recorded(worlds: list[World]) -> None:
    found = [truth.mortality(world) for world in worlds]
    best = roc_auc_score(joined(found, "happened")[:, 0], joined(found, "attainable")[:, 0])
    assert best == pytest.approx(_mortality_knowing(worlds, FLAGS), abs=1e-9)
