"""The NVML calls that migperf uses, as one typed interface: who offers it is the real library or a simulated driver.

One method a call, named after it; what NVML hands out by pointer is returned, what it answers with a code is raised
(see ``nvml_errors``). Nothing here decides anything: rules live in ``geometry``, ``plan`` and ``controller``.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NewType, Protocol, TypeAlias

from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.placement import Placement
from migperf.gpus.reel import Reel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Device = NewType("Device", object)
"""Handle of a GPU or of a MIG device. Good until the driver rebinds it or the instance is destroyed."""
GpuInstanceHandle = NewType("GpuInstanceHandle", object)
ComputeInstanceHandle = NewType("ComputeInstanceHandle", object)
GpmSample = NewType("GpmSample", object)


class Architecture(IntEnum):
    """NVML_DEVICE_ARCH_*: the generation of a GPU."""

    KEPLER = 2
    MAXWELL = 3
    PASCAL = 4
    VOLTA = 5
    TURING = 6
    AMPERE = 7
    ADA = 8
    HOPPER = 9
    BLACKWELL = 10
    UNKNOWN = 0xFFFFFFFF


class FieldId(IntEnum):
    """NVML_FI_DEV_*: quantities read through nvmlDeviceGetFieldValues."""

    THROTTLED_POWER_NS = 74
    """Time for which clocks were held down by the power limit, since the driver was loaded, ns."""
    THROTTLED_THERMAL_NS = 75
    """Time for which clocks were held down by heat, since the driver was loaded, ns."""
    MEMORY_TEMPERATURE_C = 82
    ENERGY_MJ = 83
    """Energy since the driver was loaded, mJ."""
    PCIE_REPLAYS = 94
    """PCIe packets that were sent again, since the driver was loaded."""
    RESETLESS_MIG = 184
    """1 where a change of MIG mode takes effect without a reset (Hopper and later)."""
    POWER_AVERAGE_MW = 185
    POWER_INSTANT_MW = 186
    PCIE_SENT_BYTES = 197
    """Bytes sent over PCIe since some beginning."""
    PCIE_RECEIVED_BYTES = 198


class Clock(IntEnum):
    """NVML_CLOCK_*."""

    GRAPHICS = 0
    SM = 1
    MEMORY = 2


class ClocksEventReason(IntFlag):
    """nvmlClocksEventReason*: why clocks are not as high as they could be. The driver may set bits not named here."""

    GPU_IDLE = 0x1
    APPLICATIONS_CLOCKS_SETTING = 0x2
    SW_POWER_CAP = 0x4
    HW_SLOWDOWN = 0x8
    SYNC_BOOST = 0x10
    SW_THERMAL_SLOWDOWN = 0x20
    HW_THERMAL_SLOWDOWN = 0x40
    HW_POWER_BRAKE_SLOWDOWN = 0x80
    DISPLAY_CLOCK_SETTING = 0x100


Meter: TypeAlias = Clock | FieldId | type[ClocksEventReason]
"""What can be read by a reel."""


@dataclass(frozen=True, slots=True)
class Utilization:
    """nvmlDeviceGetUtilizationRates, % of the driver's last sample period (1/6 s to 1 s)."""

    gpu_pct: int
    memory_pct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class XidEvent:
    """nvmlEventTypeXidCriticalError: an error on a GPU or MIG device. Instance ids are None where there are none."""

    gpu_uuid: str
    xid: int
    gpu_instance_id: int | None
    compute_instance_id: int | None


@dataclass(frozen=True, slots=True)
class Memory:
    """nvmlDeviceGetMemoryInfo v2, bytes: what the driver reserved for itself is kept apart from what is used."""

    total: int
    reserved: int
    free: int
    used: int


