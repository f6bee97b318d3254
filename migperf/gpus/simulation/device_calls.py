"""The calls about the host, its GPUs and MIG devices, as they are."""

from migperf.gpus import banks
from migperf.gpus.driver import Architecture, Bank, Device, GpuProcess, Memory, MigAttributes
from migperf.gpus.nvml_errors import NvmlInvalidArgumentError, NvmlNotFoundError
from migperf.gpus.simulation import lookup
from migperf.gpus.simulation.compute_cuts import device_profile, sm_count
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.handles import GpuHandle, MigHandle
from migperf.gpus.simulation.lookup import Found
from migperf.gpus.simulation.state import Gpu, Process, boot_id


class DeviceCalls(SimulatedCore):
    """What NVML answers about devices."""

    def boot_id(self) -> str:
        """Different after each ``reboot``."""
        return boot_id(self._host("boot id"))

    def driver_version(self) -> str:
        """No driver: ``simulated``."""
        self._host("nvmlSystemGetDriverVersion")
        return "simulated"

    def cuda_version(self) -> str:
        """No CUDA: ``0.0``."""
        self._host("nvmlSystemGetCudaDriverVersion_v2")
        return "0.0"

    def device_count(self) -> int:
        """Count the GPUs, lost ones included."""
        return len(self._host("nvmlDeviceGetCount_v2").gpus)

    def device_by_index(self, index: int) -> Device:
        """Return a GPU. Raises NvmlInvalidArgumentError behind the last."""
        call = "nvmlDeviceGetHandleByIndex_v2"
        host = self._host(call)
        if not 0 <= index < len(host.gpus):
            raise NvmlInvalidArgumentError(call, f"GPU {index}")
        return Device(GpuHandle(lookup.gpu_with(host, call, host.gpus[index].uuid).uuid))

    def device_by_uuid(self, uuid: str) -> Device:
        """Return a GPU or MIG device; also takes the older form ``MIG-GPU-…/GPU instance/compute instance``."""
        call = "nvmlDeviceGetHandleByUUID"
        found = lookup.device_named(self._host(call), call, uuid)
        return Device(GpuHandle(uuid) if found.mig is None else MigHandle(found.gpu.uuid, found.mig.uuid))

    def process_name(self, pid: int) -> str:
        """Return the name of a process that was added. Raises NvmlNotFoundError."""
        call = "nvmlSystemGetProcessName"
        for process in self._host(call).processes:
            if process.pid == pid:
                return process.name
        raise NvmlNotFoundError(call, f"process {pid}")

    def uuid(self, device: Device) -> str:
        """Return ``GPU-…``, the same whenever this host is simulated, or ``MIG-…``, new with each creation."""
        return self._device("nvmlDeviceGetUUID", device).uuid

    def name(self, device: Device) -> str:
        """Return the board's name; of a MIG device as ``NVIDIA A30 MIG 1g.6gb``."""
        found = self._device("nvmlDeviceGetName", device)
        if found.mig is None:
            return found.board.name
        return f"{found.board.name} MIG {device_profile(found.profile_around(found.mig), found.mig.placement.size)}"

    def architecture(self, device: Device) -> Architecture:
        """Return the board's."""
        return self._device("nvmlDeviceGetArchitecture", device).board.architecture

    def compute_capability(self, device: Device) -> tuple[int, int]:
        """Return the board's."""
        return self._device("nvmlDeviceGetCudaComputeCapability", device).board.compute_capability

    def core_count(self, device: Device) -> int:
        """Return the CUDA cores of the board; NvmlNotSupportedError while MIG is on."""
        call = "nvmlDeviceGetNumGpuCores"
        board = lookup.uncut(self._host(call), call, device).board
        return board.sm_count * board.cores_per_sm

    def pci_bus_id(self, device: Device) -> str:
        """Return a bus of its own for each GPU, by its index."""
        found = self._device("nvmlDeviceGetPciInfo_v3", device)
        index = [gpu.uuid for gpu in found.host.gpus].index(found.gpu.uuid)
        return f"00000000:{index + 1:02X}:00.0"

    def memory(self, device: Device) -> Memory:
        """Total by the tables; used and reserved by the meters, else what processes are said to use, and 0."""
        call = "nvmlDeviceGetMemoryInfo"
        found = self._device(call, device)
        self._require_sight(call, found)
        readings = self._board(found) if found.mig is None else self._instance(found, found.mig.gpu_instance_id)
        used = found.used_bytes() if readings.memory_used_bytes is None else readings.memory_used_bytes
        total, reserved = found.memory_bytes(), readings.memory_reserved_bytes or 0
        return Memory(total=total, reserved=reserved, free=total - reserved - used, used=used)

    def memory_bank(self, slots: int) -> Bank:
        """Return a bank of such readings."""
        return banks.memory_bank(self, slots)

    def compute_processes(self, device: Device) -> tuple[GpuProcess, ...]:
        """Return the processes that were added to it; of a GPU, those on its MIG devices too."""
        call = "nvmlDeviceGetComputeRunningProcesses_v3"
        found = self._device(call, device)
        self._require_sight(call, found)
        return tuple(_process(found.gpu, process) for process in found.users())

    def mig_attributes(self, mig_device: Device) -> MigAttributes:
        """Return what a MIG device has; its memory is shared with the other devices of its GPU instance."""
        call = "nvmlDeviceGetAttributes_v2"
        found, compute = lookup.mig_device(self._host(call), call, mig_device)
        profile = found.profile_around(compute)
        return MigAttributes(
            sm_count=sm_count(found.board, profile, compute.placement.size),
            gpu_instance_slices=profile.slices,
            compute_instance_slices=compute.placement.size,
            memory_mib=profile.memory_mib,
        )

    def _device(self, call: str, device: Device) -> Found:
        return lookup.device(self._host(call), call, device)

    def _require_sight(self, call: str, found: Found) -> None:
        """What concerns all instances together is for the privileged."""
        if found.mig is None and found.gpu.mig:
            self._require_privilege(call, found.uuid)


def _process(gpu: Gpu, process: Process) -> GpuProcess:
    on = next((compute for compute in gpu.compute_instances if compute.uuid == process.device_uuid), None)
    return GpuProcess(
        pid=process.pid,
        used_bytes=process.used_bytes,
        gpu_instance_id=None if on is None else on.gpu_instance_id,
        compute_instance_id=None if on is None else on.id,
    )
