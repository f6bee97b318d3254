# ruff: noqa: N803, N806 - shape suffixes are capitals
"""Residual blocks and the four-stage backbone of ResNet (He et al., arXiv 1512.03385).

Shape suffixes: B images of a batch, C channels, H height, W width. The bottleneck has its stride in the 3x3
convolution, which is what is meant today when a ResNet's cost is quoted, and not in the first 1x1 as in the paper.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from workloads.layers.convolution import conv_norm, conv_norm_relu


class ResidualBlock(nn.Module):
    """relu(branch(x) + shortcut(x)); the shortcut projects only where the shape changes: BCHW to BCHW."""

    expansion: int

    def __init__(self, branch: nn.Sequential, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = branch
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride=stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm whose output is added to the shortcut."""
        norm = self.branch[-1].get_submodule("1")
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - for the type
        return norm

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the block's output; side divided by its stride."""
        return functional.relu(self.branch(x_BCHW) + self.shortcut(x_BCHW), inplace=True)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions (ResNet-18 and 34); output channels = ``width``."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        branch = nn.Sequential(conv_norm_relu(inputs, width, 3, stride=stride), conv_norm(width, width, 3))
        super().__init__(branch, inputs, width, stride)


class Bottleneck(ResidualBlock):
    """1x1, 3x3 and 1x1 convolutions (ResNet-50 and deeper); output channels = 4 x ``width``."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        outputs = self.expansion * width
        branch = nn.Sequential(
            conv_norm_relu(inputs, width, 1),
            conv_norm_relu(width, width, 3, stride=stride),
            conv_norm(width, outputs, 1),
        )
        super().__init__(branch, inputs, outputs, stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneConfig:
    """Blocks and inner widths of the stages; every stage but the first halves the side."""

    block: type[BasicBlock] | type[Bottleneck]
    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem_width: int = 64

    @property
    def output_channels(self) -> int:
        """Channels of the last stage's output."""
        return self.widths[-1] * self.block.expansion


class ResidualBackbone(nn.Module):
    """A 7x7 stride-2 stem, a max pool and the stages: features at 1/4, 1/8, 1/16 and 1/32 of the image's side."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stem = nn.Sequential(conv_norm_relu(3, config.stem_width, 7, stride=2), pool)
        self.stages = nn.ModuleList()
        channels = config.stem_width
        for index, (depth, width) in enumerate(zip(config.depths, config.widths, strict=True)):
            self.stages.append(_stage(config.block, channels, width, depth, stride=1 if index == 0 else 2))
            channels = width * config.block.expansion
        self.apply(_initialise)

    def forward(self, image_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Return one feature map a stage, finest first, each BCHW."""
        features: list[Tensor] = []
        x_BCHW: Tensor = self.stem(image_BCHW)
        for stage in self.stages:
            x_BCHW = stage(x_BCHW)
            features.append(x_BCHW)
        return tuple(features)


def _stage(block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, depth: int, stride: int) -> nn.Module:
    outputs = width * block.expansion
    return nn.Sequential(block(inputs, width, stride), *(block(outputs, width, 1) for _ in range(depth - 1)))


def _initialise(module: nn.Module) -> None:
    """Keep the variance of the gradients through ReLU layers (He et al., arXiv 1502.01852, fan-out form)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
