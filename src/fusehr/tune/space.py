"""A search space: which parameters are searched, where, and that each value can be trained."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams, lookup
from fusehr.core.frame.tasks import Task, of_task
from fusehr.core.params.tune import (
    Choices,
    Domain,
    FloatRange,
    IntRange,
    SpaceParams,
    Value,
    domains,
)
from fusehr.train.engine.registry import load_recipe

# Digits of a sampled number, so that what is trained reads well in params.yaml.
DIGITS = 3
# Whole numbers of a range that are all tried against the recipe's parameters, else its ends.
MANY = 64
# What a space repeats of its recipe, because dvc.yaml cannot look it up there.
REPEATED = ("module", "shared", "needs")

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Space:
    """What one study searches. Parameters are named by their dotted paths in params.yaml.

    defaults: the values that params.yaml has.
    """

    name: str
    params: SpaceParams
    domains: Mapping[str, Domain]
    defaults: Values

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The domains as Optuna has them, sorted by path."""
        return {path: _distribution(self.domains[path]) for path in sorted(self.domains)}

    @property
    def holds_defaults(self) -> bool:
        """Whether the values of params.yaml could have been drawn."""
        return all(_holds(self.domains[path], value) for path, value in self.defaults.items())

    def trained(self, drawn: Values) -> dict[str, Value]:
        """The values to train with: drawn ones, numbers cut to a few digits inside their range."""
        return {path: _cut(self.domains[path], drawn[path]) for path in sorted(self.domains)}


def load_space(name: str, params: StageParams) -> Space:
    """The space `tune.spaces.<name>`, held against params.yaml.

    Raises InputError with the full path where a domain is ill-formed, where a path is none of the
    recipe's or cannot be searched, and where the recipe refuses a value of its domain.
    """
    path = f"tune.spaces.{name}"
    own = params.section(path, SpaceParams)
    found = domains(own, path)
    _expect_recipe(own, path, params)
    defaults = {
        parameter: _default(parameter, f"{path}.parameters.{parameter}", own, params)
        for parameter in found
    }
    space = Space(name, own, found, defaults)
    _expect_trainable(space, path, params)
    return space


def pruning_metric(space: Space, params: StageParams) -> str:
    """The metric by which the recipe chooses its epoch, and trials are compared; '' without one."""
    if "model" not in space.params.shared:
        return ""
    selection = params.section("model.selection", dict[Task, str])
    return of_task(selection, space.params.task, "model.selection")


def with_values(params: StageParams, values: Values) -> StageParams:
    """`params` as if params.yaml had `values`."""
    tree = copy.deepcopy(dict(params.tree))
    for path, value in values.items():
        *parents, last = path.split(".")
        lookup(tree, ".".join(parents))[last] = value
    return dataclasses.replace(params, tree=tree)


def _expect_recipe(own: SpaceParams, path: str, params: StageParams) -> None:
    recipes = lookup(params.tree, "recipes")
    if own.recipe not in recipes:
        raise InputError(
            f"params.yaml: {path}.recipe: expected one of {', '.join(recipes)}, found {own.recipe}"
        )
    for key in REPEATED:
        mine, theirs = getattr(own, key), recipes[own.recipe][key]
        if mine != (theirs if isinstance(theirs, str) else tuple(theirs)):
            raise InputError(
                f"params.yaml: {path}.{key}: expected what recipes.{own.recipe}.{key} has, "
                f"{theirs}; found {mine if isinstance(mine, str) else list(mine)}"
            )


def _default(parameter: str, full: str, own: SpaceParams, params: StageParams) -> Value:
    blocks = [f"recipes.{own.recipe}", *own.shared]
    if not any(parameter.startswith(f"{block}.") for block in blocks):
        raise InputError(
            f"params.yaml: {full}: expected a parameter that {own.recipe} reads, below "
            f"{', '.join(blocks)}"
        )
    if parameter.startswith("model.selection.") or parameter.endswith(".module"):
        raise InputError(
            f"params.yaml: {full}: expected a parameter that can be searched; trials of another "
            "module or selection metric cannot be compared"
        )
    return single_value(params.tree, parameter, where=f"params.yaml: {full}")


def single_value(tree: Mapping[str, Any], path: str, *, where: str, within: str = "") -> Value:
    """The number, word or truth value at `path`; InputError at `where` where there is none.

    within: where the path was looked for, for the message.
    """
    try:
        value = lookup(tree, path)
    except InputError:
        raise InputError(
            f"{where}: expected the path of a parameter{within}, found none of that name"
        ) from None
    if not isinstance(value, bool | int | float | str):
        raise InputError(
            f"{where}: expected the path of a single value{within}, found one of a "
            f"{type(value).__name__}"
        )
    return value


def _expect_trainable(space: Space, path: str, params: StageParams) -> None:
    """Build the recipe with every value that could break it alone, and with every pair of them."""
    tried = {parameter: _edges(domain) for parameter, domain in space.domains.items()}
    for size in (1, 2):
        for chosen in itertools.combinations(sorted(tried), size):
            for edge in itertools.product(*(tried[parameter] for parameter in chosen)):
                values = dict(zip(chosen, edge, strict=True))
                try:
                    load_recipe(space.params.recipe, with_values(params, values))
                except InputError as error:
                    shown = ", ".join(f"{name} {value}" for name, value in values.items())
                    where = f"{path}.parameters.{chosen[0]}" if size == 1 else f"{path}.parameters"
                    raise InputError(f"params.yaml: {where}: with {shown}: {error}") from None


def _edges(domain: Domain) -> Sequence[Value]:
    if isinstance(domain, Choices):
        return domain.choices
    if isinstance(domain, IntRange) and domain.high - domain.low < MANY:
        return range(domain.low, domain.high + 1)
    return (domain.low, domain.high)


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, FloatRange):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, IntRange):
        return IntDistribution(domain.low, domain.high, log=domain.log)
    return CategoricalDistribution(domain.choices)


def _holds(domain: Domain, value: Value) -> bool:
    if isinstance(domain, Choices):
        return any(value == one and type(value) is type(one) for one in domain.choices)
    return isinstance(value, int | float) and domain.low <= value <= domain.high


def _cut(domain: Domain, value: Any) -> Value:
    if isinstance(domain, FloatRange):
        return min(max(float(f"{value:.{DIGITS}g}"), float(domain.low)), float(domain.high))
    return value
