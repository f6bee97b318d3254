"""Images made from their class label: cheap, seeded and learnable, for payloads that are given no data set.

They stand in for photographs where speed is measured. An error rate on them says nothing about photographs.

A class is an oriented grating of its own direction, frequency and colour; an image of it has a phase of its own and
noise. The phase is random, so no pixel tells the class by itself and the mean image of every class is grey.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NOISE_STD = 0.5
"""Standard deviation of the pixel noise; signal and noise together have unit variance."""

_LOWEST_FREQUENCY, _HIGHEST_FREQUENCY = 2.0, 8.0  # cycles a side: at least four pixels a cycle from 32 pixels up
_GOLDEN_RATIOS = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Steps of the most even sequence in three dimensions (the generalised golden ratio g, g**4 = g + 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBatch:
    """Images and the class of each: BCHW float32, standardised, and B int64."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class GratingImages:
    """Draws batches of standardised 3-channel images of ``side`` x ``side`` pixels."""

    classes: int
    side: int

    def draw(self, count: int, generator: torch.Generator) -> ImageBatch:
        """Return ``count`` new images, with labels drawn evenly."""
        labels = torch.randint(self.classes, (count,), generator=generator)
        phase = 2 * math.pi * torch.rand(count, 1, generator=generator)
        images = torch.empty(count, 3 * self.side, self.side).normal_(std=NOISE_STD, generator=generator)
        rows, columns = self._factors(labels, phase)
        images.baddbmm_(rows, columns)
        return ImageBatch(images=images.view(count, 3, self.side, self.side), labels=labels)

    def _factors(self, labels: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        """Return factors (B, 3 * side, 2) and (B, 2, side) whose product is the coloured gratings.

        sin(u + v) = sin u cos v + cos u sin v: with u along the rows and v along the columns, sines are taken of
        2 x side numbers an image and not of side x side.
        """
        direction, frequency, colour = _look(labels)
        axis = torch.linspace(0, 2 * math.pi, self.side)
        down = frequency * direction.sin() * axis + phase
        across = frequency * direction.cos() * axis
        rows = torch.stack((down.sin(), down.cos()), dim=-1)
        coloured = colour[:, :, None, None] * rows[:, None]
        return coloured.flatten(1, 2), torch.stack((across.cos(), across.sin()), dim=1)


def _look(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return direction (B, 1) in radians, frequency (B, 1) in cycles a side, and colour (B, 3) of each label."""
    u = torch.frac((labels[:, None] + 1) * torch.tensor(_GOLDEN_RATIOS, dtype=torch.float64)).float()
    direction = math.pi * u[:, :1]
    frequency = _LOWEST_FREQUENCY * (_HIGHEST_FREQUENCY / _LOWEST_FREQUENCY) ** u[:, 1:2]
    hue = 2 * math.pi * (u[:, 2:] + torch.arange(3) / 3)
    # The three cosines of a hue have squares that sum to 3/2, and a sine's mean square is 1/2.
    amplitude = math.sqrt(4 * (1 - NOISE_STD**2))
    return direction, frequency, amplitude * hue.cos()
