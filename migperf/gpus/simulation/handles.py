"""What a simulated driver hands out as handles. They name what they stand for, and die with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuHandle:
    """A GPU."""

    uuid: str


@dataclass(frozen=True, slots=True)
class MigHandle:
    """A MIG device."""

    gpu_uuid: str
    uuid: str


@dataclass(frozen=True, slots=True)
class InstanceHandle:
    """A GPU instance or a compute instance, by the serial of its creation."""

    gpu_uuid: str
    serial: int
