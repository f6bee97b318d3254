"""What migperf may rely on, whichever driver it talks to: the C model through pynvml, and the simulated driver.

The facts are those of NVIDIA's documents; each test runs on both.
"""

import pytest

from migperf.gpus.driver import Architecture, Device, Driver
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlInsufficientResourcesError,
    NvmlInUseError,
    NvmlInvalidArgumentError,
    NvmlNoPermissionError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
    NvmlResetRequiredError,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.board import Board
from migperf.gpus.simulation.boards import BOARDS
from tests.gpus.nvml.mig import IDS_7_SLICES, mig_device, profiles, with_mig_on

GIB = 1 << 30
A100, H100, T4, RTX = "a100-80gb", "h100-80gb", "t4-16gb", "rtx-pro-6000-96gb"
BOARDS_WITH_MIG = [board for board in BOARDS.values() if board.has_mig]
GRACT = 1


def ampere_in_mig(bench) -> tuple[Driver, Device]:
    """Return a driver and its A100 with MIG on, which took a reset."""
    host = bench(A100)
    host.driver.set_mig_mode(host.driver.device_by_index(0), enabled=True)
    host.reset(0)
    return host.driver, host.driver.device_by_index(0)


# --- devices ---


def test_gpus_are_listed_with_what_they_are(bench) -> None:
    driver = bench(A100, H100, T4).driver
    gpus = [driver.device_by_index(index) for index in range(driver.device_count())]
    assert [driver.name(gpu) for gpu in gpus] == [BOARDS[key].name for key in (A100, H100, T4)]
    assert [driver.architecture(gpu) for gpu in gpus] == [
        Architecture.AMPERE,
        Architecture.HOPPER,
        Architecture.TURING,
    ]
    assert [driver.compute_capability(gpu) for gpu in gpus] == [(8, 0), (9, 0), (7, 5)]
    assert [driver.core_count(gpu) for gpu in gpus] == [108 * 64, 132 * 128, 40 * 64]
    assert [driver.pci_bus_id(gpu) for gpu in gpus] == [f"00000000:0{n}:00.0" for n in (1, 2, 3)]
    assert len({driver.uuid(gpu) for gpu in gpus}) == 3
    with pytest.raises(NvmlInvalidArgumentError):
        driver.device_by_index(3)


def test_a_gpu_is_found_by_its_uuid(bench) -> None:
    driver = bench(A100, H100).driver
    uuid = driver.uuid(driver.device_by_index(1))
    assert uuid.startswith("GPU-")
    assert driver.name(driver.device_by_uuid(uuid)) == BOARDS[H100].name
    with pytest.raises(NvmlNotFoundError):
        driver.device_by_uuid("GPU-00000000-1111-2222-3333-444444444444")


def test_a_board_without_mig_says_so_and_is_otherwise_usable(bench) -> None:
    driver = bench(T4).driver
    gpu = driver.device_by_index(0)
    with pytest.raises(NvmlNotSupportedError):
        driver.mig_mode(gpu)
    with pytest.raises(NvmlNotSupportedError):
        driver.set_mig_mode(gpu, enabled=True)
    with pytest.raises(NvmlNotSupportedError):
        driver.mig_device_by_index(gpu, 0)
    assert driver.max_mig_device_count(gpu) == 0
    assert list(profiles(driver, gpu)) == []
    assert driver.memory(gpu).total == BOARDS[T4].memory_mib << 20


def test_one_lost_gpu_leaves_the_others_usable(bench) -> None:
    """A GPU that falls off the bus must cost one GPU, not the node."""
    host = bench(H100, H100)
    driver = host.driver
    lost, other = with_mig_on(driver, 0), with_mig_on(driver, 1)
    lost_uuid = driver.uuid(lost)
    instance, compute, device = mig_device(driver, lost)
    host.lose(0)
    for call, handle in (
        (driver.name, lost),
        (driver.memory, device),
        (driver.gpu_instance_info, instance),
        (driver.compute_instance_info, compute),
        (driver.device_by_uuid, lost_uuid),
        (driver.device_by_index, 0),
    ):
        with pytest.raises(GpuLostError):
            call(handle)
    assert driver.device_count() == 2
    assert driver.memory(mig_device(driver, other)[2]).total > 0
    host.reset(0)
    assert driver.uuid(driver.device_by_index(0)) == lost_uuid


