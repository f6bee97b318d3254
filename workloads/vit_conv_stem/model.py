"""The vision transformers of "Early Convolutions Help Transformers See Better" (arXiv 2106.14881, Tables 1 and 2).

ViT-P and ViT-C differ in the stem and in one transformer block, which ViT-C gives up to pay for its convolutions.

Shape suffixes: B images of a batch, C channels, H height, W width, T patch tokens, L = T + 1 tokens with the class
token first, D width of the model, K classes.
"""
# ruff: noqa: N803, N806 - shape suffixes are capitals

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.layers.attention import LAYER_NORM_EPSILON, BlockConfig, TransformerBlock
from workloads.vit_conv_stem import stem
from workloads.vit_conv_stem.stem import Stem, StemConfig

POSITION_STD = 0.02
INFERENCE_HEAD_STD = 0.02
"""Of a head that nobody will train: zero weights would answer every image with the same logits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViTConfig:
    """One model of the family; ``image_size`` in pixels must be a multiple of the stem's stride.

    ``head_std`` is the standard deviation of the head's weights at first; the paper's is 0.
    """

    block: BlockConfig
    blocks: int
    stem: StemConfig
    image_size: int = 224
    classes: int = 1000
    head_std: float = 0.0

    def __post_init__(self) -> None:
        if self.image_size % self.stem.stride:
            raise ValueError(f"image size {self.image_size} is no multiple of the stem's stride {self.stem.stride}")

    @property
    def patches(self) -> int:
        """Patch tokens of an image, T."""
        return (self.image_size // self.stem.stride) ** 2


class VisionTransformer(nn.Module):
    """BCHW image to logits BK, read from the class token. A head that starts at zero makes the first loss ln K."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        width = config.block.width
        self.stem = Stem(config.stem, width)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, config.patches + 1, width))
        self.blocks = nn.Sequential(*(TransformerBlock(config.block) for _ in range(config.blocks)))
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.head = nn.Linear(width, config.classes)
        self._initialise(config.head_std)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return logits BK."""
        return self.classify(self.embed(image_BCHW))

    def embed(self, image_BCHW: Tensor) -> Tensor:
        """Return the tokens BLD that enter the first block: class token, then patches by row, positions added."""
        patches_BDHW: Tensor = self.stem(image_BCHW)
        patches_BTD = patches_BDHW.flatten(2).transpose(1, 2)
        class_B1D = self.class_token.expand(len(patches_BTD), -1, -1)
        return torch.cat((class_B1D, patches_BTD), dim=1) + self.positions

    def classify(self, x_BLD: Tensor) -> Tensor:
        """Return logits BK for embedded tokens. The order of all but the class token, the first, is without effect."""
        x_BLD = self.norm(self.blocks(x_BLD))
        logits_BK: Tensor = self.head(x_BLD[:, 0])
        return logits_BK

    def _initialise(self, head_std: float) -> None:
        nn.init.normal_(self.positions, std=POSITION_STD)
        nn.init.normal_(self.head.weight, std=head_std)
        nn.init.zeros_(self.head.bias)


_TINY = BlockConfig(width=192, heads=3, mlp_ratio=3)
_SMALL = BlockConfig(width=384, heads=6, mlp_ratio=3)
_BASE = BlockConfig(width=768, heads=12)
_LARGE = BlockConfig(width=1024, heads=16)
_LARGER = BlockConfig(width=1152, heads=18)

VIT_P_1GF = ViTConfig(block=_TINY, blocks=12, stem=stem.PATCHIFY)
VIT_P_4GF = ViTConfig(block=_SMALL, blocks=12, stem=stem.PATCHIFY)
VIT_P_16GF = ViTConfig(block=_SMALL, blocks=48, stem=stem.PATCHIFY)
VIT_P_18GF = ViTConfig(block=_BASE, blocks=12, stem=stem.PATCHIFY)
VIT_P_36GF = ViTConfig(block=_LARGE, blocks=14, stem=stem.PATCHIFY)
VIT_P_72GF = ViTConfig(block=_LARGER, blocks=22, stem=stem.PATCHIFY)
VIT_C_1GF = ViTConfig(block=_TINY, blocks=11, stem=stem.CONV_1GF)
VIT_C_4GF = ViTConfig(block=_SMALL, blocks=11, stem=stem.CONV_4GF)
VIT_C_16GF = ViTConfig(block=_SMALL, blocks=47, stem=stem.CONV_4GF)
VIT_C_18GF = ViTConfig(block=_BASE, blocks=11, stem=stem.CONV_18GF)
VIT_C_36GF = ViTConfig(block=_LARGE, blocks=13, stem=stem.CONV_18GF)
VIT_C_72GF = ViTConfig(block=_LARGER, blocks=22, stem=stem.CONV_18GF)  # the one pair that gives up no block
