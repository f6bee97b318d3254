"""What Prometheus is told: GPUs, partitions, nodes, runs and changes of layout as they are at the scrape.

Names and meanings are an interface: dashboards and alerts rely on them. What is not known has no sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from api.gauges import flag, gauge
from api.schemas.gpus import known_layout
from api.service_exposition import service_metrics
from api.standing import PartitionState, Standing
from migperf.gpus.gpu import Gpu
from migperf.store import counts, gpus, nodes
from migperf.store.database import Database
from migperf.store.models import GpuRow, PartitionRow


@dataclass(frozen=True, slots=True)
class DatabaseCollector(Collector):
    """Reads everything anew at each scrape."""

    database: Database
    stale_s: float
    """A node silent for so long is not alive, seconds."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, from one transaction."""
        with self.database.read() as session:
            standing = Standing.read(session, self.stale_s)
            partitions = nodes.list_partitions(session)
            described = [(row, gpus.describe(row)) for row in gpus.list_gpus(session)]
            yield from _partition_metrics(partitions, standing, counts.progress_by_partition(session))
            yield from _gpu_metrics(described)
            yield from _layout_metrics([gpu for _, gpu in described])
            yield from service_metrics(session, standing)


def _partition_metrics(
    known: Sequence[PartitionRow], standing: Standing, progress: Mapping[str, float]
) -> Iterator[Metric]:
    yield gauge(
        "migperf_partition_info",
        "Partitions that are there now: always 1, what they are is in the labels.",
        ("uuid", "kind", "profile", "model", "gpu", "node", "simulated"),
        (((r.uuid, r.kind, r.profile, r.model, r.gpu, r.node, flag(r.simulated)), 1) for r in known),
    )
    yield gauge(
        "migperf_partition_state",
        "State of a partition: 1 for the present one, 0 for the others. leased: a run has it or its whole GPU; "
        "offline: its node is silent; unhealthy: its GPU has a problem.",
        ("uuid", "state"),
        (
            ((row.uuid, state), float(state is present))
            for row, present in ((row, standing.of_partition(row)) for row in known)
            for state in PartitionState
        ),
    )
    yield gauge(
        "migperf_partition_run_progress_ratio",
        "How far the run on a partition is, 0 to 1. Partitions without a run under way have no sample.",
        ("uuid",),
        (((row.uuid,), progress[row.uuid]) for row in known if row.uuid in progress),
    )


def _gpu_metrics(known: Sequence[tuple[GpuRow, Gpu]]) -> Iterator[Metric]:
    yield gauge(
        "migperf_gpu_info",
        "GPUs that are there now: always 1, what they are is in the labels.",
        ("uuid", "model", "node", "architecture", "driver", "simulated"),
        (((g.uuid, g.model, row.node, g.architecture, g.driver_version, flag(g.simulated)), 1) for row, g in known),
    )
    yield gauge(
        "migperf_gpu_problem",
        "Whether a GPU cannot be used: 1 if it has a problem, such as having fallen off the bus, else 0.",
        ("uuid",),
        (((gpu.uuid,), float(gpu.problem is not None)) for _, gpu in known),
    )


def _layout_metrics(known: Sequence[Gpu]) -> Iterator[Metric]:
    yield gauge(
        "migperf_gpu_mig_enabled",
        "Whether MIG is on: 1 or 0. GPUs without MIG have no sample.",
        ("uuid",),
        (((gpu.uuid,), float(gpu.mig.enabled)) for gpu in known if gpu.mig is not None),
    )
    yield gauge(
        "migperf_gpu_layout_info",
        "How a GPU is cut: always 1, the layout is in the label (off: it is whole; empty: MIG is on, nothing is cut).",
        ("uuid", "layout"),
        (((gpu.uuid, layout), 1) for gpu in known if (layout := known_layout(gpu)) is not None),
    )
    yield gauge(
        "migperf_gpu_compute_slices",
        "Compute slices that a GPU can be cut into. GPUs without MIG have no sample.",
        ("uuid",),
        (((gpu.uuid,), gpu.geometry.slices) for gpu in known if gpu.geometry is not None),
    )
    yield gauge(
        "migperf_gpu_compute_slices_used",
        "Compute slices that the GPU instances of a GPU have. No sample where the node may not see all of them.",
        ("uuid",),
        (((gpu.uuid,), used) for gpu in known if (used := _slices_used(gpu)) is not None),
    )


def _slices_used(gpu: Gpu) -> int | None:
    if gpu.geometry is None or any(instance.placement is None for instance in gpu.instances):
        return None
    return sum(instance.slices for instance in gpu.instances)
