"""What each source of inputs is worth to a recipe: its score without it, on the same patients."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fusehr.evaluate.gather import Scores
from fusehr.evaluate.outputs import FULL, WITHOUT
from fusehr.evaluate.pairs import BEHIND, DIFFERENCE, Drawn, difference

WITHHELD = ("task", "recipe", "withheld", "full", "without", *DIFFERENCE, *BEHIND)


def withheld_sources(scores: Scores, *, primary: Mapping[str, str]) -> pd.DataFrame:
    """Columns WITHHELD, a row a source that was withheld at test time, on the primary metric.

    `difference` is the value with everything less the value without the source, so that it is
    positive where a higher value is better and the source helps.
    """
    drawn = Drawn(scores)
    rows = []
    for recipe in scores.ranked:
        for task in scores.tasks:
            for variant in drawn.variants(task, recipe):
                if not variant.startswith(WITHOUT):
                    continue
                metric = primary[task]
                full, without = (drawn.value(task, recipe, metric, v) for v in (FULL, variant))
                paired = difference(full, without, metric)
                if full is not None and without is not None and paired is not None:
                    row = {"task": task, "recipe": recipe, **paired.row()}
                    row |= {"withheld": variant.removeprefix(WITHOUT)}
                    rows.append(row | {"full": full.value, "without": without.value})
    return pd.DataFrame(rows, columns=list(WITHHELD))
