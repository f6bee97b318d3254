"""Protects the ResNets' sizes, and the place of the stride in the bottleneck, which parameters do not show."""

import math

import pytest
import torch
from torch import nn

from workloads.complexity import count_activations, count_macs, count_parameters
from workloads.layers.residual import Bottleneck, ResidualBackbone
from workloads.resnet import model as resnet
from workloads.resnet.model import ResNet, ResNetConfig

# name, parameters, multiply-adds, activations in millions as arXiv 2106.14881 prints them (None: not printed)
SIZES = [
    ("RESNET18", 11_689_512, 1_814_073_344, None),
    ("RESNET34", 21_797_672, 3_663_761_408, None),
    ("RESNET50", 25_557_032, 4_089_184_256, 11.3),
    ("RESNET101", 44_549_160, 7_801_405_440, 16.4),
    ("RESNET152", 60_192_808, 11_513_626_624, 22.8),
]


def bottleneck_macs(side: int, inputs: int, width: int, stride: int) -> int:
    """Multiply-adds of one bottleneck by hand: three convolutions and, where the shape changes, the shortcut."""
    reduced = (side // stride) ** 2
    shortcut = reduced * inputs * 4 * width if stride > 1 or inputs != 4 * width else 0
    return side**2 * inputs * width + reduced * (9 * width**2 + 4 * width**2) + shortcut


def bottleneck_resnet_macs(depths: tuple[int, ...]) -> int:
    """Multiply-adds of a whole network at 224 pixels by hand."""
    total, side, inputs = 112**2 * 49 * 3 * 64, 56, 64
    for index, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512), strict=True)):
        stride = 1 if index == 0 else 2
        total += bottleneck_macs(side, inputs, width, stride)
        side, inputs = side // stride, 4 * width
        total += (depth - 1) * bottleneck_macs(side, inputs, width, 1)
    return total + 2048 * 1000


@pytest.mark.parametrize(("name", "parameters", "macs", "activations_m"), SIZES)
def test_published_size_is_met_exactly(name, parameters, macs, activations_m):
    with torch.device("meta"):
        model, image = ResNet(ResNetConfig(backbone=getattr(resnet, name))), torch.empty(1, 3, 224, 224)
    assert count_parameters(model) == parameters
    assert count_macs(model, image) == macs
    if activations_m is not None:
        assert count_activations(model, image) / 1e6 == pytest.approx(activations_m, rel=0.02)


@pytest.mark.parametrize("name", ["RESNET50", "RESNET101", "RESNET152"])
def test_counted_cost_agrees_with_arithmetic_by_hand(name):
    depths = getattr(resnet, name).depths
    assert bottleneck_resnet_macs(depths) == {size[0]: size[2] for size in SIZES}[name]


def test_the_bottleneck_strides_in_its_3x3():
    block = Bottleneck(64, 32, stride=2)
    strides = {layer.kernel_size: layer.stride for layer in block.branch.modules() if isinstance(layer, nn.Conv2d)}
    assert strides[(3, 3)] == (2, 2)
    assert strides[(1, 1)] == (1, 1)


def test_a_block_without_change_of_shape_has_no_projection():
    assert isinstance(Bottleneck(128, 32, stride=1).shortcut, nn.Identity)
    assert not isinstance(Bottleneck(64, 32, stride=1).shortcut, nn.Identity)


def test_backbone_gives_a_pyramid_for_detectors_and_segmenters():
    with torch.device("meta"):
        features = ResidualBackbone(resnet.RESNET50)(torch.empty(2, 3, 224, 224))
    assert [tuple(feature.shape) for feature in features] == [
        (2, 256, 56, 56),
        (2, 512, 28, 28),
        (2, 1024, 14, 14),
        (2, 2048, 7, 7),
    ]


def test_kernels_keep_the_variance_of_gradients():
    torch.manual_seed(0)
    backbone = ResidualBackbone(resnet.RESNET18)
    kernel = backbone.stages[3][1].branch[0][0].weight
    assert kernel.std().item() == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)


def test_activations_stay_finite_and_of_moderate_size_through_all_stages():
    torch.manual_seed(0)
    logits = ResNet(ResNetConfig(backbone=resnet.RESNET18, classes=10))(torch.randn(4, 3, 64, 64))
    assert logits.shape == (4, 10)
    assert logits.isfinite().all()
    assert logits.std() < 10
