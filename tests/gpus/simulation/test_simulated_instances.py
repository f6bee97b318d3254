"""Instances and MIG devices live and die as NVML's do."""

import pytest

from migperf.gpus.driver import Device, Driver
from migperf.gpus.nvml_errors import (
    NvmlInsufficientResourcesError,
    NvmlInUseError,
    NvmlInvalidArgumentError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.driver import open_in_memory
from tests.gpus.simulation.hosts import WITH_MIG, WITHOUT_MIG, cut, cuttable, fill, mig_device, profiles

MIB = 1 << 20


def compute_profiles(driver: Driver, gpu: Device, name: str) -> dict[str, tuple[int, int, tuple[int, ...]]]:
    """Return of each compute instance profile: how many fit, SMs, starts."""
    instance = cut(driver, gpu, name)
    found = {}
    for slot in range(9):
        try:
            profile = driver.compute_instance_profile(instance, slot)
        except NvmlNotSupportedError:
            continue
        places = driver.compute_instance_placements(instance, profile.id)
        assert profile.id == slot
        assert {place.size for place in places} == {profile.slice_count}
        assert driver.compute_instance_capacity(instance, profile.id) == profile.instance_count == len(places)
        found[profile.name] = (profile.instance_count, profile.sm_count, tuple(place.start for place in places))
    with pytest.raises(NvmlInvalidArgumentError):
        driver.compute_instance_profile(instance, 9)
    return found


def test_compute_profiles_are_those_of_the_published_list():
    """The list of an A100; the profile with media engines counts as a 1c."""
    driver, gpu = cuttable("a100-40gb")
    assert compute_profiles(driver, gpu, "3g.20gb") == {
        "1c.3g.20gb": (3, 14, (0, 1, 2)),
        "2c.3g.20gb": (1, 28, (0,)),
        "3g.20gb": (1, 42, (0,)),
        "1c.3g.20gb+me": (3, 14, (0, 1, 2)),
    }
    driver, gpu = cuttable("a100-40gb")
    assert compute_profiles(driver, gpu, "4g.20gb") == {
        "1c.4g.20gb": (4, 14, (0, 1, 2, 3)),
        "2c.4g.20gb": (2, 28, (0, 2)),
        "4g.20gb": (1, 56, (0,)),
        "1c.4g.20gb+me": (4, 14, (0, 1, 2, 3)),
    }
    driver, gpu = cuttable("a100-40gb")
    assert compute_profiles(driver, gpu, "7g.40gb") == {
        "1c.7g.40gb": (7, 14, (0, 1, 2, 3, 4, 5, 6)),
        "2c.7g.40gb": (3, 28, (0, 2, 4)),
        "3c.7g.40gb": (2, 42, (0, 4)),
        "4c.7g.40gb": (1, 56, (0,)),
        "7g.40gb": (1, 98, (0,)),
        "1c.7g.40gb+me": (7, 14, (0, 1, 2, 3, 4, 5, 6)),
    }


@pytest.mark.parametrize("board", WITH_MIG)
def test_a_compute_instance_that_fills_its_gpu_instance_is_all_of_it(board: str):
    """Same name, same SMs, same memory; on Hopper and later that is not slices times a constant."""
    driver, gpu = cuttable(board)
    for name, profile in profiles(driver, gpu).items():
        instance = cut(driver, gpu, name)
        compute = fill(driver, instance)
        device = driver.compute_instance_info(compute).device
        attributes = driver.mig_attributes(device)
        assert driver.name(device) == f"{driver.name(gpu)} MIG {name}"
        assert (attributes.sm_count, attributes.memory_mib) == (profile.sm_count, profile.memory_mib)
        assert attributes.gpu_instance_slices == attributes.compute_instance_slices == profile.slice_count
        assert driver.memory(device).total == profile.memory_mib * MIB
        driver.destroy_compute_instance(compute)
        driver.destroy_gpu_instance(instance)


def test_a_part_of_a_gpu_instance_has_sms_of_its_own_and_memory_in_common():
    driver, gpu = cuttable("a100-40gb")
    instance = cut(driver, gpu, "3g.20gb")
    infos = [driver.compute_instance_info(driver.create_compute_instance(instance, profile)) for profile in (1, 0)]
    assert [info.id for info in infos] == [0, 1]
    assert [info.placement for info in infos] == [Placement(0, 2), Placement(2, 1)]
    two, one = (info.device for info in infos)
    assert driver.name(one).endswith(" MIG 1c.3g.20gb")
    assert [driver.mig_attributes(device).sm_count for device in (two, one)] == [28, 14]
    assert {driver.mig_attributes(device).memory_mib for device in (two, one)} == {19968}
    driver.add_process(7, "python", driver.uuid(two), 5 * MIB)
    assert driver.memory(one).used == 5 * MIB, "all of a GPU instance use its memory"
    assert driver.compute_processes(one) == ()


def test_a_compute_instance_takes_the_first_free_place_and_id():
    driver, gpu = cuttable("a100-40gb")
    instance = cut(driver, gpu, "3g.20gb")
    first, second = (driver.create_compute_instance(instance, 0) for _ in range(2))
    assert driver.compute_instance_info(second).placement == Placement(1, 1)
    driver.destroy_compute_instance(first)
    again = driver.compute_instance_info(driver.create_compute_instance(instance, 0))
    assert (again.placement, again.id) == (Placement(0, 1), 0)


def test_compute_instances_do_not_overlap_and_stay_in_the_grid():
    driver, gpu = cuttable("a100-40gb")
    instance = cut(driver, gpu, "4g.20gb")
    driver.create_compute_instance(instance, 1, Placement(2, 2))
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_compute_instance(instance, 0, Placement(3, 1))
    with pytest.raises(NvmlInvalidArgumentError):
        driver.create_compute_instance(instance, 1, Placement(1, 2))
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_compute_instance(instance, 3)
    assert driver.compute_instance_capacity(instance, 0) == 2
    assert len(driver.compute_instances(instance, 1)) == 1
    assert driver.compute_instances(instance, 0) == ()


def test_gpu_instances_do_not_overlap_and_stay_in_the_grid():
    driver, gpu = cuttable("a100-40gb")
    cut(driver, gpu, "2g.10gb", 2)
    with pytest.raises(NvmlInsufficientResourcesError):
        cut(driver, gpu, "1g.5gb", 3)
    for outside in (1, 6):
        with pytest.raises(NvmlInvalidArgumentError):
            cut(driver, gpu, "2g.10gb", outside)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.create_gpu_instance(gpu, 14, Placement(0, 1))


def test_instances_are_listed_by_profile_and_found_by_id():
    driver, gpu = cuttable("a100-40gb")
    three, one = cut(driver, gpu, "3g.20gb"), cut(driver, gpu, "1g.5gb")
    assert driver.gpu_instances(gpu, 9) == (three,)
    assert driver.gpu_instances(gpu, 14) == ()
    assert driver.gpu_instance_by_id(gpu, driver.gpu_instance_info(one).id) == one
    with pytest.raises(NvmlNotFoundError):
        driver.gpu_instance_by_id(gpu, 0)


def test_a_gpu_instance_is_in_use_while_it_has_a_compute_instance():
    driver, gpu = cuttable("a100-80gb")
    instance = cut(driver, gpu, "1g.10gb")
    compute = fill(driver, instance)
    with pytest.raises(NvmlInUseError):
        driver.destroy_gpu_instance(instance)
    driver.destroy_compute_instance(compute)
    driver.destroy_gpu_instance(instance)
    assert driver.gpu_instances(gpu, 19) == ()


def test_a_compute_instance_is_in_use_while_a_process_is_on_it():
    driver, gpu = cuttable("a100-80gb")
    compute = fill(driver, cut(driver, gpu, "1g.10gb"))
    driver.add_process(4711, "python", driver.uuid(driver.compute_instance_info(compute).device), MIB)
    with pytest.raises(NvmlInUseError, match="4711"):
        driver.destroy_compute_instance(compute)
    driver.end_process(4711)
    driver.destroy_compute_instance(compute)


def test_what_is_created_again_has_a_new_uuid_and_the_old_handles_are_dead():
    """Same profile, same place, same ids: still another device."""
    driver, gpu = cuttable("a100-80gb")
    instance = cut(driver, gpu, "1g.10gb", 0)
    compute = fill(driver, instance)
    old = driver.compute_instance_info(compute).device
    old_uuid = driver.uuid(old)
    driver.destroy_compute_instance(compute)
    driver.destroy_gpu_instance(instance)
    again = mig_device(driver, gpu, "1g.10gb", 0)
    assert old_uuid.startswith("MIG-")
    assert driver.uuid(again) != old_uuid
    for call in (driver.uuid, driver.memory, driver.mig_attributes, driver.parent_of):
        with pytest.raises(NvmlInvalidArgumentError):
            call(old)
    for call in (driver.gpu_instance_info, driver.destroy_gpu_instance):
        with pytest.raises(NvmlInvalidArgumentError):
            call(instance)
    for call in (driver.compute_instance_info, driver.destroy_compute_instance):
        with pytest.raises(NvmlInvalidArgumentError):
            call(compute)
    with pytest.raises(NvmlNotFoundError):
        driver.device_by_uuid(old_uuid)


def test_indices_of_mig_devices_have_holes():
    """A device keeps its index when another goes; the lowest free index is used again."""
    driver, gpu = cuttable("a100-80gb")
    computes = [fill(driver, cut(driver, gpu, "1g.10gb")) for _ in range(3)]
    uuids = [driver.uuid(driver.compute_instance_info(compute).device) for compute in computes]
    driver.destroy_compute_instance(computes[1])
    assert driver.uuid(driver.mig_device_by_index(gpu, 2)) == uuids[2]
    with pytest.raises(NvmlNotFoundError):
        driver.mig_device_by_index(gpu, 1)
    new = mig_device(driver, gpu, "2g.20gb")
    assert driver.mig_device_by_index(gpu, 1) == new
    assert driver.max_mig_device_count(gpu) == 7
    with pytest.raises(NvmlInvalidArgumentError):
        driver.mig_device_by_index(gpu, 7)


def test_a_mig_device_knows_its_gpu_and_ids_and_is_found_by_either_form_of_its_uuid():
    driver, gpu = cuttable("a100-80gb")
    device = mig_device(driver, gpu, "2g.20gb")
    assert driver.is_mig_device(device)
    assert not driver.is_mig_device(gpu)
    assert driver.parent_of(device) == gpu
    assert (driver.gpu_instance_id_of(device), driver.compute_instance_id_of(device)) == (3, 0)
    assert driver.device_by_uuid(driver.uuid(device)) == device
    assert driver.device_by_uuid(f"MIG-{driver.uuid(gpu)}/3/0") == device
    assert driver.device_by_uuid(driver.uuid(gpu)) == gpu
    assert driver.compute_capability(device) == (8, 0)


def test_calls_for_gpus_refuse_mig_devices_and_the_other_way_round():
    driver, gpu = cuttable("a100-80gb")
    device = mig_device(driver, gpu, "2g.20gb")
    for call in (driver.mig_mode, driver.max_mig_device_count):
        with pytest.raises(NvmlInvalidArgumentError):
            call(device)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.create_gpu_instance(device, 14)
    for call in (driver.parent_of, driver.mig_attributes, driver.gpu_instance_id_of, driver.compute_instance_id_of):
        with pytest.raises(NvmlInvalidArgumentError):
            call(gpu)


def test_profiles_are_described_with_mig_off_instances_are_not_supported():
    driver = open_in_memory(["a100-80gb"])
    gpu = driver.device_by_index(0)
    assert len(profiles(driver, gpu)) == 7
    assert len(driver.gpu_instance_placements(gpu, 19)) == 7
    assert driver.max_mig_device_count(gpu) == 0
    for call in (driver.create_gpu_instance, driver.gpu_instances, driver.gpu_instance_capacity):
        with pytest.raises(NvmlNotSupportedError):
            call(gpu, 19)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.mig_device_by_index(gpu, 0)


@pytest.mark.parametrize("board", WITHOUT_MIG)
def test_boards_without_mig_say_so(board: str):
    driver = open_in_memory([board])
    gpu = driver.device_by_index(0)
    assert profiles(driver, gpu) == {}
    assert driver.max_mig_device_count(gpu) == 0
    with pytest.raises(NvmlNotSupportedError):
        driver.mig_mode(gpu)
    with pytest.raises(NvmlNotSupportedError):
        driver.set_mig_mode(gpu, enabled=True)
    with pytest.raises(NvmlNotSupportedError):
        driver.mig_device_by_index(gpu, 0)


def test_unknown_profiles_are_not_supported():
    """14 is a 2g here and a 1g on another board; a number that this board does not have is refused."""
    driver, gpu = cuttable("a100-80gb")
    for call in (driver.create_gpu_instance, driver.gpu_instances, driver.gpu_instance_placements):
        with pytest.raises(NvmlNotSupportedError):
            call(gpu, 67)
    instance = cut(driver, gpu, "1g.10gb")
    with pytest.raises(NvmlNotSupportedError):
        driver.create_compute_instance(instance, 1)
    with pytest.raises(NvmlNotSupportedError):
        driver.create_compute_instance(instance, 99)
