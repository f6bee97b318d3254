"""ResNet for classification (He et al., arXiv 1512.03385, Table 1)."""
# ruff: noqa: N803 - shape suffixes (B images, C channels, H height, W width, K classes) are capitals

from dataclasses import dataclass

from torch import Tensor, nn

from workloads.layers.residual import BackboneConfig, BasicBlock, Bottleneck, ResidualBackbone, ResidualBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetConfig:
    """A backbone and the number of classes told apart.

    ``branch_scale`` is what the last batch norm of each block multiplies by at first.
    """

    backbone: BackboneConfig
    classes: int = 1000
    branch_scale: float = 1.0


class ResNet(nn.Module):
    """The backbone's last stage, averaged over the image, and a linear head: BCHW to logits BK."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.backbone = ResidualBackbone(config.backbone)
        self.head = nn.Linear(config.backbone.output_channels, config.classes)
        for block in self.modules():
            if isinstance(block, ResidualBlock):
                nn.init.constant_(block.last_norm.weight, config.branch_scale)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return logits BK."""
        features: tuple[Tensor, ...] = self.backbone(image_BCHW)
        logits: Tensor = self.head(features[-1].mean(dim=(2, 3)))
        return logits


RESNET18 = BackboneConfig(block=BasicBlock, depths=(2, 2, 2, 2))
RESNET34 = BackboneConfig(block=BasicBlock, depths=(3, 4, 6, 3))
RESNET50 = BackboneConfig(block=Bottleneck, depths=(3, 4, 6, 3))
RESNET101 = BackboneConfig(block=Bottleneck, depths=(3, 4, 23, 3))
RESNET152 = BackboneConfig(block=Bottleneck, depths=(3, 8, 36, 3))
