"""A part of the train patients, to see what more of them would bring."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from fusehr.core.cohort import Round
from fusehr.core.seeding import generator


def with_share(rounds: Sequence[Round], share: float) -> list[Round]:
    """Rounds in which `share` (0 to 1) of the train patients train, at least one.

    A smaller share is a part of a larger one, and 1 is everybody. Who validates and tests stays.
    """
    found = []
    for one in rounds:
        order = generator("train.share", one.name).permutation(sorted(one.train))
        chosen = order[: max(math.ceil(share * len(order)), 1)]
        found.append(dataclasses.replace(one, train=frozenset(map(int, chosen))))
    return found
