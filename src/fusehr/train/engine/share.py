"""A part of the train patients, to see what more of them would bring."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence

from fusehr.core.cohort import Round
from fusehr.core.seeding import generator


def with_share(rounds: Sequence[Round], share: float) -> list[Round]:
    """Rounds in which `share` (0 to 1) of the train patients train, at least one.

    A smaller share is a part of a larger one, and 1 is everybody. Who validates and tests stays,
    but of those who validate all beyond the share are spared from fitting.
    """
    found = []
    for one in rounds:
        train = _part(one.train, share, "train.share", one.name)
        spared = one.val - _part(one.val, share, "train.share", one.name, "val")
        found.append(dataclasses.replace(one, train=train, spared=spared))
    return found


def _part(patients: Collection[int], share: float, *seed: str) -> frozenset[int]:
    order = generator(*seed).permutation(sorted(patients))
    return frozenset(map(int, order[: max(math.ceil(share * len(order)), 1)]))
