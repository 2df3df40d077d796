"""Search spaces: what cannot be searched is refused with its full path before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.tune.run import tune_params
from fusehr.tune.space import Space, load_space, pruning_metric

from .conftest import NAME, RATE, ROOT, TOY, WIDTH

HERE = f"params.yaml: tune.spaces.{NAME}"
SHIPPED = list(yaml.safe_load((ROOT / "params.yaml").read_text())["tune"]["spaces"])
FLOAT = {"kind": "float", "low": 0.1, "high": 0.5, "log": False}


def load(root: Path) -> Space:
    return load_space(NAME, tune_params(NAME, root))


def edited(root: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """`root` with its space changed by `edit`."""
    tree = yaml.safe_load((root / "params.yaml").read_text())
    edit(tree["tune"]["spaces"][NAME])
    (root / "params.yaml").write_text(yaml.safe_dump(tree))
    return root


def searching(path: str, **domain: Any) -> Callable[[dict[str, Any]], None]:
    return lambda space: space["parameters"].update({path: domain})


@pytest.mark.parametrize(
    "name", yaml.safe_load((ROOT / "params.yaml").read_text())["tune"]["spaces"]
)
def test_spaces_that_ship_hold_the_defaults(name: str) -> None:
    space = load_space(name, tune_params(name, ROOT))
    assert space.holds_defaults
    assert space.name == name and len(space.domains) >= 4


def test_a_space_is_read(repository: Callable[..., Path]) -> None:
    space = load(repository())
    assert list(space.distributions) == [WIDTH, RATE]
    assert space.defaults == {RATE: 0.01, WIDTH: 16} and space.holds_defaults
    assert space.trained({RATE: 0.00123456, WIDTH: 8}) == {WIDTH: 8, RATE: 0.00123}
    assert TOY.trained({RATE: 0.99999, WIDTH: 8})[RATE] == 1.0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.update(recipe="lstm"), f"{HERE}.recipe: expected one of attainable, "),
        (lambda s: s.update(metric="f2"), f"{HERE}.metric: Input should be 'auroc', "),
        (
            lambda s: s.update(metric="f1_weighted"),
            f"{HERE}: metric f1_weighted: expected task triage",
        ),
        (lambda s: s.update(task="All deaths"), f"{HERE}.task: String should match pattern "),
        (lambda s: s.update(parameters={}), f"{HERE}.parameters: "),
        (lambda s: s.update(width=1), f"{HERE}.width: unknown parameter"),
        (
            lambda s: s.update(shared=["model", "model"]),
            f"{HERE}.shared: expected what recipes.lstm_vitals.shared has, ",
        ),
        (
            searching("model.dropuot", **FLOAT),
            f"{HERE}.parameters.model.dropuot: expected the path of a parameter, found none",
        ),
        (
            searching("embed.dimension", **FLOAT),
            f"{HERE}.parameters.embed.dimension: expected a parameter that lstm_vitals reads, ",
        ),
        (
            searching("model.notes", **FLOAT),
            f"{HERE}.parameters.model.notes: expected the path of a single value, found one of a d",
        ),
        (
            searching("model.selection.mortality", kind="categorical", choices=["auroc", "auprc"]),
            f"{HERE}.parameters.model.selection.mortality: expected a parameter that can be search",
        ),
        (
            searching(RATE, kind="real"),
            f"{HERE}.parameters.{RATE}.kind: expected one of float, int, categorical, found 'real'",
        ),
        (
            searching(RATE, kind="float", low=0.1, high=0.5),
            f"{HERE}.parameters.{RATE}.log: missing parameter",
        ),
        (
            searching(RATE, kind="float", low="0.1", high=0.5, log=True),
            f"{HERE}.parameters.{RATE}.low: Input should be a valid number, found '0.1'",
        ),
        (
            searching(RATE, kind="float", low=0.5, high=0.5, log=True),
            f"{HERE}.parameters.{RATE}: expected low below high, found 0.5 and 0.5",
        ),
        (
            searching(RATE, kind="float", low=0.0, high=0.5, log=True),
            f"{HERE}.parameters.{RATE}: expected low above 0 where log is true, found 0.0",
        ),
        (
            searching(WIDTH, kind="categorical", choices=[8, 8]),
            f"{HERE}.parameters.{WIDTH}: choices: expected each once",
        ),
        # values that the recipe would refuse
        (
            searching("model.dropout", kind="float", low=0.1, high=1.0, log=False),
            f"{HERE}.parameters.model.dropout: with model.dropout 1.0: params.yaml: model.dropout: "
            "Input should be less than 1",
        ),
        (
            searching(WIDTH, kind="float", low=4.5, high=8.0, log=False),
            f"{HERE}.parameters.{WIDTH}: with {WIDTH} 4.5: params.yaml: model.d_model: Input",
        ),
        (
            searching("model.heads", kind="int", low=1, high=4, log=False),
            f"{HERE}.parameters.model.heads: with model.heads 3: params.yaml: model: d_model 16 is "
            "not divisible",
        ),
        (
            searching("model.heads", kind="categorical", choices=[2, 8]),
            f"{HERE}.parameters: with model.d_model 4, model.heads 8: params.yaml: model: d_model "
            "4 is not divisible by heads 8",
        ),
    ],
)
def test_what_cannot_be_searched_is_named(
    edit: Callable[[dict[str, Any]], None], message: str, repository: Callable[..., Path]
) -> None:
    with pytest.raises(InputError) as caught:
        load(edited(repository(), edit))
    assert str(caught.value).startswith(message)


def test_an_unknown_space_names_those_there_are(repository: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=f"train-tune@big: expected one of {NAME}"):
        tune_params("big", repository())


def test_a_horizon_is_pruned_by_the_metric_of_its_task() -> None:
    params = tune_params("bia_fusion", ROOT)
    space = load_space("bia_fusion", params)
    horizon = replace(space, params=replace(space.params, task="mortality@day0"))
    assert pruning_metric(horizon, params) == pruning_metric(space, params) == "auroc"