# --- profiles and places ---


@pytest.mark.parametrize("board", BOARDS_WITH_MIG, ids=lambda board: board.key)
def test_every_profile_of_every_board_arrives_whole(bench, board: Board) -> None:
    """Each field of the structure is compared: one that is misplaced would give a neighbour's number."""
    driver = bench(board.key).driver
    gpu = driver.device_by_index(0)
    told = {profile.id: profile for profile in profiles(driver, gpu)}
    assert list(told) == [row.id for row in sorted(board.profiles, key=lambda row: row.slot)]
    for row in board.profiles:
        profile, engines = told[row.id], row.engines
        assert (profile.slot, profile.name, profile.slice_count) == (row.slot, row.name, row.slices)
        assert (profile.instance_count, profile.sm_count) == (row.max_count, row.sm_count)
        assert profile.memory_mib == row.memory_mib
        assert (profile.copy_engines, profile.decoders) == (engines.copy, engines.decoders)
        assert (profile.encoders, profile.jpeg, profile.ofa) == (engines.encoders, engines.jpeg, engines.ofa)
        places = driver.gpu_instance_placements(gpu, row.id)
        assert places == tuple(Placement(start, row.size) for start in row.starts)


def test_profiles_are_asked_for_by_slot_with_holes_and_an_end(bench) -> None:
    """NOT_SUPPORTED is a hole, INVALID_ARGUMENT the end: whoever mixes them up misses profiles."""
    driver = bench(A100).driver
    gpu = driver.device_by_index(0)
    with pytest.raises(NvmlNotSupportedError):
        driver.gpu_instance_profile(gpu, 5)
    assert driver.gpu_instance_profile(gpu, 7).name == "1g.10gb+me"
    with pytest.raises(NvmlInvalidArgumentError):
        driver.gpu_instance_profile(gpu, 0x12)


def test_placements_ignore_what_is_occupied_and_capacity_does_not(bench) -> None:
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    before = driver.gpu_instance_placements(gpu, IDS_7_SLICES["3g"])
    driver.create_gpu_instance(gpu, IDS_7_SLICES["3g"], Placement(0, 4))
    assert driver.gpu_instance_placements(gpu, IDS_7_SLICES["3g"]) == before
    left = {name: driver.gpu_instance_capacity(gpu, id_) for name, id_ in IDS_7_SLICES.items()}
    assert left == {"1g": 3, "2g": 1, "3g": 1, "4g": 0, "7g": 0}


def test_what_the_driver_places_itself_can_be_in_the_way_later(bench) -> None:
    """The guide's example of order: small instances first leave no room for the 3g."""
    driver, gpu = ampere_in_mig(bench)
    for profile_id in (19, 19, 14):
        driver.create_gpu_instance(gpu, profile_id)
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_gpu_instance(gpu, 9)


def test_biggest_first_fits(bench) -> None:
    driver, gpu = ampere_in_mig(bench)
    made = [driver.create_gpu_instance(gpu, profile_id) for profile_id in (9, 19, 14, 19)]
    assert len({driver.gpu_instance_info(instance).placement.start for instance in made}) == 4


def test_the_driver_takes_the_last_free_place(bench) -> None:
    """Seen on A100: the first 2g lands at 4:2, the first 1g at 6."""
    driver, gpu = ampere_in_mig(bench)
    for name, place in (("1g", Placement(6, 1)), ("2g", Placement(4, 2)), ("1g", Placement(3, 1))):
        instance = driver.create_gpu_instance(gpu, IDS_7_SLICES[name])
        assert driver.gpu_instance_info(instance).placement == place


