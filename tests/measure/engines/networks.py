"""Payloads of small size, built as a child builds them."""

import torch

from workloads.base import Context, Payload, Task
from workloads.registry import card

CPU = torch.device("cpu")
SMALL = {"batch_size": 4, "image_size": 32, "classes": 10, "data_pool": 2}
FAMILIES = ("resnet18", "vit-c-1gf", "vit-p-1gf")


def built(name: str, task: Task, device: torch.device = CPU, seed: int = 0, **parameters: object) -> Payload:
    """Return a payload of the workload; a classifier's is small."""
    entry = card(name)
    sizes = SMALL if "image_size" in entry.parameters.model_fields else {}
    checked = entry.parameters.model_validate(sizes | parameters)
    workload, context = entry.load(), Context(device=device, seed=seed)
    return workload.training(checked, context) if task is Task.TRAINING else workload.inference(checked, context)


def step(payload: Payload) -> torch.Tensor:
    """Take the payload's next step; return its answer or its loss."""
    batch = payload.stage(payload.next_batch())
    answer: torch.Tensor = payload.infer(batch) if hasattr(payload, "infer") else payload.step(batch)
    return answer
