"""The convolution, batch norm and activation that backbones and stems are made of."""

from torch import nn


def conv_norm(inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """Return an unbiased convolution with its batch norm; ``padding`` None keeps the side at stride 1 (odd kernels)."""
    pad = kernel // 2 if padding is None else padding
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=pad, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Return :func:`conv_norm` followed by a ReLU in place."""
    layers = conv_norm(inputs, outputs, kernel, stride=stride, padding=padding)
    layers.append(nn.ReLU(inplace=True))
    return layers