def test_ids_of_gpu_instances_come_from_ranges_by_size(bench) -> None:
    driver, gpu = ampere_in_mig(bench)
    made = [driver.create_gpu_instance(gpu, IDS_7_SLICES[name]) for name in ("3g", "2g", "1g", "1g")]
    assert [driver.gpu_instance_info(instance).id for instance in made] == [1, 3, 7, 8]


def test_a_place_is_taken_once_and_must_be_one_of_the_profile(bench) -> None:
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES["2g"], Placement(2, 2))
    assert driver.gpu_instance_info(instance).placement == Placement(2, 2)
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_gpu_instance(gpu, IDS_7_SLICES["2g"], Placement(2, 2))
    with pytest.raises(NvmlInvalidArgumentError):
        driver.create_gpu_instance(gpu, IDS_7_SLICES["2g"], Placement(1, 2))


def test_media_engines_are_given_out_once(bench) -> None:
    driver = bench(RTX).driver
    gpu = with_mig_on(driver)
    with_all = driver.create_gpu_instance(gpu, 65)
    assert [driver.gpu_instance_capacity(gpu, id_) for id_ in (14, 21, 65, 67)] == [0, 0, 0, 3]
    driver.destroy_gpu_instance(with_all)
    driver.create_gpu_instance(gpu, 21)
    assert [driver.gpu_instance_capacity(gpu, id_) for id_ in (14, 21, 65, 67)] == [3, 0, 0, 3]


def test_the_grid_of_rtx_pro_has_twelve_units(bench) -> None:
    """Eight units are not a law: here an instance of four can begin at 9."""
    driver = bench(RTX).driver
    gpu = with_mig_on(driver)
    assert driver.max_mig_device_count(gpu) == 4
    made = [driver.create_gpu_instance(gpu, 14) for _ in range(4)]
    assert [driver.gpu_instance_info(instance).placement for instance in made] == [
        Placement(start, 3) for start in (9, 6, 3, 0)
    ]
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_gpu_instance(gpu, 14)


# --- the life of instances ---


def test_instances_are_listed_by_profile_and_found_by_id(bench) -> None:
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    made = {driver.gpu_instance_info(driver.create_gpu_instance(gpu, 19)).id for _ in range(7)}
    listed = [driver.gpu_instance_info(instance) for instance in driver.gpu_instances(gpu, 19)]
    assert {info.id for info in listed} == made
    assert {info.placement.start for info in listed} == set(range(7))
    assert driver.gpu_instances(gpu, 14) == ()
    for info in listed:
        assert driver.gpu_instance_info(driver.gpu_instance_by_id(gpu, info.id)) == info
    with pytest.raises(NvmlNotFoundError):
        driver.gpu_instance_by_id(gpu, 99)


def test_only_a_gpu_with_mig_on_can_be_cut(bench) -> None:
    driver = bench(H100).driver
    gpu = driver.device_by_index(0)
    assert driver.max_mig_device_count(gpu) == 0
    with pytest.raises(NvmlNotSupportedError):
        driver.create_gpu_instance(gpu, 19)
    with pytest.raises(NvmlNotSupportedError):
        driver.create_gpu_instance(with_mig_on(driver), 4711)


def test_a_gpu_instance_with_a_compute_instance_is_in_use(bench) -> None:
    driver = bench(H100).driver
    instance, compute, _ = mig_device(driver, with_mig_on(driver))
    with pytest.raises(NvmlInUseError):
        driver.destroy_gpu_instance(instance)
    driver.destroy_compute_instance(compute)
    driver.destroy_gpu_instance(instance)


def test_a_compute_instance_with_a_process_is_in_use(bench) -> None:
    host = bench(H100)
    driver = host.driver
    _, compute, device = mig_device(driver, with_mig_on(driver))
    host.add_process(77, "python", driver.uuid(device), GIB)
    with pytest.raises(NvmlInUseError):
        driver.destroy_compute_instance(compute)
    host.end_process(77)
    driver.destroy_compute_instance(compute)


