"""Vectors of chest images by the encoder of the stage `train-images`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file

from fusehr.core.embed_schemas import fixed_lists
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import FINDINGS
from fusehr.core.image_schemas import image_vectors_table
from fusehr.core.params.images import ImageParams
from fusehr.models.networks.image_encoder import FindingsNet, pretrained_resnet, small_resnet
from fusehr.train.images.run import Encoder

WEIGHTS = "encoder.safetensors"


def fitted_image_encoder(folder: Path, params: ImageParams) -> Encoder | None:
    """The encoder that `folder` (data/train/images) holds; None where no film was to be had.

    Raises InputError where its weights are not those of `params`, the block `train.images`.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        if (folder / "fitted.json").is_file():
            return None
        raise InputError(f"{path}: expected an image encoder, found none; run `dvc repro`")
    state = load_file(path)
    mean, std = state.pop("vector.mean"), state.pop("vector.std")
    if params.encoder == "resnet":
        body = small_resnet(params.resnet, params.augmentation, dtype=params.dtype)
    else:
        body = pretrained_resnet(
            params.encoder.removeprefix("hf:"),
            params.augmentation,
            dtype=params.dtype,
            parameter="train.images.encoder",
        )
    network = FindingsNet(body, len(FINDINGS))
    expected = network.state_dict() if params.encoder == "resnet" else network.last.state_dict()
    prefix = "" if params.encoder == "resnet" else "last."
    shapes = {f"{prefix}{key}": value.shape for key, value in expected.items()}
    if shapes != {key: value.shape for key, value in state.items()}:
        raise InputError(
            f"{path}: expected weights of the encoder in train.images, found others; "
            "run `dvc repro`"
        )
    network.load_state_dict({**network.state_dict(), **state})
    return Encoder(network.eval(), mean, std, 0, state)


def write_image_vectors(
    folder: Path, image_ids: list[str], pixels: np.ndarray, encoder: Encoder
) -> None:
    """Write `vectors` of images, uint8 (n, h, w), into `folder`."""
    vectors = np.empty((0, len(encoder.mean)), dtype=np.float32)
    if image_ids:
        vectors = encoder.vectors(torch.from_numpy(pixels)[:, None]).numpy()
    table = pa.table(
        {"image_id": pa.array(image_ids, pa.string()), "vector": fixed_lists(vectors)},
        schema=image_vectors_table(vectors.shape[1]).arrow(),
    )
    pq.write_table(table, folder / "vectors.parquet")
