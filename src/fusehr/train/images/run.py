"""Fit the image encoder on the pool, and write a vector of each of the cohort's images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from fusehr.core.cohort import split_sha
from fusehr.core.embed_schemas import fixed_lists
from fusehr.core.frame.files import read_parquet, write_json, write_parquet
from fusehr.core.frame.schemas import FINDINGS, IMAGES
from fusehr.core.frame.stage import say
from fusehr.core.image_schemas import image_vectors_table
from fusehr.core.params.images import ImageParams
from fusehr.core.seeding import seed_of
from fusehr.models.networks.image_encoder import (
    FindingsNet,
    FixedScale,
    ImageEncoder,
    pretrained_resnet,
    small_resnet,
)
from fusehr.train.images.fitting import auroc_by_finding, fit_findings, predicted
from fusehr.train.images.pool import Pool, read_pool

REPORTED = "lung_opacity"


@dataclass(frozen=True)
class Encoder:
    """A fitted encoder: films to standardised features and logits of findings.

    mean, std: float32 (dimension,) of the pool's train part. learnt: state of what was fitted here.
    """

    network: FindingsNet
    mean: Tensor
    std: Tensor
    best_epoch: int
    learnt: dict[str, Tensor]

    def vectors(self, pixels: Tensor) -> Tensor:
        """Bytes (n, 1, h, w) -> float32 (n, dimension)."""
        return (_raw_vectors(self.network, pixels) - self.mean) / self.std


def train_images(tables: Path, folder: Path, params: ImageParams) -> dict[str, Any]:
    """Fill `folder` (data/train/images) from `tables` (data/tables); what to show of it as metrics.

    The pool's people are no part of the cohort, so that no vector was fitted on its own patient,
    whatever the split. Raises InputError where one is, or where the encoder is not to be had.
    """
    torch.set_num_threads(params.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed_of("train-images", params.seed))
    pool = read_pool(tables, holdout_share=params.holdout_share, seed=params.seed)
    about: dict[str, Any] = {"encoder": _name(params), "split_sha": split_sha(tables)}
    if not len(pool):
        dimension = params.resnet.widths[-1] + len(FINDINGS)
        _write_vectors(folder, [], np.empty((0, dimension), dtype=np.float32))
        write_json(folder / "fitted.json", {**about, "epochs": 0, "films": 0})
        say("train-images: the source has no labelled films, so no image has a vector")
        return {"holdout_auroc": {}}
    encoder = fit_encoder(pool, params)
    logits = encoder.network.last(_features(encoder.network, pool.pixels)).detach()
    by_finding = auroc_by_finding(logits, pool)
    images = read_parquet(tables / "images.parquet", IMAGES).dropna(subset=["pixel_row"])
    images = images.sort_values("image_id", ignore_index=True)
    pixels = np.load(tables / "images.npy", mmap_mode="r")[images["pixel_row"].astype(int)]
    if len(images):
        vectors = encoder.vectors(torch.from_numpy(np.array(pixels))[:, None]).numpy()
    else:
        vectors = np.empty((0, len(encoder.mean)), dtype=np.float32)
    _write_vectors(folder, images["image_id"].tolist(), vectors)
    state = {**encoder.learnt, "vector.mean": encoder.mean, "vector.std": encoder.std}
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "encoder.safetensors")
    mean, std = _brightness(encoder.network.encoder)
    about |= {
        "pixels": {"mean": mean, "std": std},
        "epochs": params.epochs,
        "best_epoch": encoder.best_epoch,
        "films": len(pool),
        "holdout_films": len(pool.holdout),
        "holdout_auroc": by_finding,
    }
    write_json(folder / "fitted.json", about)
    known = [value for value in by_finding.values() if value is not None]
    shown = {"macro": round(float(np.mean(known)), 4)} if known else {}
    if (reported := by_finding[REPORTED]) is not None:
        shown[REPORTED] = reported
    say(
        f"train-images: {_name(params)} on {len(pool.train)} films, best of {params.epochs} epochs "
        f"{encoder.best_epoch}; {len(images)} vectors; hold-out AUROC "
        + ", ".join(f"{name} {value:.3f}" for name, value in sorted(shown.items()))
    )
    return {"holdout_auroc": shown}


def fit_encoder(pool: Pool, params: ImageParams) -> Encoder:
    """A ResNet fitted whole, or a linear probe on a pretrained one whose weights stay."""
    n = len(FINDINGS)
    if params.encoder == "resnet":
        body = small_resnet(params.resnet, params.augmentation, dtype=params.dtype)
        network = FindingsNet(body, n)
        best_epoch = fit_findings(network, pool.pixels, pool, params)
        learnt = dict(network.state_dict())
    else:
        body = pretrained_resnet(
            params.encoder.removeprefix("hf:"),
            params.augmentation,
            dtype=params.dtype,
            parameter="train.images.encoder",
        )
        network = FindingsNet(body, n)
        best_epoch = fit_findings(network.last, _features(network, pool.pixels), pool, params)
        learnt = {f"last.{key}": value for key, value in network.last.state_dict().items()}
    raw = _raw_vectors(network, pool.pixels[pool.train])
    std = raw.std(dim=0, correction=0)
    std[std < torch.finfo(torch.float32).eps] = 1.0  # a feature that is the same on all films
    return Encoder(network, raw.mean(dim=0), std, best_epoch, learnt)


def _features(network: FindingsNet, pixels: Tensor) -> Tensor:
    return predicted(network.encoder, pixels)


@torch.no_grad()
def _raw_vectors(network: FindingsNet, pixels: Tensor) -> Tensor:
    features = _features(network, pixels)  # (n, width)
    return torch.cat([features, network.last(features)], dim=1)


def _brightness(encoder: ImageEncoder) -> tuple[list[float], list[float]]:
    """Mean and deviation of brightness (0 to 1) that pictures are standardised by, by channel."""
    scale = encoder.scale
    if isinstance(scale, FixedScale):
        return scale.mean.flatten().tolist(), scale.std.flatten().tolist()
    assert isinstance(scale, nn.BatchNorm2d)
    assert scale.running_mean is not None and scale.running_var is not None
    return scale.running_mean.tolist(), scale.running_var.sqrt().tolist()


def _name(params: ImageParams) -> str:
    # a folder's last part: outputs hold no path of this computer
    return params.encoder.rstrip("/").rsplit("/", 1)[-1]


def _write_vectors(folder: Path, image_ids: list[str], vectors: np.ndarray) -> None:
    table = pa.table({"image_id": pa.array(image_ids, pa.string()), "vector": fixed_lists(vectors)})
    write_parquet(folder / "vectors.parquet", table, image_vectors_table(vectors.shape[1]))
