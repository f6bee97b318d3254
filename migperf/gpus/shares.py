"""Dividing a partition into the shares of a group's runs. Pure: what a share needs at run time is set up elsewhere."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from migperf.errors import MigperfError
from migperf.gpus.partition import Partition, PartitionKind, Share
from migperf.gpus.sharing import Sharing, SharingMode

Divide = Callable[[Partition, Sharing, int], tuple[Partition, ...]]


class SharingImpossibleError(MigperfError):
    """A device cannot be shared so."""


def divide(partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    """Return the shares of a partition for that many runs, in their order.

    A whole partition for one run is returned as it is. Raises SharingImpossibleError.
    """
    on_cpu = partition.kind is PartitionKind.CPU
    if not (sharing.mode.on_cpu if on_cpu else sharing.mode.on_gpu) or sharing.mode is SharingMode.MIG:
        raise SharingImpossibleError(f"{partition.model} ({partition.uuid}) cannot be shared by {sharing.mode}")
    if sharing.mode is SharingMode.WHOLE:
        return _whole(partition, runs)
    return (_CPU_WAYS if on_cpu else _GPU_WAYS)[sharing.mode](partition, sharing, runs)


def equal_pct(runs: int) -> int:
    """Return an equal share of the multiprocessors in whole per cent, rounded up: MPS lets the sum exceed 100.

    Rounded down, three runs would leave multiprocessors that nobody may use.
    """
    return -(-100 // runs)


def _whole(partition: Partition, runs: int) -> tuple[Partition, ...]:
    if runs != 1:
        raise SharingImpossibleError(f"whole is for one run, not for {runs}; share by another mode")
    return (partition,)


def _share(partition: Partition, kind: PartitionKind, share: Share, **changed: object) -> Partition:
    """Return a part of the partition; equal parts have equal UUIDs, so that their results make one history."""
    update = {
        "uuid": f"{partition.uuid}/{share.name}",
        "kind": kind,
        "profile": "/".join(filter(None, (partition.profile, share.profile))),
        "share": share,
    }
    return partition.model_copy(update=update | changed)


def _of(partition: Partition) -> dict[str, Any]:
    return {"of": partition.uuid, "of_kind": partition.kind, "of_profile": partition.profile}


def _pinned(partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    """Consecutive cores each, the same number; what is left over belongs to nobody."""
    cores = partition.cpus or ()
    each = len(cores) // runs
    if each < 1:
        raise SharingImpossibleError(
            f"{runs} runs cannot have cores of their own: {partition.uuid} has {len(cores)}; run fewer, or share by "
            "time_slicing"
        )
    return tuple(
        _cpu_share(partition, sharing, runs, index, cores[index * each : (index + 1) * each]) for index in range(runs)
    )


def _time_sliced_cores(partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    """The same first cores for everybody."""
    cores = partition.cpus or ()
    count = sharing.cores or max(1, len(cores) // runs)
    if count > len(cores):
        raise SharingImpossibleError(f"{partition.uuid} has {len(cores)} cores, not {count}; lower sharing.cores")
    return tuple(_cpu_share(partition, sharing, runs, index, cores[:count]) for index in range(runs))


def _unrestricted(partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    return tuple(_cpu_share(partition, sharing, runs, index, partition.cpus or ()) for index in range(runs))


def _cpu_share(partition: Partition, sharing: Sharing, runs: int, index: int, cores: tuple[int, ...]) -> Partition:
    share = Share(**_of(partition), mode=sharing.mode, index=index, count=runs, cores=len(cores))
    return _share(partition, PartitionKind.CPU_SHARE, share, cpus=cores)


def _of_gpu(kind: PartitionKind, partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    return tuple(_share(partition, kind, _gpu_share(partition, sharing, runs, index)) for index in range(runs))


def _gpu_share(partition: Partition, sharing: Sharing, runs: int, index: int) -> Share:
    limited = sharing.mode is SharingMode.MPS and not sharing.static
    return Share(
        **_of(partition),
        mode=sharing.mode,
        index=index,
        count=runs,
        thread_pct=(sharing.thread_pct or equal_pct(runs)) if limited else None,
        memory_limit_mib=sharing.memory_limit_mib,
        static=sharing.static,
    )


def _green(partition: Partition, sharing: Sharing, runs: int) -> tuple[Partition, ...]:
    """One share that all streams of one run divide among them."""
    if runs != 1:
        raise SharingImpossibleError(
            f"green contexts divide the device among the streams of one process, not among {runs} runs"
        )
    return (_share(partition, PartitionKind.GREEN_CONTEXT, _gpu_share(partition, sharing, runs, 0)),)


_CPU_WAYS: Mapping[SharingMode, Divide] = {
    SharingMode.PINNED: _pinned,
    SharingMode.TIME_SLICING: _time_sliced_cores,
    SharingMode.UNRESTRICTED: _unrestricted,
}
_GPU_WAYS: Mapping[SharingMode, Divide] = {
    SharingMode.TIME_SLICING: partial(_of_gpu, PartitionKind.TIME_SLICE),
    SharingMode.MPS: partial(_of_gpu, PartitionKind.MPS),
    SharingMode.GREEN_CONTEXT: _green,
}
