"""Fewer dimensions: the first ones of a Matryoshka encoder, else principal components.

Principal components are fitted on train patients' texts. Where no patient is only ever trained on
(cross-validation), nothing is fitted: the projection is then a fixed random one. Either way the
result has length 1.

References
----------
Kusupati et al., Matryoshka representation learning, NeurIPS 2022.
Johnson and Lindenstrauss, Extensions of Lipschitz mappings into a Hilbert space, 1984.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_file
from fusehr.core.seeding import generator
from fusehr.models.text.encoder import unit
from fusehr.models.text.tfidf import signs

Method = Literal["matryoshka", "pca", "random", "none"]
WEIGHTS = "reduction.safetensors"


@dataclass(frozen=True)
class Reduction:
    """centre: float64 (d,); directions: float64 (d, width)."""

    method: Method
    centre: np.ndarray
    directions: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """float32 (n, d) -> float32 (n, width) of length 1, row by row the same in any company."""
        if self.method in ("matryoshka", "none"):
            return unit(vectors[:, : self.directions.shape[1]], "reduction")
        # einsum without BLAS: a matrix product's bits depend on the number of rows
        centred = vectors.astype(np.float64) - self.centre
        return unit(np.einsum("nd,dw->nw", centred, self.directions, optimize=False), "reduction")

    def save(self, folder: Path) -> None:
        """Write the projection into `folder`; `load` gives the same one."""
        with output_file(folder / WEIGHTS) as partial:
            arrays = {"centre": self.centre, "directions": self.directions}
            save_file(arrays, partial, metadata={"method": self.method})

    @staticmethod
    def load(folder: Path) -> Reduction:
        """The projection that `save` wrote."""
        with safe_open(folder / WEIGHTS, "np") as file:
            method: Any = file.metadata()["method"]
            return Reduction(method, file.get_tensor("centre"), file.get_tensor("directions"))


def first_dimensions(d: int, width: int) -> Reduction:
    """The first `width` of d dimensions, as a Matryoshka encoder allows."""
    return Reduction("matryoshka", np.zeros(d), np.eye(d, width))


def unchanged(d: int) -> Reduction:
    """All d dimensions."""
    return Reduction("none", np.zeros(d), np.eye(d))


def fit_pca(vectors: np.ndarray, width: int) -> Reduction:
    """Principal components of vectors (n, d), largest first; InputError with too few vectors."""
    n = len(vectors)
    if n <= width:
        raise InputError(
            f"params.yaml: embed.reduced_dimension: expected fewer than the {n} texts of train "
            f"patients, found {width}"
        )
    wide = vectors.astype(np.float64)
    centre = wide.mean(axis=0)
    _, components = np.linalg.eigh((wide - centre).T @ (wide - centre))  # ascending
    directions = components[:, ::-1][:, :width]
    return Reduction("pca", centre, np.ascontiguousarray(directions * signs(directions)))


def random_projection(d: int, width: int) -> Reduction:
    """A fixed rotation of d dimensions into `width` orthogonal ones."""
    draws = generator("embed", "projection", d, width).normal(size=(d, width))
    directions, _ = np.linalg.qr(draws)
    return Reduction("random", np.zeros(d), np.ascontiguousarray(directions * signs(directions)))
