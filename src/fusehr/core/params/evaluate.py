"""Parameters of the block `evaluate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task

Metric = Literal["auroc", "auprc", "min_p_se", "brier", "f1_weighted"]


@frozen
class EvaluateParams:
    """Block `evaluate`."""

    reference: str
    bootstrap_draws: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)]
    calibration_bins: Annotated[int, Field(ge=2)]
    net_benefit_thresholds: list[Annotated[float, Field(gt=0, lt=1)]]
    min_label_patients: Annotated[int, Field(ge=1)]
    alarm_sensitivity: Annotated[float, Field(gt=0, le=1)]
    small_cell: Annotated[int, Field(ge=1)]
    primary_metric: dict[Task, Metric]
