"""The vision transformers as workloads."""

from dataclasses import dataclass, replace

from workloads.base import Task
from workloads.classification import ImageClassification
from workloads.recipe.optimisation import TunedByOptimizer
from workloads.vit_conv_stem import model, tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class ViTBuilder:
    """Builds one configuration for any number of classes and any size of whole patches."""

    config: model.ViTConfig

    def __call__(self, *, image_size: int, classes: int, task: Task) -> model.VisionTransformer:
        """Return a freshly initialised model; with the paper's head, which is zero, only where it is to be trained."""
        head_std = 0.0 if task is Task.TRAINING else model.INFERENCE_HEAD_STD
        config = replace(self.config, image_size=image_size, classes=classes, head_std=head_std)
        return model.VisionTransformer(config)


def _workload(config: model.ViTConfig, settings: TunedByOptimizer) -> ImageClassification:
    return ImageClassification(build=ViTBuilder(config=config), tuned=settings)


VIT_P_1GF = _workload(model.VIT_P_1GF, tuned.P_1GF)
VIT_P_4GF = _workload(model.VIT_P_4GF, tuned.P_4GF)
VIT_P_18GF = _workload(model.VIT_P_18GF, tuned.P_18GF)
VIT_P_36GF = _workload(model.VIT_P_36GF, tuned.P_36GF)
VIT_P_72GF = _workload(model.VIT_P_72GF, tuned.P_72GF)
VIT_C_1GF = _workload(model.VIT_C_1GF, tuned.C_1GF)
VIT_C_4GF = _workload(model.VIT_C_4GF, tuned.C_4GF)
VIT_C_18GF = _workload(model.VIT_C_18GF, tuned.C_18GF)
VIT_C_36GF = _workload(model.VIT_C_36GF, tuned.C_36GF)
VIT_C_72GF = _workload(model.VIT_C_72GF, tuned.C_72GF)