@dataclass(frozen=True, slots=True)
class MigMode:
    """nvmlDeviceGetMigMode. They differ while a change waits for a reset of the GPU."""

    current: bool
    pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuInstanceProfile:
    """nvmlDeviceGetGpuInstanceProfileInfoV (v2): one way to cut a GPU instance."""

    slot: int
    """The enum NVML_GPU_INSTANCE_PROFILE_* that was asked for: only good for asking."""
    id: int
    """What create, placements, capacity and listing take. Differs between boards."""
    name: str
    slice_count: int
    """Compute slices."""
    instance_count: int
    """How many fit on an empty GPU."""
    sm_count: int
    memory_mib: int
    copy_engines: int
    decoders: int
    encoders: int
    jpeg: int
    ofa: int
    peer_to_peer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuInstanceInfo:
    """nvmlGpuInstanceGetInfo."""

    id: int
    profile_id: int
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeInstanceProfile:
    """nvmlGpuInstanceGetComputeInstanceProfileInfoV (v2): one way to cut a compute instance out of a GPU instance."""

    slot: int
    id: int
    name: str
    slice_count: int
    instance_count: int
    sm_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeInstanceInfo:
    """nvmlComputeInstanceGetInfo_v2. ``device`` is the handle of the MIG device: ask it for its UUID."""

    device: Device
    id: int
    profile_id: int
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class MigAttributes:
    """nvmlDeviceGetAttributes_v2 of a MIG device. Memory, MiB, is that of its whole GPU instance."""

    sm_count: int
    gpu_instance_slices: int
    compute_instance_slices: int
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """A process that has a compute context. Instance ids are None where MIG is off."""

    pid: int
    used_bytes: int | None
    gpu_instance_id: int | None
    compute_instance_id: int | None


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One answer of nvmlDeviceGetFieldValues: a value, or the error of this one field."""

    field: FieldId
    value: float | None
    error: NvmlError | None


@dataclass(frozen=True, slots=True)
class GpmValue:
    """One answer of nvmlGpmMetricsGet: a value in NVML's unit for the metric, or the error of this one metric."""

    metric_id: int
    value: float | None
    error: NvmlError | None


