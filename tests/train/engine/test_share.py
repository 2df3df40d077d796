"""A share of the train patients: nested, patients and not samples, everybody at 1."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusehr.core.cohort import Round
from fusehr.train.engine.share import with_share

SHARES = st.floats(min_value=0.001, max_value=1.0)


def round_of(n: int) -> Round:
    train = frozenset(range(1000, 1000 + n))
    return Round("split", train, frozenset({1, 2}), frozenset({3, 4}))


@given(st.integers(1, 300), SHARES, SHARES)
def test_a_smaller_share_is_a_part_of_a_larger_one(n: int, one: float, other: float) -> None:
    whole = round_of(n)
    few, many = (with_share([whole], share)[0] for share in sorted((one, other)))
    assert few.train <= many.train <= whole.train
    assert len(few.train) >= 1 and len(few.train) - 1 < min(one, other) * n
    assert (many.val, many.test) == (whole.val, whole.test)
    assert many.spared <= few.spared < whole.val and not whole.spared


def test_everybody_at_one() -> None:
    assert with_share([round_of(57)], 1.0) == [round_of(57)]


def test_who_is_chosen_does_not_hang_on_their_numbers() -> None:
    few = with_share([round_of(100)], 0.1)[0].train
    assert few == with_share([round_of(100)], 0.1)[0].train
    assert few != frozenset(range(1000, 1010))
