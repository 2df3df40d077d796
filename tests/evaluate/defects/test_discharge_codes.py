"""Codes that know how the stay ended, and notes that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusehr.core.params.defects import DefectsParams
from fusehr.evaluate.defects.discharge_codes import compare, rows, with_causes
from fusehr.evaluate.defects.estimate import Estimator

CODES = [f"ICD10CM/{k}" for k in range(12)]
WORDS = [f"word{k}" for k in range(30)]


def hospital(n: int) -> tuple[list[set[str]], list[set[str]], np.ndarray]:
    """Codes and words by chance, and who died."""
    rng = np.random.default_rng(5)
    codes = [set(rng.choice(CODES, size=4)) for _ in range(n)]
    words = [set(rng.choice(WORDS, size=10)) for _ in range(n)]
    return codes, words, (rng.random(n) < 0.3).astype(np.int8)


def test_codes_know_the_outcome_and_notes_do_not(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    codes, words, died = hospital(700)
    published, repaired = compare(codes, words, died, np.arange(700), params, estimator)
    # a cause is added to 80 % of the deaths, and those alone have it
    assert published.value == pytest.approx(0.9, abs=0.05)
    assert covers_chance(repaired)
    assert "80 %" in published.data and published.expected == "0.5"


def test_words_that_tell_the_source_s_outcome_tell_nothing_of_a_stranger_s(
    params: DefectsParams, estimator: Estimator, covers_chance: Callable[[Any], bool]
) -> None:
    codes, words, died = hospital(700)
    telling = [own | ({"moribund"} if y else set()) for own, y in zip(words, died, strict=True)]
    _, repaired = compare(codes, telling, died, np.arange(700), params, estimator)
    assert covers_chance(repaired)


def test_a_source_without_notes_has_the_published_row_alone(
    params: DefectsParams, estimator: Estimator
) -> None:
    codes, _, died = hospital(300)
    published, repaired = compare(codes, [set()] * 300, died, np.arange(300), params, estimator)
    assert published.value > 0.7
    assert np.isnan(repaired.value) and repaired.n == 0
    assert repaired.note == "skipped: the source has no notes for this task"


def test_causes_are_added_to_who_died_alone(params: DefectsParams) -> None:
    codes, _, died = hospital(400)
    of, causes = params.discharge_codes, set(params.discharge_codes.causes)
    found = with_causes(codes, died, of, seed=1)
    added = np.array([len(after - before) for before, after in zip(codes, found, strict=True)])
    assert added[died == 0].max() == 0
    assert added[died == 1].mean() == pytest.approx(of.coded_share, abs=0.01)
    assert set().union(*found) - set(CODES) == causes


def test_notes_written_after_the_index_are_not_read(
    tmp_path: Path,
    params: DefectsParams,
    estimator: Estimator,
    write_hospital: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, Any] = {}

    def spy(codes: Any, words: Any, *_: Any) -> list[Any]:
        seen.update(codes=codes, words=words)
        return []

    monkeypatch.setattr("fusehr.evaluate.defects.discharge_codes.compare", spy)
    rows(write_hospital(tmp_path, patients=8, notes=True), params, estimator)
    assert len(seen["words"]) == 8 and all(seen["words"])
    assert set().union(*seen["words"]) <= {"cough", "pain", "fever", "calm"}
    assert all("ICD10CM/Z" in codes for codes in seen["codes"])
