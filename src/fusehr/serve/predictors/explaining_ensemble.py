"""Why the networks of the recipe `fusehr` predict what they do: each input, places in the picture.

They are averaged with boosted trees, of which nothing is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fusehr.core.frame.tasks import Task
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.explain import grad_cam, integrated_gradients
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.serve.predictors.contract import Explanation
from fusehr.train.images.run import Encoder
from fusehr.train.multitask.inputs import LIMIT, Columns

SERIES, IMAGES = "series", "images"
SERIES_TITLE = "series, hour by hour"
PREFIX = "images|mean|"


class ColumnsAsTokens(nn.Module):
    """The mean logit of `networks`, of columns that are tokens of their own.

    present: bool (b, 1) of each modality of columns, as the networks see it.
    """

    def __init__(
        self, networks: Sequence[nn.Module], task: Task, present: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self._networks = nn.ModuleList(networks)
        self._task, self._present = task, dict(present)

    def forward(self, batch: Batch) -> Tensor:
        """Columns (b, f, 1), series (b, t, width) -> logits (b, n_classes)."""
        tokens = {
            name: Tokens(one.values.transpose(1, 2), self._present[name])
            if name in self._present
            else one
            for name, one in batch.tokens.items()
        }
        whole = Batch(tokens)
        return torch.stack([one(whole, self._task) for one in self._networks]).mean(dim=0)


@dataclass(frozen=True)
class Seen:
    """Images of a visit, which are seen by the mean of their vectors.

    pixels: uint8 (n, h, w); shown: which of them a map is of. columns: their scale.
    """

    encoder: Encoder
    pixels: np.ndarray
    shown: int
    columns: Columns

    def score(self, logit: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`logit` of the columns (1, f), as one of the shown picture's features (1, width)."""
        vectors = self.encoder.vectors(torch.from_numpy(self.pixels)[:, None])
        others = vectors.sum(dim=0) - vectors[self.shown]
        order = torch.tensor([int(name.removeprefix(PREFIX)) for name in self.columns.names])
        mean, scale = (
            torch.from_numpy(values.astype(np.float32))
            for values in (self.columns.mean, self.columns.scale)
        )

        def of_features(features: Tensor) -> Tensor:
            whole = torch.cat([features, self.encoder.network.last(features)], dim=1)
            own = (whole - self.encoder.mean) / self.encoder.std
            averaged = ((own + others) / len(self.pixels))[:, order]
            compressed = averaged.sign() * averaged.abs().log1p()
            return logit(((compressed - mean) / scale).clamp(-LIMIT, LIMIT))

        return of_features


def ensemble_explanation(
    networks: Sequence[nn.Module],
    inputs: FittedInputs,
    task: Task,
    classes: Sequence[tuple[int, str]],
    columns: Mapping[str, Columns],
    values: Mapping[str, np.ndarray],
    *,
    seen: Seen | None,
    share: float,
    steps: int,
) -> Explanation:
    """Of the first sample. classes: place and name; share: of the networks in the prediction.

    values: (f,) of each modality of columns, as they were recorded, nan where they were not.

    What an input adds is against the mean of train samples, and is that part of the logit which
    the networks have a say in.
    """
    batch = inputs.batch(torch.tensor([0]))
    as_tokens = {
        name: Tokens(one.values.transpose(1, 2), one.mask.expand(-1, one.values.shape[2]))
        if name in columns
        else one
        for name, one in batch.tokens.items()
    }
    module = ColumnsAsTokens(
        networks, task, {name: batch[name].mask for name in batch.tokens if name in columns}
    ).eval()
    names = [
        f"{name} = {value:.4g}"
        for key, one in columns.items()
        if key != IMAGES
        for name, value in zip(one.names, values[key], strict=True)
    ]
    added: list[np.ndarray] = []
    by_image: list[float] = []
    maps: list[np.ndarray] = []
    for k, _ in classes:
        given = integrated_gradients(module, Batch(as_tokens), k, steps)
        parts = [given[key][0].numpy() for key in columns if key != IMAGES]
        if SERIES in given:
            parts.append(given[SERIES][0].sum(dim=0, keepdim=True).numpy())
        added.append(share * np.concatenate(parts).astype(np.float64))
        if IMAGES in given:
            by_image.append(share * float(given[IMAGES].sum()))
        if seen is not None:
            maps.append(_map(module, as_tokens, seen, k))
    if SERIES in batch.tokens:
        names.append(SERIES_TITLE)
    # a column that is at its mean, or is missing, adds nothing
    used = np.flatnonzero(np.abs(added).max(axis=0) > 0)
    there = IMAGES in batch.tokens and bool(batch[IMAGES].present[0])
    return Explanation(
        tuple(name for _, name in classes),
        tuple(names[place] for place in used),
        None,
        np.array(added)[:, used],
        np.array(by_image) if there else None,
        np.stack(maps) if maps else None,
    )


def _map(module: nn.Module, tokens: Mapping[str, Tokens], seen: Seen, k: int) -> np.ndarray:
    mask = tokens[IMAGES].mask

    def logit(values: Tensor) -> Tensor:
        whole = {**tokens, IMAGES: Tokens(values[:, :, None], mask)}
        return module(Batch(whole))[:, k]

    picture = torch.from_numpy(seen.pixels[seen.shown])[None, None]
    return grad_cam(seen.encoder.network.encoder, picture, seen.score(logit))[0].numpy()
