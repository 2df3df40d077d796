"""What a film says of the opacity: where the patch lies, and nothing but that."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fusehr.core.seeding import generator
from fusehr.raw.synthetic.radiograph import display
from fusehr.raw.synthetic.radiograph.drawing import Drawn, draw_radiographs
from fusehr.raw.synthetic.radiograph.shapes import inside

FILMS, SIZE = 3200, 64
OPACITY = generator("test", "opacity").random(FILMS) < 0.4


def draw(compensate: bool = True, films: int = FILMS, size: int = SIZE) -> Drawn:
    rng = generator("test", "films")
    return draw_radiographs(rng, OPACITY[:films], size, compensate)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw()


@pytest.fixture(scope="module")
def easy() -> Drawn:
    return draw(compensate=False)


def apart(score: np.ndarray) -> float:
    """AUROC of a number for the opacity, whichever way it points."""
    area = float(roc_auc_score(OPACITY, score))
    return max(area, 1 - area)


def fitted(features: np.ndarray) -> float:
    """AUROC of a logistic regression on features, out of fold."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    p = np.asarray(cross_val_predict(model, features, OPACITY, cv=4, method="predict_proba"))
    return float(roc_auc_score(OPACITY, p[:, 1]))


def flat(films: Drawn) -> np.ndarray:
    return films.pixels.reshape(FILMS, -1).astype(np.float32) / 255


def moments(films: Drawn) -> np.ndarray:
    grey = flat(films)
    mean, sd = grey.mean(axis=1), grey.std(axis=1)
    z = (grey - mean[:, None]) / sd[:, None]
    return np.stack([mean, sd, (z**3).mean(axis=1), (z**4).mean(axis=1)], axis=1)


def histogram(films: Drawn) -> np.ndarray:
    return np.sort(flat(films), axis=1)[:, ::64]


def edges(films: Drawn) -> np.ndarray:
    grey = films.pixels.astype(np.float32)
    steps = [np.diff(grey, axis=axis) for axis in (1, 2)]
    return np.stack([f(s).mean(axis=(1, 2)) for s in steps for f in (np.abs, np.square)], axis=1)


def test_mean_and_spread_of_grey_say_nothing(drawn: Drawn) -> None:
    assert apart(flat(drawn).mean(axis=1)) < 0.55
    assert apart(flat(drawn).std(axis=1)) < 0.55


def test_histogram_and_edges_say_nothing(drawn: Drawn) -> None:
    assert fitted(moments(drawn)) < 0.56
    assert fitted(histogram(drawn)) < 0.56
    assert fitted(edges(drawn)) < 0.56


def test_a_patch_in_the_lung_alone_would_be_seen_by_brightness(easy: Drawn) -> None:
    assert apart(flat(easy).mean(axis=1)) > 0.6
    assert fitted(histogram(easy)) > 0.7


def test_without_equalised_grey_the_histogram_would_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fusehr.raw.synthetic.radiograph.drawing.displayed", lambda grey, field, how: grey
    )
    assert fitted(histogram(draw())) > 0.6


def test_patches_lie_inside_the_lungs_or_outside(drawn: Drawn) -> None:
    centre = ((np.arange(SIZE) + 0.5) * (2 / SIZE) - 1).astype(np.float32)
    patches = drawn.patches
    away = np.hypot(
        centre[None, None, :] - patches.x[:, None, None],
        centre[None, :, None] - patches.y[:, None, None],
    )
    core = away < 0.8 * patches.radius[:, None, None]
    within = (core & drawn.lungs).sum(axis=(1, 2)) / core.sum(axis=(1, 2))
    assert np.mean(within[OPACITY] > 0.7) > 0.95
    assert within[OPACITY].mean() > 0.9
    assert np.mean(within[~OPACITY] < 0.1) > 0.95
    assert within[~OPACITY].mean() < 0.03


def test_patches_have_one_distribution_of_size_and_contrast(drawn: Drawn) -> None:
    assert apart(drawn.patches.radius) < 0.53
    assert apart(drawn.patches.contrast) < 0.53
    assert np.median(drawn.patches.contrast) == pytest.approx(0.2, abs=0.01)


def test_patches_are_spread_over_body_and_lungs(drawn: Drawn) -> None:
    for which in (OPACITY, ~OPACITY):
        counts, _, _ = np.histogram2d(
            drawn.patches.y[which], drawn.patches.x[which], bins=4, range=[[-1, 1], [-1, 1]]
        )
        assert counts.max() / counts.sum() < 0.42
        assert (counts > 0.02 * counts.sum()).sum() >= 6


def test_films_differ_in_what_they_should(drawn: Drawn) -> None:
    ratio = drawn.people.heart_ratio
    assert 0.45 < np.median(ratio) < 0.53
    assert 0.04 < ratio.std() < 0.08
    # of the film; between a deep and a shallow breath
    lungs = drawn.lungs.mean(axis=(1, 2))
    assert 0.1 < np.quantile(lungs, 0.02) < np.quantile(lungs, 0.98) < 0.45
    assert lungs.std() > 0.02


@pytest.mark.parametrize("size", [16, 33, 128])
def test_any_size_can_be_drawn(size: int) -> None:
    films = draw(films=6, size=size)
    assert films.pixels.shape == (6, size, size)
    assert films.pixels.dtype == np.uint8
    assert 80 < films.pixels.mean() < 150
    assert films.lungs.any(axis=(1, 2)).all()


def test_no_film_at_all_is_no_error() -> None:
    assert draw(films=0).pixels.shape == (0, SIZE, SIZE)


def test_films_are_the_same_from_run_to_run() -> None:
    one, other = draw(films=40), draw(films=40)
    assert one.pixels.tobytes() == other.pixels.tobytes()


def test_display_keeps_the_order_of_grey() -> None:
    drawn = draw(films=3)
    path = generator("test", "path").random((3, 32, 32)).astype(np.float32)
    field = np.ones_like(path)
    field[:, :2] = 0
    grey = display.displayed(display.standardised(path, field), field, drawn.technique)
    for before, after in zip(path, grey, strict=True):
        rank = np.argsort(before[2:].ravel())
        assert (np.diff(after[2:].ravel()[rank]) >= -1e-6).all()
    overall = np.where(field > 0, grey, display.BLACK).mean(axis=(1, 2))
    assert overall == pytest.approx(drawn.technique.mean, abs=0.002)


def test_soft_edges_run_from_nothing_to_everything() -> None:
    distance = np.linspace(-1, 1, 201, dtype=np.float32)
    edge = inside(distance, 0.2)
    assert edge[0] == 0
    assert edge[-1] == 1
    assert edge[100] == pytest.approx(0.5)
    assert (np.diff(edge) >= 0).all()
