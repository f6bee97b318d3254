"""Catalogue entries of the ResNets. Holds no torch."""

from collections.abc import Mapping

from workloads.base import ALL_ENGINES, Card, Task
from workloads.resnet.parameters import ResNetParameters


def _card(depth: int, facts: Mapping[str, str]) -> Card:
    return Card(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        summary=f"Residual network with {depth} layers, classifying images: the yardstick for convolutional networks.",
        tasks=frozenset({Task.INFERENCE, Task.TRAINING}),
        parameters=ResNetParameters,
        implementation=f"workloads.resnet.workload:RESNET{depth}",
        engines=ALL_ENGINES,
        paper="arXiv 1512.03385",
        facts=facts,
    )


def _sizes(parameters: str, macs: str) -> dict[str, str]:
    """Return the sizes of a model for 1000 classes and 224 x 224 pixels."""
    return {"parameters": parameters, "multiply-adds": macs}


def _errors(after_100: str, after_400: str) -> dict[str, str]:
    """Return ImageNet top-1 errors by the recipe of arXiv 2106.14881 (its table of peak performance)."""
    return {"top-1 error, 100 epochs": after_100, "top-1 error, 400 epochs": after_400}


CARDS = (
    _card(18, _sizes("11.7 M", "1.8 G")),
    _card(34, _sizes("21.8 M", "3.7 G")),
    _card(50, _sizes("25.6 M", "4.1 G") | _errors("22.5 %", "20.7 %")),
    _card(101, _sizes("44.5 M", "7.8 G") | _errors("20.3 %", "18.5 %")),
    _card(152, _sizes("60.2 M", "11.5 G") | _errors("19.5 %", "17.7 %")),
)
