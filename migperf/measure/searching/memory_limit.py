"""Keeping a process from taking more of the host's memory than it may, so that what does not fit fails cleanly."""

import resource

import psutil

from migperf.gpus.host_cpu import memory_available_bytes

MIB = 1 << 20
SPARED = 16
"""One part in so many of what is available is left to everything else on the host."""
SIGNS = (
    "std::bad_alloc",
    "MemoryError",
    "Cannot allocate memory",
    "Thread creation failed",
    "can't start new thread",
    "returned NULL without setting an exception",
)
"""What a process writes that ends by itself because it gets no memory, where no exception could say so."""


def limit_memory(partition_mib: int | None) -> int:
    """Limit the memory of this process to its partition's, or to what the host can spare; return the limit, MiB.

    What is resident already counts. RLIMIT_DATA (setrlimit(2)) limits private writable memory, touched or not, of this
    process alone; shared mappings and child processes are not in it.
    """
    info = psutil.Process().memory_info()
    more_bytes = _more_bytes(partition_mib, info.rss, memory_available_bytes())
    limit = info.data + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return (info.rss + more_bytes) // MIB


def _more_bytes(partition_mib: int | None, resident_bytes: int, available_bytes: int) -> int:
    """Return how much more memory may be taken: what is left of the partition's, but not all that is available."""
    spare_bytes = available_bytes - available_bytes // SPARED
    if partition_mib is None:
        return spare_bytes
    return max(0, min(partition_mib * MIB - resident_bytes, spare_bytes))
