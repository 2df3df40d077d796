"""The series network sees a sample's own steps and nothing else."""

from __future__ import annotations

import pytest
import torch

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.lstm import Pooling, SeriesLSTM
from fusehr.models.networks.pooling import AttentionPooling

POOLINGS: list[Pooling] = ["last", "attention"]


def network(pooling: Pooling) -> SeriesLSTM:
    torch.manual_seed(0)
    module = SeriesLSTM(
        4, 3, d_model=8, layers=2, heads=2, hidden=[6], dropout=0.5, pooling=pooling
    )
    return module.eval()


def batch(steps: torch.Tensor, lengths: torch.Tensor) -> Batch:
    return Batch({"series": Tokens(steps, torch.arange(steps.shape[1]) < lengths[:, None])})


@pytest.mark.parametrize("pooling", POOLINGS)
def test_steps_behind_a_samples_length_do_not_matter(pooling: Pooling) -> None:
    module = network(pooling)
    steps = torch.randn(5, 7, 4)
    lengths = torch.tensor([1, 3, 7, 2, 5])
    expected = module(batch(steps, lengths))
    assert expected.shape == (5, 3)
    for row, length in enumerate(lengths.tolist()):
        steps[row, length:] = 1000.0
    torch.testing.assert_close(module(batch(steps, lengths)), expected)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_its_last_step_matters(pooling: Pooling) -> None:
    module = network(pooling)
    steps, lengths = torch.randn(1, 7, 4), torch.tensor([3])
    before = module(batch(steps, lengths))
    steps[0, 2] += 1
    assert not torch.allclose(module(batch(steps, lengths)), before)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_prediction_does_not_depend_on_the_batch(pooling: Pooling) -> None:
    module = network(pooling)
    steps, lengths = torch.randn(6, 7, 4), torch.tensor([1, 3, 7, 2, 5, 4])
    expected = module(batch(steps, lengths))
    order = torch.tensor([4, 1])
    torch.testing.assert_close(module(batch(steps[order], lengths[order])), expected[order])


def test_attention_weighs_steps_by_its_queries() -> None:
    torch.manual_seed(0)
    pool = AttentionPooling(4, heads=2)
    states, lengths = torch.randn(3, 5, 4), torch.tensor([5, 5, 5])
    before = pool(states, lengths)
    with torch.no_grad():
        pool.query.mul_(5).add_(1)
    assert not torch.allclose(pool(states, lengths), before)


def test_a_single_layer_has_no_dropout_between_layers(recwarn: pytest.WarningsRecorder) -> None:
    SeriesLSTM(4, 1, d_model=8, layers=1, heads=2, hidden=[], dropout=0.5, pooling="last")
    assert not recwarn.list
