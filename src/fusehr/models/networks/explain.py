"""What a network's logit owes to each token of a sample, and to each place in a picture.

Attention is not contribution (Jain & Wallace, Attention is not explanation, NAACL 2019): a weight
says how much of a token enters a pooled vector, neither whether the class's logit rises by it nor
whether it changes at all. So attributions are computed for themselves, and both are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from fusehr.models.networks.batch import Batch, Tokens

if TYPE_CHECKING:  # networks without pictures need not wait for its libraries
    from fusehr.models.networks.image_encoder import ImageEncoder


@runtime_checkable
class Attends(Protocol):
    """A network that pools tokens by attention."""

    def attend(self, batch: Batch) -> dict[str, Tensor]:
        """For some modalities, weights (b, k) over a sample's own tokens, summing to 1."""
        ...


@runtime_checkable
class Floats(Protocol):
    """A network some of whose tokens are bytes or words."""

    def floats(self, batch: Batch) -> Batch:
        """The same batch with floats in their place, of which it gives the same logits."""
        ...


@runtime_checkable
class SeesPictures(Protocol):
    """A network that may tell where in a picture it sees a class."""

    def grad_cam(self, batch: Batch, class_index: int) -> Tensor | None:
        """(b, h, w) from 0 to 1; None where it sees no pixels."""
        ...


def integrated_gradients(
    module: nn.Module, batch: Batch, class_index: int, steps: int
) -> dict[str, Tensor]:
    """For each modality (b, k): what each token adds to the logit of a class, against zeros.

    The gradient is integrated along the straight line from tokens of zeros to the batch's own, all
    modalities together; which tokens are there stays as it is. Zero is the train mean of series,
    pictures and image vectors, and a text without a direction. Of a sample, all attributions sum to
    its logit minus that of zeros, but for the error of `steps` nodes. A picture's is the sum over
    its pixels. Leaves `module` in evaluation mode.

    References
    ----------
    Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017.
    """
    module.eval()
    with torch.no_grad():
        whole = module.floats(batch) if isinstance(module, Floats) else batch
    total = {name: torch.zeros_like(tokens.values) for name, tokens in whole.tokens.items()}
    for at, weight in _nodes(steps):
        scaled = {
            name: Tokens((at * tokens.values).requires_grad_(), tokens.mask)
            for name, tokens in whole.tokens.items()
        }
        with torch.enable_grad():
            logits = module(Batch(scaled))[:, class_index]
        # samples do not influence each other, so the gradient of the sum holds each one's own
        gradients = torch.autograd.grad(
            logits.sum(), [tokens.values for tokens in scaled.values()], allow_unused=True
        )
        for name, gradient in zip(scaled, gradients, strict=True):
            if gradient is not None:
                total[name] += weight * gradient
    return {
        name: (total[name] * tokens.values).flatten(start_dim=2).sum(dim=2) * tokens.mask
        for name, tokens in whole.tokens.items()
    }


def _nodes(steps: int) -> list[tuple[float, float]]:
    """Nodes in (0, 1) and their weights: Gauss-Legendre in the square root of the place.

    Near zeros they are dense: a layer norm on the tokens lets the logit change there most.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    root = (nodes + 1) / 2
    return [(float(r**2), float(w * r)) for r, w in zip(root, weights, strict=True)]


def grad_cam(encoder: ImageEncoder, pixels: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Where in pictures (n, 1, h, w) a score is seen: (n, h, w), 0 to 1, the brightest place 1.

    score: of the encoder's vectors (n, width), gives (n,), such as a class's logit. The encoder's
    last maps are summed by how much each raises the score, what lowers it is left out, and the rest
    enlarged. A picture in which nothing raises it is 0 throughout. Leaves `encoder` in evaluation
    mode.

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    encoder.eval()
    with torch.enable_grad():
        maps = encoder.feature_map(pixels).detach().requires_grad_()  # (n, width, h', w')
        (gradient,) = torch.autograd.grad(score(encoder.pool(maps)).sum(), maps)
    importance = gradient.mean(dim=(2, 3), keepdim=True)  # (n, width, 1, 1)
    seen = (importance * maps.detach()).sum(dim=1, keepdim=True).relu()  # (n, 1, h', w')
    size = (pixels.shape[-2], pixels.shape[-1])
    large = interpolate(seen, size=size, mode="bilinear", align_corners=False)[:, 0]
    brightest = large.amax(dim=(1, 2), keepdim=True)  # (n, 1, 1)
    return torch.where(brightest > 0, large / brightest, 0.0)
