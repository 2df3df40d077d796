"""Columns of several tasks in one order and scale, and the training that reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fusehr.core.folds import Fold
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.tasks import Task
from fusehr.models.networks.fitting import Goal, settle_torch
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.models.networks.multitask import MultiTaskNetwork, Sizes
from fusehr.train.engine.contract import Fit
from fusehr.train.multitask.fitting import Schedule, TaskFit, fit_together, task_logits
from fusehr.train.multitask.inputs import (
    OneToken,
    TaskModalities,
    common_columns,
    compressed,
    withheld,
)
from fusehr.train.tabular.matrix import Matrix

NAN = np.nan
TRAIN = np.array([0, 1])
VAL = np.arange(40, 300)


def fit_of(task: str) -> Fit:
    fold = Fold("split", TRAIN, np.array([2]), np.array([3]), TRAIN)
    return Fit(fold, 1, task, lambda epoch: None)


def task_of(columns: str, values: Any) -> TaskModalities:
    array = np.array(values, dtype=float)
    absent = np.where([name.isupper() for name in columns], NAN, 0.0)
    matrix = Matrix(array, tuple(columns), absent, ("codes",) * len(columns))
    return TaskModalities(None, matrix, None)  # type: ignore[arg-type]


def test_columns_are_those_of_any_task_at_the_scale_of_all_train_rows() -> None:
    tasks: dict[Task, TaskModalities] = {
        # `b` is the same for all train rows of mortality, and known by triage's
        "mortality": task_of("ab", [[1, 2], [3, 2], [99, 99], [99, 99]]),
        "triage": task_of("bC", [[0, NAN], [4, 8], [99, 99], [99, NAN]]),
    }
    fits: dict[Task, Fit] = {name: fit_of(name) for name in tasks}
    found = common_columns(tasks, fits, "codes", min_share=0.0)
    assert found is not None and found.names == ("a", "b")
    of_b = compressed(np.array([2.0, 2, 0, 4]))
    assert found.mean[1] == pytest.approx(of_b.mean()) and found.scale[1] == pytest.approx(
        of_b.std()
    )
    standard = found.standardised(tasks["triage"].matrix)
    # a column that the task does not have stands at the mean
    assert standard[:, 0].tolist() == [0, 0, 0, 0]
    assert standard[1, 1].item() == pytest.approx((np.log(5) - of_b.mean()) / of_b.std(), rel=1e-5)
    assert common_columns(tasks, fits, "images", min_share=0.0) is None


def planted(n: int, seed: int, *, classes: int) -> FittedInputs:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=generator)
    score = x[:, :classes] * 2 + torch.randn(n, classes, generator=generator)
    if classes == 3:
        labels = torch.nn.functional.one_hot(score.argmax(dim=1), 3).float()
    else:
        labels = (score > 0).float()
    token = OneToken(x, torch.ones(n, dtype=torch.bool))
    return FittedInputs({"codes": token}, labels)


def schedule(**changes: Any) -> Schedule:
    base: dict[str, Any] = {
        "epochs": 6,
        "learning_rate": 0.02,
        "weight_decay": 0.0,
        "batch_size": 32,
        "clip_norm": 1.0,
        "most_samples": 200,
        "multilabel_weight": 1.0,
        "dtype": "float32",
    }
    return Schedule(**{**base, **changes})


def fitted(
    small: FittedInputs, val: np.ndarray = VAL, **changes: Any
) -> tuple[MultiTaskNetwork, dict[Task, tuple[int, dict[str, Tensor]]], list[tuple[Any, ...]]]:
    settle_torch(threads=1, seed=0)
    sizes = Sizes(8, 2, 4, 4, 0.0, 0.0, 0.0)
    network = MultiTaskNetwork({"codes": 6}, {"mortality": 1, "triage": 3}, direct=(), sizes=sizes)
    urgent = planted(500, 1, classes=3)
    tasks: dict[Task, TaskFit] = {
        "mortality": TaskFit(small, Goal(False, "auroc", "m"), np.arange(40), val),
        "triage": TaskFit(urgent, Goal(True, "auroc", "t"), np.arange(400), np.arange(400, 500)),
    }
    points: list[tuple[Any, ...]] = []
    best = fit_together(
        network, tasks, schedule(**changes), seed=0, log=lambda *point: points.append(point)
    )
    return network, best, points


def test_each_task_keeps_its_own_best_epoch() -> None:
    network, best, points = fitted(planted(300, 0, classes=1))
    for task, (epoch, weights) in best.items():
        metrics = [metric for name, _, _, metric in points if name == task]
        assert len(metrics) == 6 and epoch == int(np.argmax(metrics)) + 1
        assert max(metrics) > 0.65
        assert weights.keys() == network.state_dict().keys()


def test_without_validation_rows_the_last_epoch_is_kept() -> None:
    small = planted(300, 0, classes=1)
    none = np.arange(0)
    network, best, points = fitted(small, val=none)
    assert best["mortality"][0] == 6
    assert {name for name, *_ in points} == {"triage"}
    for name, value in network.state_dict().items():
        assert torch.equal(best["mortality"][1][name], value)


def test_aggregates_go_with_the_series() -> None:
    assert withheld(("series", "images")) == ("aggregates", "images", "series")
    assert withheld(()) == ()


def test_what_is_withheld_is_not_read() -> None:
    small = planted(300, 0, classes=1)
    network, best, _ = fitted(small)
    network.load_state_dict(best["mortality"][1])
    logits = task_logits(
        network, small, "mortality", torch.arange(50), batch_size=7, without=("codes",)
    )
    assert logits.unique().numel() == 1


def test_a_loss_that_is_no_number_names_the_task_and_the_epoch() -> None:
    small = planted(300, 0, classes=1)
    token = small.modalities["codes"]
    assert isinstance(token, OneToken)
    token.values[7] = torch.nan
    with pytest.raises(InputError, match=r"^m: the loss is nan in epoch 1; expected a finite"):
        fitted(small)
