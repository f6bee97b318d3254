"""Weights on which a training step can be checked, in place of a fresh model's for the time being.

A fresh model can make gradients useless for a comparison. A head of zeros lets none through. And behind a batch norm,
half of what a ReLU sees lies around zero: whatever rounding moves across is on in one engine and off in the other, and
deep networks make more of it with each layer, until the gradients of two correct engines have nothing in common.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

PROBE_SEED = 20_210_628
PROBE_STD = 0.02
"""Of weights in place of zeros: as small as a transformer's are at first."""
PROBE_SHIFT = 3.0
"""Standard deviations by which batch norms move what they put out away from zero, each channel up or down."""


@contextmanager
def probe_weights(model: nn.Module) -> Iterator[None]:
    """Inside, parameters that were wholly zero are small random numbers, and batch norms keep clear of zero.

    The random numbers are always the same. Changed in place and put back: an engine may know where weights lie.
    """
    generator = torch.Generator().manual_seed(PROBE_SEED)
    shifts = [layer.bias for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.affine]
    zero = [value for value in model.parameters() if not bool(value.any())]
    kept = [(value, value.detach().to("cpu", copy=True)) for value in {*zero, *shifts}]
    with torch.no_grad():
        for value in zero:
            value.copy_(torch.randn(value.shape, generator=generator) * PROBE_STD)
        for shift in shifts:
            shift.copy_((2 * torch.randint(0, 2, shift.shape, generator=generator) - 1) * PROBE_SHIFT)
    try:
        yield
    finally:
        with torch.no_grad():
            for value, before in kept:
                value.copy_(before)
