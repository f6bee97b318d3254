"""What this host offers, as partitions."""

from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.partition import Partition


def discover() -> tuple[Partition, ...]:
    """Return the partitions of this host. Today: its CPU."""
    return (cpu_partition(),)