def test_handles_die_with_their_instance_and_uuids_never_come_back(bench) -> None:
    """Ids and places are used again, UUIDs are not: a run that was placed by UUID cannot land on a successor."""
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    instance, compute, device = mig_device(driver, gpu, "7g")
    old_uuid = driver.uuid(device)
    driver.destroy_compute_instance(compute)
    driver.destroy_gpu_instance(instance)
    again, _, new_device = mig_device(driver, gpu, "7g")
    assert driver.gpu_instance_info(again).id == 0
    assert driver.uuid(new_device) != old_uuid
    for call, handle in (
        (driver.gpu_instance_info, instance),
        (driver.compute_instance_info, compute),
        (driver.uuid, device),
        (driver.destroy_gpu_instance, instance),
        (driver.destroy_compute_instance, compute),
    ):
        with pytest.raises(NvmlInvalidArgumentError):
            call(handle)
    with pytest.raises(NvmlNotFoundError):
        driver.device_by_uuid(old_uuid)


def test_compute_instances_share_a_gpu_instance(bench) -> None:
    driver, gpu = ampere_in_mig(bench)
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES["3g"])
    one = driver.compute_instance_profile(instance, 0)
    assert (one.id, one.name, one.slice_count, one.instance_count, one.sm_count) == (0, "1c.3g.40gb", 1, 3, 14)
    assert driver.compute_instance_profile(instance, 2).name == "3g.40gb"
    for hole in (3, 4, 5, 6, 8):
        with pytest.raises(NvmlNotSupportedError):
            driver.compute_instance_profile(instance, hole)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.compute_instance_profile(instance, 9)
    assert driver.compute_instance_placements(instance, 0) == tuple(Placement(start, 1) for start in range(3))
    driver.create_compute_instance(instance, 0, Placement(1, 1))
    assert [driver.compute_instance_capacity(instance, id_) for id_ in (0, 1, 2)] == [2, 0, 0]
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_compute_instance(instance, 0, Placement(1, 1))
    with pytest.raises(NvmlInvalidArgumentError):
        driver.create_compute_instance(instance, 1, Placement(1, 2))
    infos = [driver.compute_instance_info(driver.create_compute_instance(instance, 0)) for _ in range(2)]
    assert [(info.id, info.placement) for info in infos] == [(1, Placement(0, 1)), (2, Placement(2, 1))]
    assert len(driver.compute_instances(instance, 0)) == 3


def test_a_mig_device_knows_where_it_belongs(bench) -> None:
    driver = bench(A100, H100).driver
    gpu = with_mig_on(driver, 1)
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES["3g"])
    info = driver.compute_instance_info(driver.create_compute_instance(instance, 1))
    assert driver.is_mig_device(info.device) is True
    assert driver.is_mig_device(gpu) is False
    assert driver.uuid(driver.parent_of(info.device)) == driver.uuid(gpu)
    assert driver.gpu_instance_id_of(info.device) == driver.gpu_instance_info(instance).id == 1
    assert driver.compute_instance_id_of(info.device) == info.id == 0
    assert driver.name(info.device) == "NVIDIA H100 80GB HBM3 MIG 2c.3g.40gb"
    attributes = driver.mig_attributes(info.device)
    assert (attributes.sm_count, attributes.memory_mib) == (32, 40_448)
    assert (attributes.gpu_instance_slices, attributes.compute_instance_slices) == (3, 2)


def test_a_mig_device_is_found_by_either_form_of_its_uuid(bench) -> None:
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    _, _, device = mig_device(driver, gpu, "2g")
    uuid = driver.uuid(device)
    assert uuid.startswith("MIG-")
    assert driver.uuid(driver.device_by_uuid(uuid)) == uuid
    assert driver.uuid(driver.device_by_uuid(f"MIG-{driver.uuid(gpu)}/3/0")) == uuid


