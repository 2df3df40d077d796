"""Films of people outside the cohort, with noisy labels: what an image encoder is trained on.

The cohort's own films carry no labels: these would give the hidden flag away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fusehr.core.params.raw import SyntheticParams
from fusehr.core.seeding import generator
from fusehr.raw.synthetic.arrays import DAY, Bools
from fusehr.raw.synthetic.latent.patients import FIRST_YEAR, YEAR, YEARS
from fusehr.raw.synthetic.radiograph.drawing import draw_radiographs
from fusehr.raw.synthetic.radiograph.films import Films, metadata
from fusehr.raw.synthetic.radiograph.findings import draw_findings, table
from fusehr.raw.synthetic.radiograph.ids import dicom_ids, pool_studies, pool_subjects

SHARD = 250  # films drawn together, always all of them
PREVALENCE = 0.4  # of an opacity


@dataclass(frozen=True)
class PoolShard:
    """One shard: films, their rows in cxr/metadata and cxr/chexpert, and the truth.

    opacity: (n,) whether a lung shows one; it is written nowhere.
    """

    films: Films
    metadata: pa.Table
    chexpert: pa.Table
    opacity: Bools


def shards(params: SyntheticParams) -> int:
    """How many shards hold `images.pool` films."""
    return -(-params.images.pool // SHARD)


def pool_films(params: SyntheticParams, shard: int) -> PoolShard:
    """Shard 0 to `shards(params)` - 1; the last is cut to the number of films asked for.

    The films of a shard are the same whatever that number.
    """
    rng = generator("synthetic", params.seed, "pool", shard)
    opacity = rng.random(SHARD) < PREVALENCE
    day = np.floor(rng.random(SHARD) * YEARS * YEAR / DAY)
    time = (FIRST_YEAR - 1970) * YEAR // DAY * DAY + day * DAY + rng.integers(0, DAY, SHARD)
    drawn = draw_radiographs(rng, opacity, params.images.size)
    labels = draw_findings(rng, drawn)

    n = min(SHARD, params.images.pool - shard * SHARD)
    number = shard * SHARD + np.arange(SHARD)
    subject, study = pool_subjects(number), pool_studies(number)
    rows = metadata(
        subject, study, time.astype(np.int64), drawn.technique.portable, params.images.size
    )
    return PoolShard(
        films=Films(dicom_ids(study[:n]), subject[:n], drawn.pixels[:n]),
        metadata=rows.slice(0, n),
        chexpert=table(subject, study, labels).slice(0, n),
        opacity=opacity[:n],
    )
