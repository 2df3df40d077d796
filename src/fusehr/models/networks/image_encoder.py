"""Pictures to vectors: a small ResNet trained from scratch, or a pretrained one.

Reference: He et al., Deep residual learning for image recognition, CVPR 2016.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
from kornia.geometry.transform import resize
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModel, ResNetConfig, ResNetModel

from fusehr.core.frame.errors import InputError
from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.models.networks.augmentation import Augmentation

Dtype = Literal["bfloat16", "float32"]


class ImageEncoder(nn.Module):
    """A convolutional body over standardised pictures; its last map averaged is the vector.

    body: of pictures, gives an object whose `last_hidden_state` is (n, width, h', w'); scale: from
    brightness 0 to 1 to what the body sees. Training computes in `dtype`, evaluation in float32:
    in bfloat16 a picture's last bits depend on how many stand beside it.
    """

    def __init__(
        self,
        body: nn.Module,
        width: int,
        scale: nn.Module,
        augmentation: AugmentationParams,
        *,
        dtype: Dtype,
    ) -> None:
        super().__init__()
        # weights laid out as pictures are: a third faster on processors
        self.body = body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.width = width
        self.scale = scale
        self.augmentation = Augmentation(augmentation)
        self.reduced = dtype == "bfloat16"

    def standardised(self, pixels: Tensor) -> Tensor:
        """Bytes (n, 1, h, w) as the body sees them, augmented in training mode; floats unchanged.

        Floats are taken as standardised already, so that gradients can be had of them; 0 is then
        the mean brightness of the train pictures.
        """
        if pixels.is_floating_point():
            return pixels
        return self.scale(self.augmentation(pixels.float() / 255))

    def feature_map(self, pixels: Tensor) -> Tensor:
        """Bytes (n, 1, h, w), or pictures standardised already -> float32 (n, width, h', w')."""
        pictures = self.standardised(pixels).contiguous(memory_format=torch.channels_last)
        reduced = self.training and self.reduced
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=reduced):
            maps = self.body(pictures).last_hidden_state
        return maps.float()

    def pool(self, maps: Tensor) -> Tensor:
        """(n, width, h', w') -> (n, width)."""
        return maps.mean(dim=(2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """Bytes (n, 1, h, w), or pictures standardised already -> float32 (n, width)."""
        return self.pool(self.feature_map(pixels))


class FindingsNet(nn.Module):
    """An encoder, and a logit of each finding linear in its vector."""

    def __init__(self, encoder: ImageEncoder, n_findings: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.last = nn.Linear(encoder.width, n_findings)

    def forward(self, pixels: Tensor) -> Tensor:
        """Bytes (n, 1, h, w) -> logits (n, n_findings)."""
        return self.last(self.encoder(pixels))


class FixedScale(nn.Module):
    """As a pretrained body was fed: grey as `channels` equal colours, resized, standardised.

    mean, std: of each colour; size: pixels on either side.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float], size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Brightness 0 to 1, (n, 1, h, w) -> (n, channels, *size)."""
        return (resize(pictures, self.size) - self.mean) / self.std


def small_resnet(
    params: ResNetParams, augmentation: AugmentationParams, *, dtype: Dtype
) -> ImageEncoder:
    """With fresh weights, for one grey channel. A quarter of the size at the first stage.

    Brightness is standardised by the mean and variance of the batch while training, and by those
    over all of training afterwards: train pictures' alone, and none of a picture's neighbours.
    """
    config = ResNetConfig(
        num_channels=1,
        embedding_size=params.embedding_size,
        hidden_sizes=params.widths,
        depths=params.depths,
        layer_type="basic",
        downsample_in_first_stage=False,
    )
    scale = nn.BatchNorm2d(1, affine=False, momentum=None)
    return ImageEncoder(ResNetModel(config), params.widths[-1], scale, augmentation, dtype=dtype)


def pretrained_resnet(
    name: str, augmentation: AugmentationParams, *, dtype: Dtype, parameter: str
) -> ImageEncoder:
    """The model of transformers at `name`, a folder or an id of the hub.

    parameter: that `name` came from, for messages. Raises InputError where there is none, where it
    makes no feature maps, or does not say how its pictures were prepared.
    """
    folder = _folder(name, parameter)
    size, mean, std = _preparation(folder)
    try:
        body: Any = AutoModel.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"params.yaml: {parameter}: expected a model of transformers, found: {reason}"
        ) from None
    widths = getattr(body.config, "hidden_sizes", None)
    channels = getattr(body.config, "num_channels", None)
    if not widths or channels != len(mean):
        raise InputError(
            f"params.yaml: {parameter}: expected a convolutional model of {len(mean)} channels "
            f"such as microsoft/resnet-50, found {body.config.model_type}"
        )
    return ImageEncoder(body, widths[-1], FixedScale(mean, std, size), augmentation, dtype=dtype)


def load_fitted(encoder: ImageEncoder, path: Path) -> None:
    """Give `encoder` the weights in `path`, as the stage train-images writes them.

    Raises InputError where there are none, or those of a network of another size.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: expected weights of train-images with encoder resnet, found none"
        )
    prefix = "encoder."
    weights = {
        key.removeprefix(prefix): value
        for key, value in load_file(path).items()
        if key.startswith(prefix)
    }
    expected = {key: value.shape for key, value in encoder.state_dict().items()}
    found = {key: value.shape for key, value in weights.items()}
    if found != expected:
        raise InputError(
            f"{path}: expected weights of a ResNet of the recipe's own size, found others: "
            "see recipes.triage_fusion.resnet and train.images.resnet"
        )
    encoder.load_state_dict(weights)


def _folder(name: str, parameter: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors"]))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise InputError(
            f"params.yaml: {parameter}: expected a folder or a model of the hub, found {name} "
            f"({type(error).__name__})"
        ) from None


def _preparation(folder: Path) -> tuple[tuple[int, int], list[float], list[float]]:
    """Size, mean and deviation that the model's pictures had."""
    path = folder / "preprocessor_config.json"
    try:
        told = json.loads(path.read_text())
        size = told["size"]
        if not isinstance(size, dict):
            size = {"shortest_edge": size}
        height, width = (size.get(side) or size["shortest_edge"] for side in ("height", "width"))
        return (int(height), int(width)), list(told["image_mean"]), list(told["image_std"])
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file of the encoder, found none") from None
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: expected size, image_mean and image_std, found: {error}"
        ) from None
