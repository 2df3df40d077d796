"""How a relation is put into words, and which of its two ends comes first.

wording.csv: relation; types of its ends in the order of the sentence; weight, how much a fact of
this kind about a patient's own pair matters (0 to 1); the sentence with {x} and {y}. PrimeKG states
an edge in both directions, and of two diseases does not say which is the parent: its sentence is
one that holds either way.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import pyarrow as pa
from pyarrow import csv

# Of a relation that wording.csv does not know: both ends and PrimeKG's own word for it.
OTHER_TEXT = "{x}: {r}: {y}"
OTHER_WEIGHT = 0.1
DEFINITION_TEXT = "{x}: {y}"


@cache
def wording() -> pa.Table:
    """relation, x_type, y_type, weight, text of each row of wording.csv."""
    with (resources.files("fusehr.rag.knowledge") / "wording.csv").open("rb") as file:
        return csv.read_csv(file)
