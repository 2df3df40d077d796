"""One network for several tasks: shared encoders, heads of their own, learned codes for absence."""

from __future__ import annotations

import pytest
import torch

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.multitask import MultiTaskNetwork, Sizes

WIDTHS = {"series": 6, "codes": 5, "images": 4}
SIZES = Sizes(
    d_model=8,
    heads=2,
    bottleneck=3,
    series_bottleneck=4,
    dropout=0.5,
    input_dropout=0.5,
    hidden_share=0.0,
)


def network(**changes: float) -> MultiTaskNetwork:
    torch.manual_seed(0)
    sizes = Sizes(**{**SIZES.__dict__, **changes})
    return MultiTaskNetwork(
        WIDTHS, {"mortality": 1, "triage": 3}, direct=("codes",), sizes=sizes
    ).eval()


def batch(b: int = 5, t: int = 7) -> Batch:
    lengths = torch.tensor([7, 3, 1, 5, 2])[:b]
    series = Tokens(torch.randn(b, t, 6), torch.arange(t) < lengths[:, None])
    return Batch(
        {
            "series": series,
            "codes": Tokens(torch.randn(b, 1, 5), torch.ones(b, 1, dtype=torch.bool)),
            "images": Tokens(torch.randn(b, 2, 4), torch.ones(b, 2, dtype=torch.bool)),
        }
    )


def test_tasks_have_heads_of_their_own_on_shared_encoders() -> None:
    module, seen = network(), batch()
    assert module(seen, "mortality").shape == (5, 1)
    assert module(seen, "triage").shape == (5, 3)
    module(seen, "mortality").sum().backward()
    assert module.encoders["images"].layers[1].weight.grad.abs().sum() > 0  # type: ignore[union-attr]
    assert module.last["triage"].weight.grad is None


@pytest.mark.parametrize("modality", WIDTHS)
def test_an_absent_modality_has_a_learned_code(modality: str) -> None:
    module, seen = network(), batch()
    without = seen.without([modality])
    other = (
        Batch(
            {
                **without.tokens,
                modality: Tokens(without[modality].values + 9.0, without[modality].mask),
            }
        )
        if modality != "codes"
        else without
    )
    logits = module(without, "mortality")
    # whatever stands in the padding
    torch.testing.assert_close(module(other, "mortality"), logits)
    assert not torch.allclose(module(seen, "mortality"), logits)
    logits.sum().backward()
    grad = module.missing[modality].grad
    assert grad is not None and grad.abs().sum() > 0


def test_a_prediction_does_not_depend_on_the_batch() -> None:
    module, seen = network(), batch()
    expected = module(seen, "triage")
    order = torch.tensor([3, 1])
    few = Batch({k: Tokens(v.values[order], v.mask[order]) for k, v in seen.tokens.items()})
    torch.testing.assert_close(module(few, "triage"), expected[order])


def test_a_modality_is_hidden_in_training_alone() -> None:
    module, seen = network(hidden_share=0.99, dropout=0.0, input_dropout=0.0), batch()
    whole = module(seen, "mortality")
    torch.testing.assert_close(module(seen, "mortality"), whole)
    hidden = module.train()(seen, "mortality")
    one_less = [module.eval()(seen.without([name]), "mortality") for name in WIDTHS]
    for row in range(len(seen)):
        distances = [(hidden[row] - less[row]).abs().item() for less in one_less]
        assert min(distances) < 1e-6
