"""Stems that turn an image into tokens: patchify, and stacks of small convolutions (arXiv 2106.14881, section 4).

Shape suffixes: B images of a batch, C channels, H height, W width.
"""
# ruff: noqa: N803 - shape suffixes are capitals

import math
from dataclasses import dataclass
from enum import Enum, auto

from torch import Tensor, nn

from workloads.layers.convolution import conv_norm_relu


class StemInitialisation(Enum):
    """The two ways in which the authors' code has drawn a convolutional stem; the paper does not say which it used.

    Batch norm makes the scale of a 3x3 kernel irrelevant to the output, but its gradient falls with the scale: large
    kernels change slowly. Thousands of steps even that out, a few hundred do not.
    """

    RELEASED = auto()
    """3x3: normal with a variance of 2 / channels out, so without the kernel's area; 1x1: 1 / channels out."""
    DRAFT = auto()
    """3x3: PyTorch's default, which is several times smaller; 1x1: normal with a variance of 2 / channels out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """Shape of one convolution in a stem; ``padding`` in pixels on each side."""

    channels: int
    kernel: int = 3
    stride: int = 2
    padding: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StemConfig:
    """Normalised convolutions, then the projection to the model's width, which has a bias and nothing after it.

    Without convolutions and with a large projection this is the patchify stem.
    """

    convolutions: tuple[Convolution, ...] = ()
    projection_kernel: int = 1
    input_channels: int = 3
    initialisation: StemInitialisation = StemInitialisation.RELEASED

    @property
    def stride(self) -> int:
        """Pixels between two tokens."""
        return math.prod(convolution.stride for convolution in self.convolutions) * self.projection_kernel


class Stem(nn.Module):
    """BCHW image to BCHW tokens, one for each square of ``config.stride`` pixels a side."""

    def __init__(self, config: StemConfig, width: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential()
        channels = config.input_channels
        for shape in config.convolutions:
            self.convolutions.append(
                conv_norm_relu(channels, shape.channels, shape.kernel, stride=shape.stride, padding=shape.padding)
            )
            channels = shape.channels
        self.projection = nn.Conv2d(channels, width, config.projection_kernel, stride=config.projection_kernel)
        self._initialise_projection(config.initialisation)
        if config.initialisation is StemInitialisation.RELEASED:
            self._initialise_convolutions()

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return the tokens as a map, BCHW with C the model's width."""
        tokens_BCHW: Tensor = self.projection(self.convolutions(image_BCHW))  # noqa: N806
        return tokens_BCHW

    def _initialise_projection(self, kind: StemInitialisation) -> None:
        """Draw the last convolution: by its fan-in when it makes patches of the image itself, else by its width."""
        weight, variance = self.projection.weight, 1 if kind is StemInitialisation.RELEASED else 2
        if len(self.convolutions):
            nn.init.normal_(weight, std=math.sqrt(variance / self.projection.out_channels))
        else:
            nn.init.trunc_normal_(weight, std=math.sqrt(1 / weight[0].numel()))
        nn.init.zeros_(self.projection.get_parameter("bias"))

    def _initialise_convolutions(self) -> None:
        for layer in self.convolutions.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.out_channels))


def doubling(first: int, strides: tuple[int, ...], *, input_channels: int = 3) -> StemConfig:
    """Return a stack of padded 3x3 convolutions: a stride of 2 doubles the channels, a stride of 1 keeps them.

    ``first`` is the width of the first one, whatever its stride.
    """
    widths = [first]
    for stride in strides[1:]:
        widths.append(widths[-1] * stride)
    shapes = zip(widths, strides, strict=True)
    convolutions = tuple(Convolution(channels=width, stride=stride) for width, stride in shapes)
    return StemConfig(convolutions=convolutions, input_channels=input_channels)


def patch_after(first: int, strides: tuple[int, int, int], patch: int) -> StemConfig:
    """Return an ablation stem: three padded 3x3 convolutions, a patchifying one, every width twice the last (Table 3).

    Whether the patchifying convolution is normalised is not stated; here it is, like all but the last.
    """
    padded = tuple(Convolution(channels=first * 2**index, stride=stride) for index, stride in enumerate(strides))
    patchifying = Convolution(channels=8 * first, kernel=patch, stride=patch, padding=0)
    return StemConfig(convolutions=(*padded, patchifying))


PATCHIFY = StemConfig(projection_kernel=16)
CONV_1GF = doubling(24, (2, 2, 2, 2))
CONV_4GF = doubling(48, (2, 2, 2, 2))
CONV_18GF = doubling(64, (2, 2, 1, 2, 1, 2))
ABLATION_S1 = patch_after(52, (2, 2, 2), 2)  # the paper prints 42, but its costs and its doubling rule both say 52
ABLATION_S2 = patch_after(32, (2, 2, 1), 4)
ABLATION_S3 = patch_after(17, (2, 1, 1), 8)
ABLATION_S4 = patch_after(8, (1, 1, 1), 16)
