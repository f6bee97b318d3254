"""Mixup (arXiv 1710.09412), CutMix (1905.04899) and smoothed labels, one of the two mixings drawn for each batch.

Shape suffixes: B images of a batch, C channels, H height, W width, K classes. Every random number is drawn on the
host: a training step waits for nothing.
"""
# ruff: noqa: N803, N806 - shape suffixes are capitals

import math
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MixingConfig:
    """Strength of the mixing: parameters of the symmetric beta distributions, and of label smoothing."""

    mixup_alpha: float = 0.8
    cutmix_alpha: float = 1.0
    smoothing: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Half-open pixel ranges ``top:bottom`` and ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Pixels inside."""
        return (self.bottom - self.top) * (self.right - self.left)


class BatchMixer:
    """Turns images and labels into mixed images and soft targets; every image is mixed with its neighbour."""

    def __init__(self, classes: int, *, seed: int, config: MixingConfig | None = None) -> None:
        self.classes = classes
        self.config = MixingConfig() if config is None else config
        self._random = Random(seed)

    def __call__(self, images_BCHW: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return images BCHW, never the tensor given, and targets BK whose rows sum to 1."""
        targets_BK = smooth_labels(labels_B, self.classes, self.config.smoothing)
        if self._random.random() < 0.5:  # noqa: PLR2004 - a fair coin
            weight = self._random.betavariate(self.config.mixup_alpha, self.config.mixup_alpha)
            return mixup(images_BCHW, targets_BK, weight)
        weight = self._random.betavariate(self.config.cutmix_alpha, self.config.cutmix_alpha)
        height, width = images_BCHW.shape[-2:]
        return cutmix(images_BCHW, targets_BK, draw_box(height, width, 1 - weight, self._random))


def smooth_labels(labels_B: Tensor, classes: int, smoothing: float) -> Tensor:
    """Return targets BK: 1 - smoothing + smoothing / K for the label, smoothing / K for every other class."""
    targets_BK = torch.full((len(labels_B), classes), smoothing / classes, device=labels_B.device)
    return targets_BK.scatter_(1, labels_B[:, None], 1 - smoothing + smoothing / classes)


def mixup(images_BCHW: Tensor, targets_BK: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Return ``weight`` of each image and its target plus the rest of its neighbour's."""
    return _blend(images_BCHW, weight), _blend(targets_BK, weight)


def cutmix(images_BCHW: Tensor, targets_BK: Tensor, box: Box) -> tuple[Tensor, Tensor]:
    """Return the images with their neighbour's pixels in the box; targets go by the area really pasted."""
    height, width = images_BCHW.shape[-2:]
    mixed_BCHW = images_BCHW.clone()
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    mixed_BCHW[:, :, rows, columns] = _neighbours(images_BCHW)[:, :, rows, columns]
    return mixed_BCHW, _blend(targets_BK, 1 - box.area / (height * width))


def draw_box(height: int, width: int, fraction: float, random: Random) -> Box:
    """Return a box of about ``fraction`` of the image around a random centre, clipped at the border."""
    half_height = int(height * math.sqrt(fraction)) // 2
    half_width = int(width * math.sqrt(fraction)) // 2
    row, column = random.randrange(height), random.randrange(width)
    return Box(
        top=max(row - half_height, 0),
        bottom=min(row + half_height, height),
        left=max(column - half_width, 0),
        right=min(column + half_width, width),
    )


def _neighbours(x_B: Tensor) -> Tensor:
    """Return the batch turned by one, so that nobody is its own neighbour in a batch of two or more."""
    return x_B.roll(1, dims=0)


def _blend(x_B: Tensor, weight: float) -> Tensor:
    return torch.lerp(_neighbours(x_B), x_B, weight)
