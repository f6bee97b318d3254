"""Random numbers from a seed without touching the random state of whoever calls."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the CPU's generator starts from ``seed``; afterwards it is as it was. Generators of GPUs are untouched.

    Build on the CPU inside and move to the device after: then a seed means the same weights on every device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
