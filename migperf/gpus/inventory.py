"""What this host offers, asked from the driver now: its GPUs, how each is cut, and the partitions that follow."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from migperf.gpus.driver import (
    ComputeInstanceInfo,
    ComputeInstanceProfile,
    Device,
    Driver,
    FieldId,
    GpuInstanceHandle,
    GpuInstanceProfile,
)
from migperf.gpus.geometry import Geometry
from migperf.gpus.gpu import ComputeInstance, Gpu, GpuInstance, Mig
from migperf.gpus.host_cpu import cpu_partition, host_boot_id
from migperf.gpus.nvml_errors import (
    NvmlError,
    NvmlFunctionNotFoundError,
    NvmlInvalidArgumentError,
    NvmlNoPermissionError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
)
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.placement import Placement
from migperf.gpus.profile import Profile, ProfileName

T = TypeVar("T")
MAX_SLOTS = 64
"""Where walking over an enum of NVML's ends at the latest; it has 18 values today."""
MIB = 1 << 20
CORES_PER_SM = {6: 64, 7: 64, 8: 128, 9: 128, 10: 128, 11: 128, 12: 128}
"""CUDA cores of a multiprocessor by major compute capability (CUDA C++ Programming Guide, compute capabilities)."""
_CORES_PER_SM_EXCEPTIONS = {(6, 1): 128, (6, 2): 128, (8, 0): 64}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a host has."""

    gpus: tuple[Gpu, ...]
    partitions: tuple[Partition, ...]
    read_at: datetime
    """The host's clock before the driver was asked, UTC."""
    boot_id: str
    """New with every boot, which forgets every layout."""
    unreadable: tuple[str, ...] = ()
    """Why, for each GPU whose UUID could not even be asked: one of those known before has this problem."""


def discover(driver: Driver | None, *, offer_cpu: bool = True) -> Inventory:
    """Return what this host has now: its GPUs where there is a driver for them, and its CPU unless that is left out.

    A GPU that cannot be read does not hide the others: it is listed with its problem, and offers no partition.
    """
    read_at = datetime.now(UTC)
    # Before the GPUs: an older boot beside a newer layout is put right by the next reading. The other way round, a
    # layout that a boot has just ended would pass for one of the new boot, and nobody would apply it again.
    boot_id = host_boot_id() if driver is None else driver.boot_id()
    read = [] if driver is None else list(_read_all(driver))
    gpus = tuple(one for one in read if isinstance(one, Gpu))
    cut = (partition for gpu in gpus for partition in partitions_of(gpu))
    return Inventory(
        gpus=gpus,
        partitions=(*cut, cpu_partition()) if offer_cpu else tuple(cut),
        read_at=read_at,
        boot_id=boot_id,
        unreadable=tuple(str(one) for one in read if isinstance(one, NvmlError)),
    )


def _read_all(driver: Driver) -> Iterator[Gpu | NvmlError]:
    """Yield each GPU, or what kept it from being read."""
    try:
        count = driver.device_count()
    except NvmlError as error:
        _log.warning("this host's GPUs cannot be listed: %s", error)
        yield error
        return
    for index in range(count):
        try:
            yield read_gpu(driver, driver.device_by_index(index))
        except NvmlError as error:
            _log.warning("GPU %d cannot be read: %s", index, error)
            yield error


def find_gpu(driver: Driver, uuid: str) -> Gpu:
    """Return one GPU as it is now. Raises NvmlError: NvmlNotFoundError, or what keeps it from being read."""
    return _read(driver, driver.device_by_uuid(uuid), uuid)


def read_gpu(driver: Driver, device: Device) -> Gpu:
    """Return a GPU as it is now, or with its problem. Raises NvmlError only when not even its UUID can be had."""
    uuid = driver.uuid(device)
    try:
        return _read(driver, device, uuid)
    except NvmlError as error:
        unknown = Gpu(uuid=uuid, model="unknown", architecture="unknown", simulated=driver.simulated)
        return unknown.model_copy(update={"problem": str(error)})


