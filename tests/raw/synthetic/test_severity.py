"""Recorded severity as a process, and what true severity is given it."""

from __future__ import annotations

import numpy as np
import pytest

from fusehr.raw.synthetic.latent import severity


@pytest.fixture(scope="module")
def burden() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((4000, 3))


@pytest.fixture(scope="module")
def q(burden: np.ndarray) -> np.ndarray:
    mean = severity.chronic_mean(burden)
    return severity.paths(np.random.default_rng(2), mean, 73)


def test_recorded_severity_is_stationary_with_variance_four_thirds(q: np.ndarray) -> None:
    for hour in (0, 36, 72):
        assert np.abs(q[:, hour].mean(axis=0)).max() < 0.07
        assert q[:, hour].var(axis=0) == pytest.approx(np.full(4, 4 / 3), rel=0.08)


def test_deviations_decay_over_36_hours(q: np.ndarray, burden: np.ndarray) -> None:
    u = q - severity.chronic_mean(burden)[:, None]
    for lag in (12, 36):
        for axis in range(4):
            found = np.corrcoef(u[:, 0, axis], u[:, lag, axis])[0, 1]
            assert found == pytest.approx(np.exp(-lag / 36), abs=0.05)


def test_chronic_share_of_variance_is_the_declared_one(burden: np.ndarray) -> None:
    mean = severity.chronic_mean(burden)
    assert mean.var(axis=0)[:3] == pytest.approx(np.full(3, 4 / 3 * 0.2), rel=0.08)
    assert not mean[:, severity.THERMAL].any()


def test_a_step_ahead_has_the_law_of_the_path(q: np.ndarray, burden: np.ndarray) -> None:
    mean = severity.chronic_mean(burden)
    normals = np.random.default_rng(3).standard_normal((len(q), 4))
    ahead = severity.later(q[:, 20], mean, 12, normals)
    assert ahead.var(axis=0) == pytest.approx(q[:, 32].var(axis=0), rel=0.08)
    for axis in range(4):
        by_step = np.corrcoef(q[:, 20, axis], ahead[:, axis])[0, 1]
        by_path = np.corrcoef(q[:, 20, axis], q[:, 32, axis])[0, 1]
        assert by_step == pytest.approx(by_path, abs=0.04)


def test_severity_is_recorded_with_reliability_three_quarters(q: np.ndarray) -> None:
    """Given the whole path, only q at the time tells of z: slope .75, variance left .25."""
    w = np.random.default_rng(4).standard_normal((len(q), 4))
    z = severity.true_severity(q[:, 40], w)
    assert z.var(axis=0) == pytest.approx(np.ones(4), rel=0.08)
    for axis in range(4):
        now, before, after = q[:, 40, axis], q[:, 28, axis], q[:, 52, axis]
        x = np.stack([now, before, after], axis=1)
        slopes, *_ = np.linalg.lstsq(x, z[:, axis], rcond=None)
        assert slopes == pytest.approx([0.75, 0, 0], abs=0.05)
        assert (z[:, axis] - x @ slopes).var() == pytest.approx(0.25, rel=0.08)
        assert np.corrcoef(now, z[:, axis])[0, 1] ** 2 == pytest.approx(0.75, abs=0.03)
