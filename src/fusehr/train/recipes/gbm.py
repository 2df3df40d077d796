"""Gradient boosting on window aggregates: the baseline that deep models rarely beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.params import frozen
from fusehr.core.params.train import TabularParams
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Source
from fusehr.train.tabular.boosting import Boosted, BoostingParams, fit_boosting
from fusehr.train.tabular.matrix import TABLES, Matrix, build_matrix

SHARED = (TabularParams,)


@frozen
class Params(BoostingParams, RecipeParams):
    """Blocks `recipes.gbm`, `recipes.gbm_facts` and `recipes.gbm_all`."""

    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Gbm:
    """The recipe."""

    params: Params
    shared: TabularParams
    tables: tuple[str, ...] = TABLES
    slow: bool = True

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """One row of numbers a sample."""
        matrix = build_matrix(
            source,
            samples,
            modalities=self.params.modalities,
            recent_hours=self.shared.recent_of(samples.task),
        )
        return _Inputs(self, source.threads, samples, matrix)


@dataclass(frozen=True)
class _Inputs:
    recipe: Gbm
    threads: int
    samples: TaskSamples
    matrix: Matrix

    def fit(self, fit: Fit) -> Boosted:
        """Boost on train rows, stop on validation rows."""
        return fit_boosting(
            self.samples,
            self.matrix,
            fit,
            self.recipe.params,
            min_share=self.recipe.shared.min_share,
            threads=self.threads,
        )


def build(params: Params, shared: TabularParams) -> Gbm:
    """The recipe `gbm`."""
    return Gbm(params, shared)