def _read(driver: Driver, device: Device, uuid: str) -> Gpu:
    gpu = _identify(driver, device, uuid)
    if (mig := _mig(driver, device)) is None:
        return gpu
    geometry = _geometry(driver, device, gpu_instance_profiles(driver, device))
    cuttable = gpu.model_copy(update={"mig": mig, "geometry": geometry})
    if not mig.enabled:
        return cuttable
    return cuttable.model_copy(update={"instances": _gpu_instances(driver, device, cuttable)})


def _identify(driver: Driver, device: Device, uuid: str) -> Gpu:
    capability = driver.compute_capability(device)
    return Gpu(
        uuid=uuid,
        model=driver.name(device),
        architecture=driver.architecture(device).name.lower(),
        compute_capability=f"{capability[0]}.{capability[1]}",
        pci_bus_id=_offered(lambda: driver.pci_bus_id(device)),
        driver_version=driver.driver_version(),
        cuda_version=_offered(driver.cuda_version),
        memory_mib=_offered(lambda: driver.memory(device).total // MIB),
        sm_count=_sm_count(driver, device, capability),
        simulated=driver.simulated,
    )


def _sm_count(driver: Driver, device: Device, capability: tuple[int, int]) -> int | None:
    per_sm = _CORES_PER_SM_EXCEPTIONS.get(capability, CORES_PER_SM.get(capability[0]))
    cores = _offered(lambda: driver.core_count(device))
    return None if per_sm is None or cores is None else cores // per_sm


def _mig(driver: Driver, device: Device) -> Mig | None:
    try:
        mode = driver.mig_mode(device)
    except (NvmlNotSupportedError, NvmlFunctionNotFoundError):
        return None
    (field,) = driver.field_values(device, [FieldId.RESETLESS_MIG])
    return Mig(
        enabled=mode.current,
        pending=mode.pending,
        resetless=None if field.value is None else bool(field.value),
    )


def gpu_instance_profiles(driver: Driver, device: Device) -> tuple[GpuInstanceProfile, ...]:
    """Return the profiles that this GPU has, in the order of NVML's enum."""
    return tuple(_until_invalid(lambda slot: driver.gpu_instance_profile(device, slot)))


def _geometry(driver: Driver, device: Device, offered: tuple[GpuInstanceProfile, ...]) -> Geometry | None:
    profiles = tuple(_profile(driver, device, p) for p in offered)
    if not profiles:
        return None
    units = max(place.end for profile in profiles for place in profile.placements)
    return Geometry(units=units, slices=max(p.slices for p in profiles), profiles=profiles)


def _profile(driver: Driver, device: Device, offered: GpuInstanceProfile) -> Profile:
    return Profile(
        name=offered.name,
        id=offered.id,
        slices=offered.slice_count,
        max_count=offered.instance_count,
        sm_count=offered.sm_count,
        memory_mib=offered.memory_mib,
        placements=tuple(sorted(driver.gpu_instance_placements(device, offered.id))),
    )


def _gpu_instances(driver: Driver, device: Device, gpu: Gpu) -> tuple[GpuInstance, ...]:
    try:
        found = tuple(_listed_instances(driver, device, gpu.geometry))
    except NvmlNoPermissionError:
        # A container that was given one instance sees that one, and not how the GPU is cut.
        found = _visible_instances(driver, device)
    return tuple(sorted(found, key=lambda instance: instance.placement or Placement(instance.id, 0)))


def _listed_instances(driver: Driver, device: Device, geometry: Geometry | None) -> Iterator[GpuInstance]:
    for profile in geometry.profiles if geometry else ():
        for handle in driver.gpu_instances(device, profile.id):
            info = driver.gpu_instance_info(handle)
            yield GpuInstance(
                id=info.id,
                profile=profile.name,
                placement=info.placement,
                slices=profile.slices,
                compute_instances=tuple(_compute_instances(driver, handle, profile)),
            )


def _compute_instances(driver: Driver, instance: GpuInstanceHandle, profile: Profile) -> Iterator[ComputeInstance]:
    cuts = {cut.id: cut for cut in compute_instance_profiles(driver, instance)}
    handles = (handle for cut_id in cuts for handle in driver.compute_instances(instance, cut_id))
    found = {info.id: info for info in map(driver.compute_instance_info, handles)}
    for info in sorted(found.values(), key=lambda info: info.placement):
        slices = cuts[info.profile_id].slice_count
        yield _describe_compute(driver, info, slices, profile)


def _describe_compute(driver: Driver, info: ComputeInstanceInfo, slices: int, of: Profile) -> ComputeInstance:
    attributes = driver.mig_attributes(info.device)
    return ComputeInstance(
        id=info.id,
        uuid=driver.uuid(info.device),
        slices=slices,
        placement=info.placement,
        profile=of.name if slices == of.slices else f"{slices}c.{of.name}",
        sm_count=attributes.sm_count,
        memory_mib=attributes.memory_mib,
    )


def compute_instance_profiles(driver: Driver, instance: GpuInstanceHandle) -> tuple[ComputeInstanceProfile, ...]:
    """Return how a GPU instance can be cut into compute instances, in the order of NVML's enum."""
    return tuple(_until_invalid(lambda slot: driver.compute_instance_profile(instance, slot)))


def _visible_instances(driver: Driver, device: Device) -> tuple[GpuInstance, ...]:
    """Return what can be told of the MIG devices that this process sees, without the right to see the layout."""
    instances: dict[int, GpuInstance] = {}
    for mig_device in mig_devices(driver, device):
        instance_id, attributes = driver.gpu_instance_id_of(mig_device), driver.mig_attributes(mig_device)
        name = ProfileName.parse(driver.name(mig_device).rpartition(" MIG ")[2])
        whole = ProfileName(name.slices, name.memory_gb, name.attributes)
        compute = ComputeInstance(
            id=driver.compute_instance_id_of(mig_device),
            uuid=driver.uuid(mig_device),
            slices=attributes.compute_instance_slices,
            placement=None,
            profile=str(name),
            sm_count=attributes.sm_count,
            memory_mib=attributes.memory_mib,
        )
        new = GpuInstance(id=instance_id, profile=str(whole), placement=None, slices=name.slices)
        seen = instances.get(instance_id, new)
        instances[instance_id] = seen.model_copy(update={"compute_instances": (*seen.compute_instances, compute)})
    return tuple(instances.values())


def mig_devices(driver: Driver, device: Device) -> Iterator[Device]:
    """Yield the MIG devices of a GPU; their indices have holes."""
    for index in range(driver.max_mig_device_count(device)):
        try:
            yield driver.mig_device_by_index(device, index)
        except NvmlNotFoundError:
            continue


def partitions_of(gpu: Gpu) -> Iterator[Partition]:
    """Yield what runs can be put on: the whole GPU, or each of its compute instances while MIG is on."""
    if gpu.problem is not None:
        return
    about = {
        "model": gpu.model,
        "gpu_uuid": gpu.uuid,
        "architecture": gpu.architecture,
        "driver_version": gpu.driver_version,
        "simulated": gpu.simulated,
    }
    if gpu.mig is None or not gpu.mig.enabled:
        whole = {"memory_mib": gpu.memory_mib, "sm_count": gpu.sm_count}
        yield Partition(uuid=gpu.uuid, kind=PartitionKind.GPU, **whole, **about)
        return
    for instance in gpu.instances:
        for compute in instance.compute_instances:
            yield Partition(
                uuid=compute.uuid,
                kind=PartitionKind.MIG,
                profile=compute.profile,
                memory_mib=compute.memory_mib,
                sm_count=compute.sm_count,
                placement=instance.placement,
                **about,
            )


def _until_invalid(ask: Callable[[int], T]) -> Iterator[T]:
    """Walk over an enum of NVML's whose end is only known by asking: unsupported values are skipped."""
    for slot in range(MAX_SLOTS):
        try:
            yield ask(slot)
        except NvmlNotSupportedError:
            continue
        except NvmlInvalidArgumentError:
            return


def _offered(ask: Callable[[], T]) -> T | None:
    """Return the answer; None where this board, driver or process does not have it."""
    try:
        return ask()
    except (NvmlNotSupportedError, NvmlFunctionNotFoundError, NvmlNoPermissionError):
        return None
