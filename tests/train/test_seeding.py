"""Seeds follow from their names alone."""

from __future__ import annotations

from fusehr.core.seeding import generator, seed_of


def test_equal_names_give_equal_streams_in_every_process() -> None:
    assert seed_of("gbm", "triage", "cv0", 1) == 3912482432
    assert generator("a", 1).random() == generator("a", 1).random()


def test_names_are_told_apart_by_part_and_by_type() -> None:
    names = [("a", 1), ("a", "1"), ("a1",), (1, "a"), ("a", 1, ""), ("a", 2)]
    assert len({seed_of(*name) for name in names}) == len(names)
    assert len({generator(*name).random() for name in names}) == len(names)
    assert all(0 <= seed_of(*name) < 2**32 for name in names)
