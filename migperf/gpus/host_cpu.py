"""The host's processor as a partition: what every host has, and where a host without a GPU measures."""

import os
import platform
import socket
import uuid
from pathlib import Path

import psutil

from migperf.gpus.partition import Partition, PartitionKind

MIB = 1 << 20
_CONTROL_GROUP = Path("/sys/fs/cgroup")
_NAMESPACE = uuid.UUID("5f0d2c3e-6a51-4f8b-9a87-2f6f0c9d7e11")


def cpu_partition() -> Partition:
    """Return this host's CPU: the logical CPUs this process may use, and the memory it may take (MiB)."""
    return Partition(
        uuid=f"CPU-{uuid.uuid5(_NAMESPACE, host_identity())}",
        kind=PartitionKind.CPU,
        model=processor_model(),
        memory_mib=memory_limit_bytes() // MIB,
        cpus=tuple(sorted(os.sched_getaffinity(0))),
    )


def host_identity() -> str:
    """Return what tells this host from others: the machine id and the host name (containers share the former)."""
    machine_id = Path("/etc/machine-id")
    return f"{machine_id.read_text().strip() if machine_id.is_file() else ''}/{socket.gethostname()}"


def host_boot_id() -> str:
    """Return what the kernel makes anew with every boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def processor_model() -> str:
    """Return the processor's marketing name, or the architecture where the kernel does not give one."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def memory_limit_bytes() -> int:
    """Return the bytes of memory this process may take: the host's, or its control group's if that is less."""
    total = psutil.virtual_memory().total
    limit = _control_group_limit_bytes()
    return total if limit is None else min(total, limit)


def memory_available_bytes() -> int:
    """Return the bytes that this process could still take without anything else having to give way."""
    available = psutil.virtual_memory().available
    limit = _control_group_limit_bytes()
    if limit is None:
        return available
    return max(0, min(available, limit - int((_CONTROL_GROUP / "memory.current").read_text())))


def _control_group_limit_bytes() -> int | None:
    limit = _CONTROL_GROUP / "memory.max"
    if limit.is_file() and (text := limit.read_text().strip()) != "max":
        return int(text)
    return None
