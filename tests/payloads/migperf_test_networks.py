"""A network small enough to be compiled and exported by a test, with the flaw that is asked for."""

import torch
from migperf_test_payloads import Flaw, NetworkParameters
from torch import Tensor, nn
from torch.nn import functional

from workloads.base import Context, GradientTraining, InferencePayload, Workload
from workloads.seeding import seeded

SIDE, CLASSES = 16, 5


class Network(nn.Module):
    """Images (B, 3, S, S) to logits (B, K)."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__()
        self.flaw = flaw
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, CLASSES)
        if flaw is Flaw.ANSWERS_ZERO:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        features = self.features(images).mean(dim=(2, 3))
        match self.flaw:
            case Flaw.COMPILED_DIFFERS if torch.compiler.is_compiling():
                features = features * 1.01
            case Flaw.HALF_DIFFERS if torch.is_autocast_enabled("cpu"):
                features = features * 1.5
            case Flaw.NOT_EXPORTABLE if float(features.sum()) > 1e6:
                features = features + 1
            case Flaw.ANSWERS_INFINITY:
                features = features / 0
            case Flaw.GRADIENT_STOPS:
                features = features.detach()
        return self.head(features)


class _Images:
    sample_unit = "image"

    def __init__(self, parameters: NetworkParameters, context: Context) -> None:
        self.samples_per_step = parameters.batch_size
        with seeded(context.seed):
            self.model = Network(parameters.flaw).to(context.device)
            self.images = torch.randn(parameters.batch_size, 3, SIDE, SIDE)
            self.labels = torch.randint(CLASSES, (parameters.batch_size,))
        self.flaw = parameters.flaw
        self.device = context.device

    def next_batch(self) -> tuple[Tensor, Tensor]:
        return self.images, self.labels

    def stage(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        return tuple(part.to(self.device) for part in batch)


class NetworkInference(_Images, InferencePayload):
    """Answers with logits."""

    def __init__(self, parameters: NetworkParameters, context: Context) -> None:
        super().__init__(parameters, context)
        self.model.eval()

    def infer(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        with torch.inference_mode():
            return (self.model if self.flaw is Flaw.IGNORES_ENGINE else self.engine)(batch[0])


class NetworkTraining(_Images, GradientTraining):
    """Learns the same batch again and again."""

    def __init__(self, parameters: NetworkParameters, context: Context) -> None:
        super().__init__(parameters, context)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return functional.cross_entropy(self.engine(batch[0]), batch[1])


class NetworkWorkload(Workload):
    """Offers both."""

    def inference(self, parameters: NetworkParameters, context: Context) -> NetworkInference:
        return NetworkInference(parameters, context)

    def training(self, parameters: NetworkParameters, context: Context) -> NetworkTraining:
        return NetworkTraining(parameters, context)
