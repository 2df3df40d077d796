"""Parameters of the block `tune`: search spaces, and how they are searched."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, model_validator

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams, frozen, validate
from fusehr.core.frame.tasks import Task

Metric = Literal["auroc", "auprc", "f1_weighted"]
Value = bool | int | float | str


@frozen
class FloatRange:
    """Any number from `low` to `high`, evenly or evenly in its logarithm."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool

    @model_validator(mode="after")
    def _has_room(self) -> FloatRange:
        _expect_room(self.low, self.high, log=self.log)
        return self


@frozen
class IntRange:
    """Any whole number from `low` to `high`."""

    kind: Literal["int"]
    low: int
    high: int
    log: bool

    @model_validator(mode="after")
    def _has_room(self) -> IntRange:
        _expect_room(self.low, self.high, log=self.log)
        return self


@frozen
class Choices:
    """One of a few values, between which nothing is known of order."""

    kind: Literal["categorical"]
    choices: Annotated[list[Value], Field(min_length=2)]

    @model_validator(mode="after")
    def _each_once(self) -> Choices:
        if len(set(map(repr, self.choices))) < len(self.choices):
            raise ValueError(f"choices: expected each once, found {self.choices}")
        return self


Domain = FloatRange | IntRange | Choices
DOMAINS: dict[str, Any] = {"float": FloatRange, "int": IntRange, "categorical": Choices}


def _expect_room(low: float, high: float, *, log: bool) -> None:
    if low >= high:
        raise ValueError(f"expected low below high, found {low} and {high}")
    if log and low <= 0:
        raise ValueError(f"expected low above 0 where log is true, found {low}")


@frozen
class PrunerParams:
    """Block `tune.pruner`: which trials are ended before their time."""

    kind: Literal["median", "none"]
    startup_trials: Annotated[int, Field(ge=1)]
    warmup_epochs: Annotated[int, Field(ge=0)]


@frozen
class SpaceParams:
    """Block `tune.spaces.<name>`; `parameters` are domains by dotted path, see `domains`."""

    recipe: str
    task: Task
    metric: Metric
    module: str
    shared: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    needs: Annotated[tuple[str, ...], Field(min_length=5, max_length=5)]
    parameters: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]

    @model_validator(mode="after")
    def _metric_is_of_the_task(self) -> SpaceParams:
        if self.metric == "f1_weighted" and self.task != "triage":
            raise ValueError(
                f"metric f1_weighted: expected task triage, whose classes exclude each other, "
                f"found {self.task}"
            )
        return self


@frozen
class TuneParams:
    """Block `tune`."""

    trials: Annotated[int, Field(ge=2)]
    seed: Annotated[int, Field(ge=0)]
    processes: Annotated[int, Field(ge=1)]
    startup_trials: Annotated[int, Field(ge=1)]
    pruner: PrunerParams
    spaces: Annotated[dict[str, SpaceParams], Field(min_length=1)]


@frozen
class SearchParams:
    """What searching one space reads of the block, besides the space."""

    trials: int
    seed: int
    processes: int
    startup_trials: int
    pruner: PrunerParams


def search_params(params: StageParams) -> SearchParams:
    """Read one by one, so that a stage need not declare, and rerun for, every space."""
    kinds = get_type_hints(TuneParams, include_extras=True)
    names = get_type_hints(SearchParams)
    return SearchParams(**{name: params.section(f"tune.{name}", kinds[name]) for name in names})


def domains(space: SpaceParams, path: str) -> dict[str, Domain]:
    """Domains of the space at `path`; InputError with the full path of each ill-formed one.

    One by one, as errors of a union would not name the parameter alone.
    """
    found: dict[str, Domain] = {}
    for name, raw in space.parameters.items():
        full = f"{path}.parameters.{name}"
        kind = raw.get("kind")
        if kind not in DOMAINS:
            raise InputError(
                f"params.yaml: {full}.kind: expected one of {', '.join(DOMAINS)}, found {kind!r}"
            )
        found[name] = validate(raw, DOMAINS[kind], full)
    return found
