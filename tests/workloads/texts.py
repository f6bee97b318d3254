"""Language payloads of small size, built as a child builds them."""

import torch

from workloads.base import Context
from workloads.registry import card

CPU = torch.device("cpu")
TINY = ("bert-tiny", "distilbert-tiny", "roberta-tiny", "xlnet-tiny")
SMALL = {"batch_size": 4, "sequence_length": 32, "data_pool": 2}


def inference(name: str, *, seed: int = 0, **parameters):
    entry = card(name)
    return entry.load().inference(entry.parameters.model_validate(SMALL | parameters), Context(device=CPU, seed=seed))


def training(name: str, *, seed: int = 0, **parameters):
    entry = card(name)
    return entry.load().training(entry.parameters.model_validate(SMALL | parameters), Context(device=CPU, seed=seed))


def losses(payload, steps: int) -> list[float]:
    return [float(payload.step(payload.stage(payload.next_batch()))) for _ in range(steps)]