def test_what_is_asked_of_the_wrong_kind_of_device_is_refused(bench) -> None:
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    device = mig_device(driver, gpu)[2]
    for call in (driver.parent_of, driver.gpu_instance_id_of, driver.compute_instance_id_of, driver.mig_attributes):
        with pytest.raises(NvmlInvalidArgumentError):
            call(gpu)
    for call in (driver.mig_mode, driver.max_mig_device_count):
        with pytest.raises(NvmlInvalidArgumentError):
            call(device)


def test_indices_of_mig_devices_have_holes(bench) -> None:
    """A device that goes leaves a hole; who stops at the first NOT_FOUND overlooks the others."""
    driver = bench(H100).driver
    gpu = with_mig_on(driver)
    made = [mig_device(driver, gpu) for _ in range(3)]
    uuids = [driver.uuid(device) for _, _, device in made]
    driver.destroy_compute_instance(made[1][1])
    with pytest.raises(NvmlNotFoundError):
        driver.mig_device_by_index(gpu, 1)
    assert [driver.uuid(driver.mig_device_by_index(gpu, index)) for index in (0, 2)] == [uuids[0], uuids[2]]
    with pytest.raises(NvmlInvalidArgumentError):
        driver.mig_device_by_index(gpu, driver.max_mig_device_count(gpu))


# --- the mode ---


def test_ampere_waits_for_a_reset_and_keeps_the_mode_over_a_reboot(bench) -> None:
    host = bench(A100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    assert isinstance(driver.set_mig_mode(gpu, enabled=True), NvmlResetRequiredError)
    assert (driver.mig_mode(gpu).current, driver.mig_mode(gpu).pending) == (False, True)
    host.reset(0)
    gpu = driver.device_by_index(0)
    assert (driver.mig_mode(gpu).current, driver.mig_mode(gpu).pending) == (True, True)
    instance, _, _ = mig_device(driver, gpu)
    host.reboot()
    gpu = driver.device_by_index(0)
    assert driver.mig_mode(gpu).current
    assert driver.gpu_instances(gpu, 19) == ()
    with pytest.raises(NvmlInvalidArgumentError):
        driver.gpu_instance_info(instance)


def test_a_pending_change_can_be_taken_back(bench) -> None:
    host = bench(A100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    driver.set_mig_mode(gpu, enabled=True)
    assert driver.set_mig_mode(gpu, enabled=False) is None
    assert not driver.mig_mode(gpu).pending


def test_hopper_changes_at_once_and_forgets_at_reboot(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    assert driver.mig_mode(gpu).current
    mig_device(driver, gpu)
    host.reboot()
    gpu = driver.device_by_index(0)
    assert (driver.mig_mode(gpu).current, driver.mig_mode(gpu).pending) == (False, False)
    assert driver.max_mig_device_count(gpu) == 0


def test_the_mode_of_a_gpu_in_use_does_not_change_though_the_call_succeeds(bench) -> None:
    """NVML answers SUCCESS and tells the rest in a status: who looks only at the code believes that MIG is on."""
    host = bench(H100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.add_process(5, "python", driver.uuid(gpu), GIB)
    status = driver.set_mig_mode(gpu, enabled=True)
    assert isinstance(status, NvmlInUseError)
    assert status.on == driver.uuid(gpu)
    assert not driver.mig_mode(gpu).current


def test_rights(bench) -> None:
    """Without rights nothing can be cut and the parent hides what all instances do; a MIG device stays readable."""
    host = bench(H100)
    gpu = with_mig_on(host.driver)
    instance, compute, device = mig_device(host.driver, gpu)
    with host.unprivileged() as driver:
        for call in (
            lambda: driver.set_mig_mode(gpu, enabled=False),
            lambda: driver.create_gpu_instance(gpu, 19),
            lambda: driver.create_compute_instance(instance, 0),
            lambda: driver.destroy_compute_instance(compute),
            lambda: driver.destroy_gpu_instance(instance),
            lambda: driver.memory(gpu),
            lambda: driver.compute_processes(gpu),
        ):
            with pytest.raises(NvmlNoPermissionError):
                call()
        assert driver.memory(device).total == 9984 << 20
        assert driver.compute_processes(device) == ()