class MigChanges(Protocol):
    """Tells when somebody changed the MIG configuration (nvmlEventMigConfigChange)."""

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as there was a change, False after the timeout."""
        ...


class XidEvents(Protocol):
    """Errors that the driver reports while this is open."""

    def poll(self) -> tuple[XidEvent, ...]:
        """Return what was reported since the last call, without waiting (nvmlEventSetWait_v2, timeout 0)."""
        ...


class GpmReader(Protocol):
    """Averages of GPM metrics between its readings, of a GPU or GPU instance; keeps its samples for itself.

    Made for being read a hundred times a second: nothing is allocated by a reading.
    """

    def read(self) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]":
        """Take a sample (nvmlGpmSampleGet, nvmlGpmMigSampleGet) and return averages since an earlier one.

        The earlier one is the latest that is more than 100 ms old, so that reading at longer intervals gives averages
        without gap or overlap, and at shorter ones moving averages. Two arrays of shape (metrics,), used again by the
        next reading: values in NVML's units, NaN where there is none, and an NVML return code each. All NaN with code
        0 while there is no earlier sample. Raises NvmlError when no sample could be taken; the earlier ones are then
        dropped, so that no average reaches across the gap.
        """
        ...

    def close(self) -> None:
        """NvmlGpmSampleFree. Closing again does nothing."""
        ...


class Bank(Protocol):
    """The same numbers of several devices or GPU instances, read together: each has a slot, from 0 on.

    Made for being read a hundred times a second. One that fails leaves the others alone.
    """

    @property
    def failures(self) -> Mapping[int, NvmlError]:
        """The slots that could not be read last time, with the error of each."""
        ...

    @property
    def answered(self) -> Collection[int]:
        """The slots that had an answer last time. With one that is neither here nor a failure, it is too early."""
        ...

    def include(self, slot: int, device: Device, gpu_instance_id: int | None = None) -> None:
        """Read this from now on in the slot."""
        ...

    def leave_out(self, slot: int) -> None:
        """Read the slot no more, until it is included again; an average then begins anew. Again: nothing."""
        ...

    def read(self) -> tuple[Sequence[float], Sequence[int]]:
        """Return numbers in NVML's units, and an NVML return code each: those of slot 0, of slot 1, and so on.

        What has no answer is NaN or all ones, whatever the code, and so is what a driver leaves as it was. Raises
        NvmlError when nothing can be read at all.
        """
        ...

    def reel(self) -> Reel | None:
        """Return a reel of what is included now, good until that changes; None where there is none.

        There is one at a time: the one before is good for nothing any more.
        """
        ...

    def close(self) -> None:
        """Give back what is held for reading. Closing again does nothing."""
        ...


class Driver(Protocol):
    """NVML, initialised. Every call may raise an NvmlError; GpuLostError can come from any call on a device.

    Handles and the driver itself belong to the process that opened it: open a new one after a fork.
    """

    @property
    def simulated(self) -> bool:
        """Whether the hardware behind it does not exist."""
        ...

    @property
    def metered(self) -> bool:
        """Whether its GPUs have meters at all: simulated ones have none, unless a test gave them some."""
        ...

    def close(self) -> None:
        """NvmlShutdown. No handle may be used afterwards."""
        ...

    # The system

    def boot_id(self) -> str:
        """Return what changes when the host boots, and with it every MIG layout is gone. Not an NVML call."""
        ...

    def driver_version(self) -> str:
        """nvmlSystemGetDriverVersion, such as ``580.95.05``."""
        ...

    def cuda_version(self) -> str:
        """nvmlSystemGetCudaDriverVersion_v2, as ``13.0``."""
        ...

    def device_count(self) -> int:
        """nvmlDeviceGetCount_v2: GPUs, not MIG devices."""
        ...

    def device_by_index(self, index: int) -> Device:
        """nvmlDeviceGetHandleByIndex_v2."""
        ...

    def device_by_uuid(self, uuid: str) -> Device:
        """nvmlDeviceGetHandleByUUID: a GPU or a MIG device. Raises NvmlNotFoundError."""
        ...

    def process_name(self, pid: int) -> str:
        """NvmlSystemGetProcessName."""
        ...

    # A GPU, or a MIG device where said

    def uuid(self, device: Device) -> str:
        """nvmlDeviceGetUUID: ``GPU-…`` or ``MIG-…``."""
        ...

    def name(self, device: Device) -> str:
        """nvmlDeviceGetName; of a MIG device, the board's name followed by ``MIG`` and its profile."""
        ...

    def architecture(self, device: Device) -> Architecture:
        """nvmlDeviceGetArchitecture; UNKNOWN for one that this version does not know."""
        ...

    def compute_capability(self, device: Device) -> tuple[int, int]:
        """NvmlDeviceGetCudaComputeCapability."""
        ...

    def core_count(self, device: Device) -> int:
        """nvmlDeviceGetNumGpuCores: CUDA cores of the whole board. NvmlNotSupportedError while MIG is on."""
        ...

    def pci_bus_id(self, device: Device) -> str:
        """nvmlDeviceGetPciInfo_v3, the bus id such as ``00000000:07:00.0``."""
        ...

    def memory(self, device: Device) -> Memory:
        """NvmlDeviceGetMemoryInfo v2; of a MIG device, that of its GPU instance."""
        ...

    def memory_bank(self, slots: int) -> Bank:
        """The same of several GPUs or MIG devices, bytes: reserved, free, used."""
        ...

    def compute_processes(self, device: Device) -> tuple[GpuProcess, ...]:
        """nvmlDeviceGetComputeRunningProcesses_v3 and …MPSComputeRunningProcesses_v3 together, each process once."""
        ...

    def field_values(self, device: Device, fields: Sequence[FieldId]) -> tuple[FieldValue, ...]:
        """nvmlDeviceGetFieldValues: one answer a field, in order. Never raises for a single field."""
        ...

    def reel(self, device: Device, meters: Sequence[Meter]) -> Reel | None:
        """Return a reel of these meters, a number each; None where a driver has none, or cannot read one of them so.

        A clock as by ``clock_mhz``, ``ClocksEventReason`` itself as by ``clocks_event_reasons``, and fields as by
        ``field_values``, those that follow one another with one call.
        """
        ...

    def utilization(self, device: Device) -> Utilization:
        """NvmlDeviceGetUtilizationRates. NvmlNotSupportedError while MIG is on."""
        ...

    def power_mw(self, device: Device) -> int:
        """nvmlDeviceGetPowerUsage, mW: the whole board's, whatever the handle.

        As it is now on GA100 and older, averaged over a second on everything later.
        """
        ...

    def power_limit_mw(self, device: Device) -> int:
        """nvmlDeviceGetEnforcedPowerLimit, mW."""
        ...

    def energy_mj(self, device: Device) -> int:
        """nvmlDeviceGetTotalEnergyConsumption, mJ since the driver was loaded: the whole board's."""
        ...

    def clock_mhz(self, device: Device, clock: Clock) -> int:
        """nvmlDeviceGetClockInfo, MHz."""
        ...

    def clocks_event_reasons(self, device: Device) -> ClocksEventReason:
        """nvmlDeviceGetCurrentClocksEventReasons, or …ClocksThrottleReasons where the driver is older (R535)."""
        ...

    def temperature_c(self, device: Device) -> int:
        """nvmlDeviceGetTemperatureV, or nvmlDeviceGetTemperature where the driver is older, of the GPU's die, °C."""
        ...

    def ecc_errors(self, device: Device, *, corrected: bool) -> int:
        """nvmlDeviceGetTotalEccErrors, volatile: errors since the driver was loaded."""
        ...

    def xid_events(self, device: Device) -> AbstractContextManager[XidEvents]:
        """An event set with this GPU or MIG device registered for nvmlEventTypeXidCriticalError; freed on exit."""
        ...

    # MIG mode

    def mig_mode(self, device: Device) -> MigMode:
        """NvmlDeviceGetMigMode. NvmlNotSupportedError on boards without MIG."""
        ...

    def set_mig_mode(self, device: Device, *, enabled: bool) -> NvmlError | None:
        """nvmlDeviceSetMigMode; returns its activation status: None when active, else why it is not.

        Raises NvmlNoPermissionError without CAP_SYS_ADMIN. Get handles again afterwards.
        """
        ...

    def max_mig_device_count(self, device: Device) -> int:
        """nvmlDeviceGetMaxMigDeviceCount: 0 while MIG is off."""
        ...

    def mig_device_by_index(self, device: Device, index: int) -> Device:
        """NvmlDeviceGetMigDeviceHandleByIndex. NvmlNotFoundError where the index is a hole."""
        ...

    def is_mig_device(self, device: Device) -> bool:
        """NvmlDeviceIsMigDeviceHandle."""
        ...

    def parent_of(self, mig_device: Device) -> Device:
        """NvmlDeviceGetDeviceHandleFromMigDeviceHandle."""
        ...

    def gpu_instance_id_of(self, mig_device: Device) -> int:
        """NvmlDeviceGetGpuInstanceId."""
        ...

    def compute_instance_id_of(self, mig_device: Device) -> int:
        """NvmlDeviceGetComputeInstanceId."""
        ...

    def mig_attributes(self, mig_device: Device) -> MigAttributes:
        """nvmlDeviceGetAttributes_v2."""
        ...

    def mig_changes(self) -> AbstractContextManager[MigChanges]:
        """An event set with every GPU that can be cut registered for nvmlEventMigConfigChange; freed on exit."""
        ...

    # GPU instances

    def gpu_instance_profile(self, device: Device, slot: int) -> GpuInstanceProfile:
        """NvmlDeviceGetGpuInstanceProfileInfoV.

        NvmlNotSupportedError: not on this board, go on. NvmlInvalidArgumentError: no profile has this enum or a
        higher one.
        """
        ...

    def gpu_instance_placements(self, device: Device, profile_id: int) -> tuple[Placement, ...]:
        """nvmlDeviceGetGpuInstancePossiblePlacements_v2: all of the profile, whatever is occupied."""
        ...

    def gpu_instance_capacity(self, device: Device, profile_id: int) -> int:
        """nvmlDeviceGetGpuInstanceRemainingCapacity: how many can be created now."""
        ...

    def create_gpu_instance(
        self, device: Device, profile_id: int, placement: Placement | None = None
    ) -> GpuInstanceHandle:
        """nvmlDeviceCreateGpuInstance, or …WithPlacement where a placement is given.

        NvmlInsufficientResourcesError when there is no room or the place is taken.
        """
        ...

    def gpu_instances(self, device: Device, profile_id: int) -> tuple[GpuInstanceHandle, ...]:
        """nvmlDeviceGetGpuInstances: those of one profile."""
        ...

    def gpu_instance_by_id(self, device: Device, instance_id: int) -> GpuInstanceHandle:
        """NvmlDeviceGetGpuInstanceById. Raises NvmlNotFoundError."""
        ...

    def gpu_instance_info(self, instance: GpuInstanceHandle) -> GpuInstanceInfo:
        """NvmlGpuInstanceGetInfo. NvmlInvalidArgumentError for a handle whose instance is gone."""
        ...

    def destroy_gpu_instance(self, instance: GpuInstanceHandle) -> None:
        """NvmlGpuInstanceDestroy. NvmlInUseError while it has a compute instance."""
        ...

    # Compute instances

    def compute_instance_profile(self, instance: GpuInstanceHandle, slot: int) -> ComputeInstanceProfile:
        """nvmlGpuInstanceGetComputeInstanceProfileInfoV, shared engines. Errors as for gpu_instance_profile."""
        ...

    def compute_instance_placements(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[Placement, ...]:
        """nvmlGpuInstanceGetComputeInstancePossiblePlacements, in compute slices of the GPU instance."""
        ...

    def compute_instance_capacity(self, instance: GpuInstanceHandle, profile_id: int) -> int:
        """NvmlGpuInstanceGetComputeInstanceRemainingCapacity."""
        ...

    def create_compute_instance(
        self, instance: GpuInstanceHandle, profile_id: int, placement: Placement | None = None
    ) -> ComputeInstanceHandle:
        """nvmlGpuInstanceCreateComputeInstance, or …WithPlacement where a placement is given."""
        ...

    def compute_instances(self, instance: GpuInstanceHandle, profile_id: int) -> tuple[ComputeInstanceHandle, ...]:
        """nvmlGpuInstanceGetComputeInstances: those of one profile."""
        ...

    def compute_instance_info(self, instance: ComputeInstanceHandle) -> ComputeInstanceInfo:
        """nvmlComputeInstanceGetInfo_v2."""
        ...

    def destroy_compute_instance(self, instance: ComputeInstanceHandle) -> None:
        """NvmlComputeInstanceDestroy. NvmlInUseError while a process uses it."""
        ...

    # GPM: activity of Hopper and later

    def gpm_supported(self, device: Device) -> bool:
        """NvmlGpmQueryDeviceSupport."""
        ...

    def gpm_sample(self, device: Device, gpu_instance_id: int | None = None) -> GpmSample:
        """NvmlGpmSampleGet of a whole GPU, or nvmlGpmMigSampleGet of one GPU instance of it."""
        ...

    def gpm_metrics(self, earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> tuple[GpmValue, ...]:
        """nvmlGpmMetricsGet: averages between two samples more than 100 ms apart, one answer a metric, in order."""
        ...

    def gpm_reader(self, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> GpmReader:
        """A reader of these metrics, of a whole GPU or of one GPU instance of it."""
        ...

    def gpm_bank(self, metric_ids: Sequence[int], slots: int) -> Bank:
        """Readers of these metrics, of several GPUs or GPU instances: the averages of each are those of a reader."""
        ...
