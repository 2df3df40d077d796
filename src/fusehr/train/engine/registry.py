"""From a recipe's name in params.yaml to the recipe."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams
from fusehr.core.frame.tasks import Task
from fusehr.core.params.train import ExplainedParams, Seeds, Share, Threads
from fusehr.train import recipes
from fusehr.train.engine.contract import JointRecipe, Recipe, SlowRecipe


@dataclass(frozen=True)
class Job:
    """All that one stage train@<name> was told: the recipe and what it is trained on."""

    name: str
    recipe: Recipe
    tasks: list[Task]
    seeds: list[int]
    threads: int
    share: float
    explained: ExplainedParams
    resolved: dict[str, Any]

    @property
    def joint(self) -> bool:
        """Whether the recipe learns all tasks together."""
        return isinstance(self.recipe, JointRecipe)

    @property
    def worth_processes(self) -> bool:
        """Whether a task takes so long that a process for each is worth its start."""
        return isinstance(self.recipe, SlowRecipe)


@dataclass(frozen=True)
class Configured:
    """A recipe, and by dotted path the parameters that it was built from."""

    recipe: Recipe
    resolved: dict[str, Any]


def load_recipe(name: str, params: StageParams) -> Configured:
    """The recipe `name` with its parameters; InputError where params.yaml does not describe one."""
    path = f"recipes.{name}"
    module_name = params.section(f"{path}.module", str)
    known = sorted(module.name for module in pkgutil.iter_modules(recipes.__path__))
    if module_name not in known:
        raise InputError(
            f"params.yaml: {path}.module: expected one of {', '.join(known)}, found {module_name!r}"
        )
    module = importlib.import_module(f"{recipes.__name__}.{module_name}")
    own = params.section(path, module.Params)
    # the second section may be a repetition of what every recipe reads: lists in dvc.yaml have one
    # length, and `zip` ends with the types that the module asks for
    shared = [
        params.section(section, type_)
        for section, type_ in zip(own.shared, module.SHARED, strict=False)
    ]
    resolved = {
        path: _plain(own),
        **{section: _plain(one) for section, one in zip(own.shared, shared, strict=False)},
    }
    return Configured(module.build(own, *shared), resolved)


def load_job(name: str, params: StageParams) -> Job:
    """The recipe `name` and what it is trained on; InputError as from `load_recipe`."""
    configured = load_recipe(name, params)
    tasks = params.section("train.tasks", list[Task])
    seeds = params.section("train.seeds", Seeds)
    threads = params.section("train.threads", Threads)
    share = params.section("train.share", Share)
    explained = params.section("train.explained", ExplainedParams)
    resolved = {
        **configured.resolved,
        "train.tasks": tasks,
        "train.seeds": seeds,
        "train.threads": threads,
        "train.share": share,
        "train.explained": _plain(explained),
    }
    return Job(name, configured.recipe, tasks, seeds, threads, share, explained, resolved)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
