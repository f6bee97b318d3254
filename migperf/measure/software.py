"""What software there is where payloads run: what a helper says of itself, and what a worker makes of that."""

import platform

from pydantic import BaseModel, ConfigDict

import migperf
from workloads.registry import providers


class Software(BaseModel):
    """What a helper has imported, or can import."""

    model_config = ConfigDict(frozen=True)

    migperf_version: str
    python: str
    torch: str
    payloads: dict[str, str]
    """Version of each installed distribution that adds workloads, by its name."""


class OfferedEnvironment(BaseModel):
    """A software environment as its node offers it. ``problem`` says why it cannot be used; None where it can."""

    model_config = ConfigDict(frozen=True)

    software: Software | None = None
    """None where nothing could be learned of it."""
    problem: str | None = None


def read_software() -> Software:
    """Return what there is in this process's environment."""
    import torch

    return Software(
        migperf_version=migperf.__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        payloads={provider.name: provider.version for provider in providers().values()},
    )
