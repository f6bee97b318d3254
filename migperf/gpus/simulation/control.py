"""What happens to a simulated host from outside: resets, reboots, processes, errors, a GPU that falls off the bus."""

from dataclasses import replace

from migperf.errors import ConflictError
from migperf.gpus.driver import Device, XidEvent
from migperf.gpus.nvml_errors import NvmlInUseError, NvmlInvalidArgumentError, NvmlNotFoundError
from migperf.gpus.simulation import lookup, mig_mode
from migperf.gpus.simulation.boards import board_named
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.handles import GpuHandle
from migperf.gpus.simulation.state import Gpu, Host, Process


class Control(SimulatedCore):
    """Deeds that are no NVML calls. They need no privilege."""

    def reset(self, device: Device) -> None:
        """Reset a GPU: its instances go, the pending mode becomes current, a lost GPU is back.

        Raises NvmlInUseError while processes use it or its MIG devices.
        """

        def step(host: Host) -> tuple[Host, None]:
            gpu = _any_gpu(host, "reset", device)
            if host.processes_on(gpu.device_uuids()):
                raise NvmlInUseError("reset", gpu.uuid)
            return _revised(host.with_gpu(mig_mode.after_reset(gpu))), None

        self._store.change(step)

    def reboot(self) -> None:
        """Boot the host: processes and instances go, and MIG mode on boards that change it at once."""

        def step(host: Host) -> tuple[Host, None]:
            booted = (mig_mode.after_reboot(board_named(gpu.board), gpu) for gpu in host.gpus)
            return _revised(replace(host, boots=host.boots + 1, processes=(), gpus=tuple(booted))), None

        self._store.change(step)

    def lose(self, device: Device) -> None:
        """Let a GPU fall off the bus: every call on it raises GpuLostError, until a reset or reboot."""
        self._store.change(lambda host: (host.with_gpu(replace(_any_gpu(host, "lose", device), lost=True)), None))

    def add_process(self, pid: int, name: str, device_uuid: str, used_bytes: int) -> None:
        """Let a process use a MIG device, or a GPU that is not cut; the same two again: this much memory from now on.

        Raises NvmlNotFoundError; ConflictError for a cut GPU, and for more memory than is free.
        """

        def step(host: Host) -> tuple[Host, None]:
            others = tuple(p for p in host.processes if (p.pid, p.device_uuid) != (pid, device_uuid))
            _check_room(replace(host, processes=others), device_uuid, used_bytes)
            process = Process(pid=pid, name=name, device_uuid=device_uuid, used_bytes=used_bytes)
            return replace(host, processes=(*others, process)), None

        self._store.change(step)

    def end_process(self, pid: int) -> None:
        """Let a process end, on all its devices; one that does not exist has ended."""
        self._store.change(
            lambda host: (replace(host, processes=tuple(p for p in host.processes if p.pid != pid)), None)
        )

    def report_xid(self, device_uuid: str, xid: int) -> None:
        """Let the driver report an error on a GPU, lost or not, or on a MIG device. Raises NvmlNotFoundError."""
        self._store.change(lambda host: (host.with_xid(_xid_event(host, device_uuid, xid)), None))


def _any_gpu(host: Host, deed: str, device: Device) -> Gpu:
    """Return a GPU, even if it is lost."""
    if isinstance(device, GpuHandle):
        for gpu in host.gpus:
            if gpu.uuid == device.uuid:
                return gpu
    raise NvmlInvalidArgumentError(deed, str(device))


def _check_room(host: Host, device_uuid: str, used_bytes: int) -> None:
    found = lookup.device_named(host, "add process", device_uuid)
    if found.mig is None and found.gpu.mig:
        raise ConflictError(f"{device_uuid} has MIG on: a process can only use one of its MIG devices")
    free = found.memory_bytes() - found.used_bytes()
    if used_bytes > free:
        raise ConflictError(f"{device_uuid} has {free} bytes free, the process would use {used_bytes}")


def _xid_event(host: Host, device_uuid: str, xid: int) -> XidEvent:
    for gpu in host.gpus:
        if gpu.uuid == device_uuid:
            return XidEvent(gpu_uuid=gpu.uuid, xid=xid, gpu_instance_id=None, compute_instance_id=None)
        for on in gpu.compute_instances:
            if on.uuid == device_uuid:
                return XidEvent(
                    gpu_uuid=gpu.uuid, xid=xid, gpu_instance_id=on.gpu_instance_id, compute_instance_id=on.id
                )
    raise NvmlNotFoundError("report XID", device_uuid)


def _revised(host: Host) -> Host:
    return replace(host, revision=host.revision + 1)
