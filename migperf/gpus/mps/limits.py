"""What the runs that share a device through one daemon may use, all of them the same."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class MpsLimits:
    """Limits of each client. ``static_shares``: how many static partitions there are to be; None: no such."""

    thread_pct: int | None = None
    memory_limit_mib: int | None = None
    static_shares: int | None = None

    def dumps(self) -> str:
        """Return them as text for the keeper."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return what ``dumps`` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class StaticPartition:
    """A static partition. ``id`` is the value of CUDA_MPS_SM_PARTITION; ``sm_count`` None where it is not told."""

    id: str
    chunks: int
    sm_count: int | None
