"""What a model costs, counted and not measured: parameters, multiply-adds and activations of one forward pass.

Build the model and its example under ``torch.device("meta")`` to count in milliseconds and without memory.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
_OperatorCosts = Mapping[Any, Callable[..., int]]

_aten = torch.ops.aten


def attention_flops(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> int:
    """Return twice the multiply-adds of query x key and of weights x value, from shapes (..., tokens, width)."""
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def attention_backward_flops(_: Shape, query: Shape, key: Shape, value: Shape, *__: object, **___: object) -> int:
    """Return twice the multiply-adds of a fused backward pass, from shapes (..., tokens, width).

    Five products, as PyTorch counts for its other fused kernels: the logits again, and the gradients of weights, value,
    query and key (Dao et al., arXiv 2205.14135, algorithm 4).
    """
    return 2 * prod(query[:-1]) * key[-2] * (3 * query[-1] + 2 * value[-1])


CPU_ATTENTION: _OperatorCosts = {
    _aten._scaled_dot_product_flash_attention_for_cpu: attention_flops,
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward_flops,
}
"""FLOPs of the operators of the CPU that PyTorch's counter does not know."""


def count_parameters(model: nn.Module) -> int:
    """Return the number of scalars that an optimiser could change."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def count_macs(model: nn.Module, example: Tensor) -> int:
    """Return the multiply-adds of convolutions, linear layers and both attention products for ``example``.

    Biases, norms, softmax and activations are not counted, as usual where papers print "FLOPs". Counts the same on
    every device: PyTorch's counter does not know the CPU's fused attention, so it is taught that here.
    """
    return _count(model, example, CPU_ATTENTION) // 2


def count_activations(model: nn.Module, example: Tensor) -> int:
    """Return the number of scalars that convolutions and matrix products put out for ``example``.

    The measure of Dollár et al. (arXiv 2103.06877), which follows run time better than multiply-adds do. The attention
    logits count even where a fused kernel never writes them out.
    """
    matrix_operators = (_aten.convolution, _aten.mm, _aten.addmm, _aten.bmm, _aten.baddbmm)
    fused_attention = (
        _aten._scaled_dot_product_flash_attention_for_cpu,
        _aten._scaled_dot_product_flash_attention,
        _aten._scaled_dot_product_efficient_attention,
        _aten._scaled_dot_product_cudnn_attention,
    )
    costs = dict.fromkeys(matrix_operators, _outputs) | dict.fromkeys(fused_attention, _attention_outputs)
    return _count(model, example, costs)


def _count(model: nn.Module, example: Tensor, costs: _OperatorCosts) -> int:
    """Run the model as it infers and add up its operators, ``costs`` taking precedence over PyTorch's own FLOPs."""
    was_training = model.training
    with FlopCounterMode(display=False, custom_mapping=dict(costs)) as counter, torch.no_grad():
        model.eval()(example)
    model.train(was_training)
    total: int = counter.get_total_flops()
    return total


def _attention_outputs(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> int:
    """Return the number of logits and of mixed values, from shapes (..., tokens, width)."""
    return prod(query[:-1]) * (key[-2] + value[-1])


def _outputs(*_: object, out_shape: Shape, **__: object) -> int:
    return prod(out_shape)
