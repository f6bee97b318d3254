"""Carrying out the steps of a plan: one NVML call each, on what is really there."""

from migperf.gpus.driver import ComputeInstanceHandle, Device, Driver, GpuInstanceHandle
from migperf.gpus.geometry import Placed
from migperf.gpus.inventory import compute_instance_profiles, gpu_instance_profiles
from migperf.gpus.nvml_errors import NvmlNotFoundError
from migperf.gpus.placement import Placement
from migperf.gpus.plan import CreateCompute, CreateInstance, DestroyCompute, DestroyInstance, SetMode, Step


def perform(driver: Driver, uuid: str, step: Step) -> None:
    """Carry one step out on the GPU. Raises NvmlError.

    Handles are fetched anew each time: a change of mode, or of another instance, can end them. What is to be destroyed
    is found by more than its id, which the driver may have given to something else meanwhile.
    """
    device = driver.device_by_uuid(uuid)
    match step:
        case SetMode():
            status = driver.set_mig_mode(device, enabled=step.enabled)
            if status is not None:
                raise status
        case DestroyCompute():
            driver.destroy_compute_instance(_find_compute(driver, device, step))
        case DestroyInstance():
            driver.destroy_gpu_instance(_find_instance(driver, device, step.placed.placement, step.placed))
        case CreateInstance():
            driver.create_gpu_instance(device, _profile_id(driver, device, step.placed), step.placed.placement)
        case CreateCompute():
            _create_compute(driver, _find_instance(driver, device, step.at), step)


def _find_compute(driver: Driver, device: Device, step: DestroyCompute) -> ComputeInstanceHandle:
    instance = driver.gpu_instance_by_id(device, step.gpu_instance_id)
    for cut in compute_instance_profiles(driver, instance):
        for handle in driver.compute_instances(instance, cut.id):
            info = driver.compute_instance_info(handle)
            if info.id == step.id and driver.uuid(info.device) == step.uuid:
                return handle
    raise NvmlNotFoundError("looking for the compute instance", step.uuid)


def _find_instance(driver: Driver, device: Device, place: Placement, what: Placed | None = None) -> GpuInstanceHandle:
    """Return the GPU instance at a place; of one profile only where ``what`` names it."""
    for profile in gpu_instance_profiles(driver, device):
        if what is not None and profile.name != what.profile:
            continue
        for handle in driver.gpu_instances(device, profile.id):
            if driver.gpu_instance_info(handle).placement == place:
                return handle
    raise NvmlNotFoundError("looking for the GPU instance", str(what or place))


def _profile_id(driver: Driver, device: Device, placed: Placed) -> int:
    for profile in gpu_instance_profiles(driver, device):
        if profile.name == placed.profile:
            return profile.id
    raise NvmlNotFoundError("looking for the profile", placed.profile)


def _create_compute(driver: Driver, instance: GpuInstanceHandle, step: CreateCompute) -> None:
    for cut in compute_instance_profiles(driver, instance):
        if cut.slice_count == step.slices:
            driver.create_compute_instance(instance, cut.id, step.placement)
            return
    raise NvmlNotFoundError("looking for a compute instance profile", f"{step.slices} slices")
