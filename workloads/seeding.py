"""Random numbers from a seed without touching the random state of whoever calls."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the CPU's generator starts from ``seed``; afterwards it is as it was. Generators of GPUs are untouched.

    Build on the CPU inside and move to the device after: then a seed means the same weights on every device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def undisturbed_randomness() -> Iterator[None]:
    """Afterwards the global generators of torch (GPUs included), NumPy and Python are as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
