"""Parameters of the block `train`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fusehr.core.frame.params import frozen
from fusehr.core.frame.tasks import Task, of_task
from fusehr.core.params.images import ImageParams

Seeds = Annotated[list[int], Field(min_length=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Threads = Annotated[int, Field(ge=1)]


@frozen
class ExplainedParams:
    """Block `train.explained`: test samples whose predictions are explained."""

    samples: Annotated[int, Field(ge=0)]
    steps: Annotated[int, Field(ge=1)]


@frozen
class TabularParams:
    """Block `train.tabular`: what the recipes on window aggregates see."""

    recent_hours: dict[Task, list[Annotated[int, Field(ge=1)]]]
    min_share: Annotated[float, Field(ge=0, lt=1)]

    def recent_of(self, task: Task) -> list[int]:
        """Hours of the recent windows of `task`."""
        return of_task(self.recent_hours, task, "train.tabular.recent_hours")


@frozen
class TrainParams:
    """Block `train`."""

    tasks: list[Task]
    seeds: Seeds
    threads: Threads
    share: Share
    explained: ExplainedParams
    tabular: TabularParams
    images: ImageParams
