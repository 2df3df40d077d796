"""MediLLM's fusion: a vector of the notes and one of the chest image, side by side.

As published, one layer with ReLU and dropout stands between both vectors and the classes. Changed:
the text vector is pooled from sentences by attention, so that each has a weight, and a learned
vector stands where text or image is missing.
"""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.explain import grad_cam
from fusehr.models.networks.hiding import ModalityDropout
from fusehr.models.networks.image_encoder import ImageEncoder
from fusehr.models.networks.projectors import Missing
from fusehr.models.networks.sentence_encoder import SentenceEncoder


class TextBranch(nn.Module):
    """Sentences to one vector: a layer each on its own, then `heads` weighted means side by side.

    input_width: of a sentence's vector. words: what makes vectors of words, where they are not
    given. Several heads find what matters among sentences sooner than one.

    References
    ----------
    Ilse et al., Attention-based deep multiple instance learning, ICML 2018.
    """

    def __init__(
        self,
        input_width: int,
        *,
        d_model: int,
        heads: int,
        dropout: float,
        words: SentenceEncoder | None = None,
    ) -> None:
        super().__init__()
        self.words = words
        self.input_width = input_width
        self.sentence = nn.Sequential(
            nn.Linear(input_width, d_model), nn.ReLU(), nn.Dropout(dropout)
        )
        self.scores = nn.Linear(d_model, heads)
        self.width = heads * d_model
        self.missing = Missing(self.width)

    def floats(self, tokens: Tokens) -> Tokens:
        """Sentences as vectors (b, k, input_width), whether they come so or as words (b, k, l)."""
        if self.words is None or tokens.values.is_floating_point():
            return tokens
        values = torch.zeros(*tokens.mask.shape, self.input_width)
        if tokens.mask.any():
            values[tokens.mask] = self.words(tokens.values[tokens.mask])
        return Tokens(values, tokens.mask)

    def weights(self, tokens: Tokens) -> Tensor:
        """Of sentences, words or vectors, (b, k): the mean over heads, 0 behind a sample's own."""
        weights, _ = self._attended(tokens)
        return weights.mean(dim=2)

    def forward(self, tokens: Tokens) -> Tensor:
        """Sentences, words or vectors, -> (b, width)."""
        weights, states = self._attended(tokens)
        pooled = einsum(weights, states, "b k h, b k d -> b h d")
        return self.missing.pooled(rearrange(pooled, "b h d -> b (h d)"), tokens.present)

    def _attended(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Weights (b, k, heads), summing to 1 over k where there is any, and states (b, k, d)."""
        # unit vectors have components of 1 / sqrt(width), too small for a layer's usual start
        states = self.sentence(self.floats(tokens).values * self.input_width**0.5)
        mask = rearrange(tokens.mask, "b k -> b k 1")
        # a sample without any has equal finite scores, as the softmax of none is not a number
        lowest = torch.finfo(states.dtype).min
        return self.scores(states).masked_fill(~mask, lowest).softmax(dim=1) * mask, states


class ImageBranch(nn.Module):
    """The first image to one vector. encoder: of pixels; None where vectors are given."""

    def __init__(self, width: int, encoder: ImageEncoder | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = width
        self.missing = Missing(width)

    def floats(self, tokens: Tokens) -> Tokens:
        """Pictures of bytes (b, k, 1, h, w) as the encoder's body sees them; floats unchanged."""
        if self.encoder is None or tokens.values.is_floating_point():
            return tokens
        pictures = self.encoder.standardised(rearrange(tokens.values, "b k ... -> (b k) ..."))
        values = rearrange(pictures, "(b k) ... -> b k ...", b=len(tokens.mask))
        shape = (*tokens.mask.shape, *[1] * (values.dim() - 2))
        return Tokens(values * tokens.mask.view(shape), tokens.mask)

    def vectors(self, images: Tensor) -> Tensor:
        """Images of samples that have one (n, ...) -> (n, width)."""
        return images if self.encoder is None else self.encoder(images)

    def forward(self, tokens: Tokens) -> Tensor:
        """Pictures (b, k, 1, h, w) or vectors (b, k, width), -> (b, width)."""
        present = tokens.present
        pooled = torch.zeros(len(present), self.width)
        # pictures of nothing would count in the moments that normalise the others
        if present.any():
            pooled[present] = self.vectors(tokens.values[present, 0])
        return self.missing.pooled(pooled, present)


class TriageFusion(nn.Module):
    """Vectors of `branches` (notes, images) concatenated -> Linear, ReLU, dropout -> `last`.

    hide_share: of training samples that lose one of two modalities (see ModalityDropout).
    """

    def __init__(
        self,
        text: TextBranch | None,
        image: ImageBranch | None,
        n_classes: int,
        *,
        hidden: int,
        dropout: float,
        hide_share: float,
    ) -> None:
        super().__init__()
        branches = {"notes": text, "images": image}
        self.branches = nn.ModuleDict({k: v for k, v in branches.items() if v is not None})
        width = sum(branch.width for branch in (text, image) if branch is not None)
        self.hide = ModalityDropout(hide_share)
        self.fuse = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.last = nn.Linear(hidden, n_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Notes and images, those of them that it sees, -> logits (b, n_classes)."""
        batch = self.hide(batch)
        return self._logits({name: branch(batch[name]) for name, branch in self.branches.items()})

    def attend(self, batch: Batch) -> dict[str, Tensor]:
        """Weights of sentences (b, k) in the vector of the notes; there is one image at most."""
        text = self._text
        if text is None:
            return {}
        return {"notes": text.weights(batch["notes"])}

    def floats(self, batch: Batch) -> Batch:
        """Words as vectors of sentences, bytes as standardised pictures: what has a gradient."""
        made = {name: self.get_submodule(f"branches.{name}") for name in self.branches}
        tokens = {
            name: branch.floats(batch[name])
            for name, branch in made.items()
            if isinstance(branch, TextBranch | ImageBranch)
        }
        return Batch({**batch.tokens, **tokens})

    def grad_cam(self, batch: Batch, class_index: int) -> Tensor | None:
        """Where in the first image of each sample a class is seen, (b, h, w) from 0 to 1.

        0 throughout for a sample without an image; None where images come as vectors.
        """
        image = self._image
        if image is None or image.encoder is None:
            return None
        tokens, present = batch["images"], batch["images"].present
        maps = torch.zeros(len(present), *tokens.values.shape[-2:])
        if not present.any():
            return maps
        with torch.no_grad():
            others = {
                name: branch(batch[name])[present]
                for name, branch in self.branches.items()
                if name != "images"
            }
        maps[present] = grad_cam(
            image.encoder,
            tokens.values[present, 0],
            lambda vectors: self._logits({**others, "images": vectors})[:, class_index],
        )
        return maps

    def _logits(self, vectors: dict[str, Tensor]) -> Tensor:
        whole = torch.cat([vectors[name] for name in self.branches], dim=1)
        return self.last(self.fuse(whole))

    @property
    def _text(self) -> TextBranch | None:
        branch = dict(self.branches.items()).get("notes")
        return branch if isinstance(branch, TextBranch) else None

    @property
    def _image(self) -> ImageBranch | None:
        branch = dict(self.branches.items()).get("images")
        return branch if isinstance(branch, ImageBranch) else None
