"""What inputs add to the logit of small networks over several tasks, and what they see in films."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.image_encoder import FindingsNet, small_resnet
from fusehr.models.networks.inputs.modality import FittedInputs, ragged
from fusehr.models.networks.multitask import MultiTaskNetwork, Sizes
from fusehr.serve.predictors.explaining_ensemble import Seen, ensemble_explanation
from fusehr.train.images.run import Encoder
from fusehr.train.multitask.inputs import LIMIT, Columns, OneToken, compressed

SIDE, FEATURES, FINDINGS = 16, 16, 3
CLASSES = [(2, "medium"), (0, "high")]
SHARE = 0.4


def column_names(prefix: str, n: int) -> Columns:
    names = tuple(sorted(f"{prefix}{k}" for k in range(n)))
    rng = np.random.default_rng(n)
    return Columns(names, rng.normal(0, 0.2, n), rng.uniform(0.5, 2, n))


COLUMNS = {
    "findings": column_names("finding/", 5),
    "codes": column_names("code|", 4),
    "images": column_names("images|mean|", FEATURES + FINDINGS),
}


@pytest.fixture
def networks() -> list[MultiTaskNetwork]:
    torch.manual_seed(0)
    widths = {name: len(one.names) for name, one in COLUMNS.items()} | {"series": 6}
    sizes = Sizes(8, 2, 3, 4, 0.3, 0.1, 0.2)
    made = [
        MultiTaskNetwork(widths, {"triage": 3, "mortality": 1}, direct=("codes",), sizes=sizes)
        for _ in range(2)
    ]
    for one in made:
        codes = one.get_submodule("direct.triage.codes")
        assert isinstance(codes, torch.nn.Linear)
        torch.nn.init.normal_(codes.weight)
    return [one.eval() for one in made]


@pytest.fixture
def seen() -> Seen:
    torch.manual_seed(1)
    plain = AugmentationParams(
        flip=False, shift=0, rotation=0.0, brightness=0.0, contrast=0.0, blur=0.0
    )
    sizes = ResNetParams(embedding_size=8, widths=[8, FEATURES], depths=[1, 1])
    network = FindingsNet(small_resnet(sizes, plain, dtype="float32"), FINDINGS).eval()
    width = FEATURES + FINDINGS
    encoder = Encoder(network, torch.rand(width), torch.rand(width) + 0.5, 0, {})
    pixels = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    return Seen(encoder, pixels, 1, COLUMNS["images"])


def image_columns(seen: Seen) -> torch.Tensor:
    """(1, f), as training makes them of the mean vector."""
    mean = seen.encoder.vectors(torch.from_numpy(seen.pixels)[:, None]).mean(dim=0).numpy()
    order = [int(name.rsplit("|", 1)[1]) for name in seen.columns.names]
    scaled = (compressed(mean[order]) - seen.columns.mean) / seen.columns.scale
    return torch.from_numpy(np.clip(scaled, -LIMIT, LIMIT).astype(np.float32))[None]


def inputs_of(seen: Seen | None) -> FittedInputs:
    drawn = torch.Generator().manual_seed(3)
    here = torch.tensor([True])
    findings, codes = (torch.randn(1, n, generator=drawn) for n in (5, 4))
    findings[0, 2] = 0.0
    hours = np.random.default_rng(4).standard_normal((7, 6)).astype(np.float32)
    images = torch.zeros(1, FEATURES + FINDINGS) if seen is None else image_columns(seen)
    return FittedInputs(
        {
            "findings": OneToken(findings, here),
            "codes": OneToken(codes, here),
            "images": OneToken(images, torch.tensor([seen is not None])),
            "series": ragged(hours, np.zeros(7, np.int64), np.arange(7), n=1),
        },
        torch.zeros(1, 3),
    )


def explained(networks: Any, seen: Seen | None, *, steps: int) -> Any:
    values = {name: np.arange(len(one.names)) / 2 for name, one in COLUMNS.items()}
    return ensemble_explanation(
        networks,
        inputs_of(seen),
        "triage",
        CLASSES,
        COLUMNS,
        values,
        seen=seen,
        share=SHARE,
        steps=steps,
    )


@pytest.mark.parametrize("pictured", [True, False])
def test_what_inputs_add_sums_to_the_networks_change_of_the_logit(
    networks: Any, seen: Seen, pictured: bool
) -> None:
    own = seen if pictured else None
    found = explained(networks, own, steps=128)
    batch = inputs_of(own).batch(torch.tensor([0]))
    zeros = Batch({k: Tokens(torch.zeros_like(t.values), t.mask) for k, t in batch.tokens.items()})
    with torch.no_grad():
        changes = [one(batch, "triage") - one(zeros, "triage") for one in networks]
        change = torch.stack(changes).mean(dim=0)
    expected = SHARE * change[0, [2, 0]].numpy()
    by_image = 0 if found.added_by_image is None else found.added_by_image
    np.testing.assert_allclose(found.added.sum(axis=1) + by_image, expected, atol=2e-3)
    assert (found.added_by_image is not None) == pictured
    assert found.attention is None and found.classes == ("medium", "high")


def test_inputs_are_named_with_their_values_and_those_that_add_nothing_left_out(
    networks: Any,
) -> None:
    found = explained(networks, None, steps=4)
    assert found.maps is None
    assert "finding/0 = 0" in found.tokens and "finding/3 = 1.5" in found.tokens
    assert not [name for name in found.tokens if name.startswith("finding/2")]  # at its mean
    assert found.tokens[-1] == "series, hour by hour"
    assert not [name for name in found.tokens if name.startswith("images")]


def test_the_score_of_a_picture_is_that_of_the_columns_it_makes(seen: Seen) -> None:
    features = seen.encoder.network.encoder(torch.from_numpy(seen.pixels)[1:2, None])
    columns = seen.score(lambda values: values)(features)
    np.testing.assert_allclose(columns.detach(), image_columns(seen), atol=1e-5)


def test_maps_are_of_the_picture_that_is_shown(networks: Any, seen: Seen) -> None:
    found = explained(networks, seen, steps=2)
    assert found.maps.shape == (2, SIDE, SIDE)
    assert found.maps.min() >= 0 and found.maps.max() == pytest.approx(1)
