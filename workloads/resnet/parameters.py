"""What a user may set on a ResNet payload. Holds no torch."""

from pydantic import Field

from workloads.image_parameters import ImageParameters, OptimizerName


class ResNetParameters(ImageParameters):
    """An image classifier's parameters; trained with SGD unless asked otherwise."""

    optimizer: OptimizerName = Field(default=OptimizerName.SGD, description="Optimiser of the training step.")
