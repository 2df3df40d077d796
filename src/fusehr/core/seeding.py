"""Seeds named by what they are for, so that no result depends on what ran before it."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def _sequence(parts: tuple[str | int, ...]) -> np.random.SeedSequence:
    # as JSON, so that ("a", 1), ("a", "1") and ("a1",) are three names
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return np.random.SeedSequence(int.from_bytes(digest, "big"))


def seed_of(*parts: str | int) -> int:
    """A seed below 2**32 for the thing that `parts` name, e.g. ("gbm", "triage", "cv0", 1).

    Equal names give equal seeds in every process; different names give unrelated streams.
    """
    return int(_sequence(parts).generate_state(1)[0])


def generator(*parts: str | int) -> np.random.Generator:
    """A NumPy generator of its own for the thing that `parts` name."""
    return np.random.default_rng(_sequence(parts))
