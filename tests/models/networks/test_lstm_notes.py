"""The branches of the multi-modal LSTM, together and alone."""

from __future__ import annotations

import pytest
import torch

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.lstm_notes import BranchNetwork, NotesBranch, SeriesBranch

NAMES = ("series", "notes")


def network(*names: str) -> BranchNetwork:
    torch.manual_seed(0)
    branches: dict[str, SeriesBranch | NotesBranch] = {
        "series": SeriesBranch(3, d_model=8, layers=2, hidden=[6, 4], dropout=0.5),
        "notes": NotesBranch(5, hidden=[4], dropout=0.5),
    }
    return BranchNetwork(
        [branches[name] for name in names], 2, hidden=[4], dropout=0.5, hidden_share=0.5
    ).eval()


def batch() -> Batch:
    """The second sample has no note, the third no series, the last neither."""
    torch.manual_seed(1)
    hours = torch.arange(6) < torch.tensor([2, 6, 0, 0])[:, None]
    note = torch.tensor([[1], [0], [1], [0]]).bool()
    return Batch(
        {
            "series": Tokens(torch.randn(4, 6, 3) * hours[..., None], hours),
            "notes": Tokens(torch.randn(4, 1, 5) * note[..., None], note),
        }
    )


@pytest.mark.parametrize("names", [NAMES, ("series",), ("notes",)], ids=str)
def test_own_tokens_alone_matter(names: tuple[str, ...]) -> None:
    module, given = network(*names), batch()
    expected = module(given)
    assert expected.shape == (4, 2) and torch.isfinite(expected).all()
    changed = Batch(
        {
            name: Tokens(torch.where(t.mask[..., None], t.values, 1000.0), t.mask)
            for name, t in given.tokens.items()
        }
    )
    torch.testing.assert_close(module(changed), expected, rtol=0, atol=1e-5)
    alone = Batch({name: Tokens(t.values[1:2], t.mask[1:2]) for name, t in given.tokens.items()})
    torch.testing.assert_close(module(alone), expected[1:2], rtol=0, atol=1e-5)


def test_a_branch_reads_its_own_modality() -> None:
    given = batch()
    for name in NAMES:
        module = network(name)
        (other,) = set(NAMES) - {name}
        assert torch.equal(module(given.without({other})), module(given))
        assert not torch.allclose(module(given.without({name}))[0], module(given)[0])


def test_what_stands_in_for_a_missing_modality_is_learnt() -> None:
    module = network(*NAMES)
    module(batch()).square().sum().backward()
    for number in range(2):
        gradient = module.get_parameter(f"branches.{number}.missing.vector").grad
        assert gradient is not None and gradient.abs().max() > 1e-6


def test_the_last_valid_hour_is_read() -> None:
    module, given = network("series"), batch()
    values = given["series"].values.clone()
    values[0, 1] += 1
    changed = Batch({**given.tokens, "series": Tokens(values, given["series"].mask)})
    assert not torch.allclose(module(changed)[0], module(given)[0])
