"""Fewer dimensions keep what they should, and the fitted encoders what they were fitted on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from fusehr.core.frame.errors import InputError
from fusehr.models.text.encoder import encode, unit
from fusehr.models.text.reduction import (
    Reduction,
    first_dimensions,
    fit_pca,
    random_projection,
    unchanged,
)
from fusehr.models.text.tfidf import HashedWords, TfidfSvd, fit_tfidf_svd


@pytest.fixture
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(200, 12)) * np.linspace(3, 0.1, 12) + 0.3, "made")


def test_components_are_scikit_learn_s(vectors: np.ndarray) -> None:
    expected = PCA(4, svd_solver="full").fit_transform(vectors.astype(float))
    found = fit_pca(vectors, 4)(vectors)
    signs = np.sign((unit(expected, "sklearn") * found).sum(axis=0))
    np.testing.assert_allclose(found, unit(expected, "sklearn") * signs, atol=1e-5)


def test_sign_does_not_depend_on_the_solver(vectors: np.ndarray) -> None:
    directions = fit_pca(vectors, 4).directions
    assert (directions[np.abs(directions).argmax(axis=0), range(4)] > 0).all()


def test_a_row_is_reduced_alike_in_any_company(vectors: np.ndarray) -> None:
    for reduce in (fit_pca(vectors, 4), random_projection(12, 4), first_dimensions(12, 4)):
        whole = reduce(vectors)
        assert np.array_equal(reduce(vectors[17:18])[0], whole[17])
        np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)


def test_matryoshka_keeps_the_first_dimensions(vectors: np.ndarray) -> None:
    assert np.array_equal(first_dimensions(12, 3)(vectors), unit(vectors[:, :3], "cut"))
    np.testing.assert_allclose(unchanged(12)(vectors), vectors, atol=1e-7)


def test_random_projection_keeps_angles() -> None:
    rng = np.random.default_rng(1)
    wide = unit(rng.normal(size=(50, 400)), "made")
    narrow = random_projection(400, 100)(wide)
    assert np.abs(narrow @ narrow.T - wide @ wide.T).max() < 0.5
    assert np.corrcoef((narrow @ narrow.T).ravel(), (wide @ wide.T).ravel())[0, 1] > 0.7


def test_too_few_texts_are_said_so(vectors: np.ndarray) -> None:
    with pytest.raises(InputError, match="reduced_dimension: expected fewer than the 5"):
        fit_pca(vectors[:5], 5)


def test_saved_and_loaded_is_the_same(vectors: np.ndarray, tmp_path: Path) -> None:
    made = fit_pca(vectors, 4)
    made.save(tmp_path)
    assert np.array_equal(Reduction.load(tmp_path)(vectors), made(vectors))
    assert Reduction.load(tmp_path).method == "pca"
    encoder = fit_tfidf_svd(TEXTS, 5)
    encoder.save(tmp_path)
    loaded = TfidfSvd.load(tmp_path)
    assert loaded.fingerprint == encoder.fingerprint
    assert np.array_equal(encode(loaded, TEXTS), encode(encoder, TEXTS))


TEXTS = [
    f"patient {k % 3} has {'fever' if k % 2 else 'no fever'} and cough {k % 5}" for k in range(40)
]


@pytest.mark.parametrize("fitted", [True, False])
def test_words_give_the_same_vector_in_any_company(fitted: bool) -> None:
    encoder = fit_tfidf_svd(TEXTS, 5) if fitted else HashedWords(64)
    together = encode(encoder, [*TEXTS, "words it never met: ?"])
    for k in (0, 11, 40):
        alone = encode(encoder, [[*TEXTS, "words it never met: ?"][k]])
        assert np.array_equal(alone[0], together[k])
    same = together[2] @ together[12]
    assert same > together[2] @ together[3]


def test_fitting_does_not_depend_on_chance() -> None:
    first, second = fit_tfidf_svd(TEXTS, 5), fit_tfidf_svd(TEXTS, 5)
    assert first.fingerprint == second.fingerprint
    assert fit_tfidf_svd(TEXTS[:-1], 5).fingerprint != first.fingerprint
