"""The ResNets as workloads.

The setting for SGD is the one that arXiv 2106.14881 (section 4) uses for all convolutional networks; for AdamW it is
the one it tuned for its RegNetY, since it gives none for ResNet.
"""

from dataclasses import dataclass

from workloads.base import Task
from workloads.classification import ImageClassification
from workloads.image_parameters import OptimizerName
from workloads.layers.residual import BackboneConfig
from workloads.recipe.optimisation import Tuned
from workloads.resnet import model

TUNED = {
    OptimizerName.SGD: Tuned(learning_rate=2.54, weight_decay=2.4e-5),
    OptimizerName.ADAMW: Tuned(learning_rate=3.8e-3, weight_decay=0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetBuilder:
    """Builds one depth for any number of classes; the network itself takes images of any size."""

    backbone: BackboneConfig

    def __call__(self, *, image_size: int, classes: int, task: Task) -> model.ResNet:  # noqa: ARG002 - shared signature
        """Return a freshly initialised network.

        One that is to infer adds up smaller branches. With statistics that no training has set, each block of full size
        doubles the variance: after the fifty blocks of ResNet-152 that is more than float16 can hold.
        """
        blocks = sum(self.backbone.depths)
        scale = 1.0 if task is Task.TRAINING else blocks**-0.5
        return model.ResNet(model.ResNetConfig(backbone=self.backbone, classes=classes, branch_scale=scale))


def _workload(backbone: BackboneConfig) -> ImageClassification:
    return ImageClassification(build=ResNetBuilder(backbone=backbone), tuned=TUNED)


RESNET18 = _workload(model.RESNET18)
RESNET34 = _workload(model.RESNET34)
RESNET50 = _workload(model.RESNET50)
RESNET101 = _workload(model.RESNET101)
RESNET152 = _workload(model.RESNET152)
