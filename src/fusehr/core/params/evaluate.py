"""Parameters of the block `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, get_type_hints

from pydantic import AfterValidator, Field

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams, frozen
from fusehr.core.frame.tasks import OTHER, TASKS, ByTask, Task

PRIMARY = "evaluate.primary_metric"

Metric = Literal["auroc", "auprc", "min_p_se", "brier", "f1_weighted"]


def _every_task(metrics: dict[Task, Metric]) -> dict[Task, Metric]:
    missing = [task for task in (*TASKS, OTHER) if task not in metrics]
    if missing:
        raise ValueError(f"expected a metric for each task, found none for {', '.join(missing)}")
    return metrics


@frozen
class ScoreParams:
    """What scoring one recipe reads of the block."""

    bootstrap_draws: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)]
    calibration_bins: Annotated[int, Field(ge=2)]
    net_benefit_thresholds: list[Annotated[float, Field(gt=0, lt=1)]]
    min_label_patients: Annotated[int, Field(ge=1)]
    alarm_sensitivity: Annotated[float, Field(gt=0, le=1)]


def score_params(params: StageParams) -> ScoreParams:
    """Read one by one, so that a stage need not declare, and rerun for, the rest of the block."""
    kinds = get_type_hints(ScoreParams, include_extras=True)
    return ScoreParams(**{name: params.section(f"evaluate.{name}", kinds[name]) for name in kinds})


@frozen
class NonInferior:
    """A second comparison: no recipe may be worse than `against` by `margin` or more."""

    against: str
    margin: Annotated[float, Field(gt=0)]


def _some_and_each_once(names: list[str]) -> list[str]:
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected one name at least, and none twice, found {names}")
    return names


def _ascending(bounds: list[int]) -> list[int]:
    if not bounds or any(low >= high for low, high in pairwise(bounds)):
        raise ValueError(f"expected ascending numbers of years, found {bounds}")
    return bounds


@frozen
class SubgroupParams:
    """Whose performance is shown within groups of patients, and where age bands begin (years)."""

    recipes: Annotated[list[str], AfterValidator(_some_and_each_once)]
    age_bounds: Annotated[list[Annotated[int, Field(ge=0, le=120)]], AfterValidator(_ascending)]


@frozen
class EvaluateParams(ScoreParams):
    """Block `evaluate`."""

    reference: str
    noninferior: NonInferior
    unimodal: dict[str, str]
    small_cell: Annotated[int, Field(ge=1)]
    primary_metric: Annotated[dict[Task, Metric], AfterValidator(_every_task)]
    subgroups: SubgroupParams

    @property
    def primary(self) -> Mapping[Task, str]:
        """The primary metric of any task."""
        return ByTask({task: str(name) for task, name in self.primary_metric.items()}, PRIMARY)

    def expect_no_small_cells(self, *, restricted: bool) -> None:
        """InputError where an average over labels would tell of one with a hidden count."""
        if restricted and self.min_label_patients < self.small_cell:
            raise InputError(
                "params.yaml: evaluate.min_label_patients: expected at least evaluate.small_cell "
                f"({self.small_cell}) on a restricted source, found {self.min_label_patients}; "
                "an average over labels would tell of a hidden one"
            )
