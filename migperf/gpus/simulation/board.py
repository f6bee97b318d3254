"""What a board is, as data: the shape of the tables in ``boards``."""

from dataclasses import dataclass, field

from migperf.gpus.driver import Architecture

_GA100 = (8, 0)
"""Compute capability of A100 and A30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """How many engines of each kind a GPU instance gets."""

    copy: int = 0
    decoders: int = 0
    encoders: int = 0
    jpeg: int = 0
    ofa: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProfile:
    """One row of a board's profile table (``nvidia-smi mig -lgip`` and ``-lgipp``)."""

    slot: int
    """NVML_GPU_INSTANCE_PROFILE_*."""
    id: int
    name: str
    slices: int
    """Compute slices."""
    max_count: int
    sm_count: int
    memory_mib: int
    starts: tuple[int, ...]
    size: int
    """Memory units that it takes from each possible start."""
    engines: Engines = field(default_factory=Engines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board model. A board without profiles has no MIG."""

    key: str
    """How ``MIGPERF_GPUS=simulated:KEY`` names it, such as ``a100-80gb``."""
    name: str
    """What nvmlDeviceGetName answers."""
    architecture: Architecture
    compute_capability: tuple[int, int]
    sm_count: int
    """Of the whole board with MIG off."""
    cores_per_sm: int
    memory_mib: int
    pci_device_id: int
    """Device and vendor, such as 0x20B210DE."""
    profiles: tuple[BoardProfile, ...] = ()
    notes: str = ""
    """What of its row is not confirmed by a published table."""

    @property
    def has_mig(self) -> bool:
        """Whether it can be cut."""
        return bool(self.profiles)

    @property
    def resetless(self) -> bool:
        """Whether a change of MIG mode takes effect at once, and is lost at reboot."""
        return self.architecture >= Architecture.HOPPER

    @property
    def averages_power(self) -> bool:
        """Whether its power is told as an average over a second; up to GA100, as it is at the moment (nvml.h)."""
        return self.compute_capability > _GA100

    @property
    def compute_slices(self) -> int:
        """Compute slices of the whole board."""
        return max((profile.slices for profile in self.profiles), default=0)

    @property
    def memory_units(self) -> int:
        """Memory units of the grid that instances are placed on."""
        return max((start + p.size for p in self.profiles for start in p.starts), default=0)
