"""Who holds what at one moment: partitions and whole GPUs that runs have, GPUs that are being cut, living nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from sqlalchemy.orm import Session

from migperf.gpus.gpu import Gpu
from migperf.store import gpus, nodes
from migperf.store.database import now
from migperf.store.models import GpuRow, PartitionRow
from migperf.store.nodes import Occupied


class GpuState(StrEnum):
    """What a GPU is at present, as far as runs care."""

    FREE = "free"
    """No run is on it."""
    LEASED = "leased"
    """A run has it, or one of its partitions."""
    CHANGING = "changing"
    """It is being cut."""
    UNHEALTHY = "unhealthy"
    """It cannot be used: it has a problem, its node is silent, or no longer has it."""


class PartitionState(StrEnum):
    """What a partition is at present, as far as runs care."""

    FREE = "free"
    LEASED = "leased"
    """A run has it, or its whole GPU."""
    OFFLINE = "offline"
    """Its node is silent."""
    UNHEALTHY = "unhealthy"
    """Its GPU has a problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is held, by what is held; runs by their ids, partitions and GPUs by their UUIDs, nodes by name."""

    runs: Mapping[str, str]
    """The run that holds each partition."""
    whole: Mapping[str, str]
    """The run that holds each GPU that is held whole."""
    changing: frozenset[str]
    """GPUs that are being cut: for a change of layout, or for the run that holds them."""
    problems: frozenset[str]
    """GPUs with a problem."""
    alive: frozenset[str]
    """Nodes that have been heard of lately."""

    @classmethod
    def read(cls, session: Session, stale_s: float) -> Self:
        """Return how things stand; a node silent for ``stale_s`` seconds is not alive."""
        held = nodes.occupied(session)
        time = now(session)
        return cls(
            runs={lease.partition: lease.run for lease in held if lease.partition and lease.run},
            whole={lease.gpu: lease.run for lease in held if lease.gpu and lease.run and lease.closes_gpu},
            changing=frozenset(_being_cut(held)),
            problems=frozenset(row.uuid for row in gpus.list_gpus(session) if gpus.describe(row).problem is not None),
            alive=frozenset(n.name for n in nodes.list_nodes(session) if nodes.is_alive(n, time, stale_s)),
        )

    def of_gpu(self, row: GpuRow, gpu: Gpu) -> GpuState:
        """Return the state of a GPU."""
        if gpu.problem is not None or row.node not in self.alive or row.retired_at is not None:
            return GpuState.UNHEALTHY
        if gpu.uuid in self.changing:
            return GpuState.CHANGING
        on_it = (gpu.uuid, *(c.uuid for instance in gpu.instances for c in instance.compute_instances))
        held = gpu.uuid in self.whole or any(uuid in self.runs for uuid in on_it)
        return GpuState.LEASED if held else GpuState.FREE

    def of_partition(self, row: PartitionRow) -> PartitionState:
        """Return the state of a partition."""
        if row.gpu in self.problems:
            return PartitionState.UNHEALTHY
        if row.node not in self.alive:
            return PartitionState.OFFLINE
        held = row.uuid in self.runs or row.gpu in self.whole
        return PartitionState.LEASED if held else PartitionState.FREE


def _being_cut(held: Sequence[Occupied]) -> Iterator[str]:
    for lease in held:
        for_run = lease.run is not None and lease.partition is None
        if lease.gpu is not None and (lease.run is None or for_run):
            yield lease.gpu
