"""What a client of a daemon needs in its environment, and what its result says of it.

``CUDA_VISIBLE_DEVICES`` is not among it: a daemon numbers its devices anew, so an index would mean another device to
its clients than to others; a UUID, which is what children are always bound by, means the same to both (NVIDIA's
Multi-Process Service documentation, "CUDA_VISIBLE_DEVICES").
"""

from pydantic import JsonValue

from migperf.gpus.mps.control import MpsError
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.gpus.mps.limits import MpsLimits, StaticPartition
from migperf.gpus.partition import Partition


def limits_of(partition: Partition) -> MpsLimits:
    """Return the limits that a share asks for; the shares of a group agree in them."""
    share = partition.share
    if share is None:
        return MpsLimits()
    return MpsLimits(
        thread_pct=None if share.static else share.thread_pct,
        memory_limit_mib=share.memory_limit_mib,
        static_shares=share.count if share.static else None,
    )


def client_environment(partition: Partition, daemon: MpsDaemon) -> dict[str, str]:
    """Return the variables of a run on this share; they count from the moment when CUDA is initialised.

    Raises MpsError if the share asks for other limits than the daemon was started with.
    """
    limits = limits_of(partition)
    if limits != daemon.limits:
        raise MpsError(f"{partition.uuid} asks for {limits}, and the MPS daemon of its device has {daemon.limits}")
    environment = daemon.folders.environment()
    if limits.thread_pct is not None:
        environment["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = str(limits.thread_pct)
    if limits.memory_limit_mib is not None:
        # The daemon has one device, which is number 0 to its clients.
        environment["CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"] = f"0={limits.memory_limit_mib}M"
    if (static := _static(partition, daemon)) is not None:
        environment["CUDA_MPS_SM_PARTITION"] = static.id
    return environment


def client_facts(partition: Partition, daemon: MpsDaemon) -> dict[str, JsonValue]:
    """Return what a result must say of its share: version of the control program, limits that were set."""
    facts: dict[str, JsonValue] = {
        "mps_control_version": daemon.version,
        "mps_thread_pct": daemon.limits.thread_pct,
        "mps_memory_limit_mib": daemon.limits.memory_limit_mib,
        "mps_static": daemon.limits.static_shares is not None,
    }
    if (static := _static(partition, daemon)) is not None:
        facts |= {"mps_static_chunks": static.chunks, "mps_static_sm_count": static.sm_count}
    return facts


def _static(partition: Partition, daemon: MpsDaemon) -> StaticPartition | None:
    if partition.share is None or not partition.share.static:
        return None
    return daemon.partitions[partition.share.index]
