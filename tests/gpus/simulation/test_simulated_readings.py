"""A simulated GPU says what the tables and its state say. Readings it has only if a test hands them in."""

import pytest

from migperf.gpus.driver import Architecture, Device, FieldId, Memory, Utilization
from migperf.gpus.driver import Clock as Clocks
from migperf.gpus.nvml_errors import (
    NvmlInvalidArgumentError,
    NvmlNoDataError,
    NvmlNoPermissionError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
)
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings
from migperf.gpus.simulation.stores import MemoryStore
from tests.gpus.simulation.hosts import cut, cuttable, fill, mig_device, turn_on

MIB = 1 << 20
MS = 1_000_000
METERS = [field for field in FieldId if field is not FieldId.RESETLESS_MIG]
POWER_FIELDS = (FieldId.POWER_AVERAGE_MW, FieldId.POWER_INSTANT_MW)
SM_ACTIVE, UNKNOWN_METRIC = 2, 999


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Ramp:
    """Readings that grow with time, so that it shows when they were taken."""

    def board(self, gpu_uuid: str, now_ns: int) -> BoardReadings:
        return BoardReadings(
            power_average_mw=70_000 + now_ns // MS,
            power_instant_mw=60_000 + now_ns // MS,
            energy_mj=70 * now_ns // MS,
            utilization=Utilization(gpu_pct=42, memory_pct=7),
            memory_used_bytes=now_ns // MS * MIB,
            memory_reserved_bytes=500 * MIB,
        )

    def instance(self, gpu_uuid: str, gpu_instance_id: int, now_ns: int) -> InstanceReadings:
        return InstanceReadings(memory_used_bytes=gpu_instance_id * MIB)

    def gpm(self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]):
        if metric_id != SM_ACTIVE:
            return None
        return (gpu_instance_id or 0) + (window_ns[1] - window_ns[0]) / MS


def metered(board: str) -> tuple[SimulatedDriver, Device, Clock]:
    clock = Clock()
    driver = SimulatedDriver(MemoryStore([board]), meters=Ramp(), clock=clock)
    return driver, driver.device_by_index(0), clock


def test_a_host_lists_its_gpus_and_says_that_it_is_simulated():
    driver = open_in_memory(["a100-80gb", "t4-16gb"])
    assert driver.simulated
    assert (driver.driver_version(), driver.cuda_version()) == ("simulated", "0.0")
    assert driver.device_count() == 2
    a100, t4 = driver.device_by_index(0), driver.device_by_index(1)
    assert (driver.name(a100), driver.name(t4)) == ("NVIDIA A100-SXM4-80GB", "Tesla T4")
    assert driver.architecture(t4) is Architecture.TURING
    assert driver.core_count(a100) == 6912
    assert driver.pci_bus_id(a100) != driver.pci_bus_id(t4)
    for outside in (-1, 2):
        with pytest.raises(NvmlInvalidArgumentError):
            driver.device_by_index(outside)


def test_gpus_keep_their_uuid_and_no_two_share_one():
    """The same host has the same GPUs each time; two of one model are two, and so are those of two hosts."""
    boards = ["a100-80gb", "a100-80gb"]
    uuids = [
        [driver.uuid(driver.device_by_index(index)) for index in (0, 1)]
        for driver in (SimulatedDriver(MemoryStore(boards, host)) for host in ("one", "one", "two"))
    ]
    assert uuids[0] == uuids[1]
    assert len({*uuids[0], *uuids[2]}) == 4
    assert all(uuid.startswith("GPU-") for uuid in uuids[0])


def test_memory_is_the_boards_less_what_processes_use():
    driver = open_in_memory(["a100-80gb"])
    gpu = driver.device_by_index(0)
    driver.add_process(1, "train.py", driver.uuid(gpu), 1000 * MIB)
    driver.add_process(2, "infer.py", driver.uuid(gpu), 24 * MIB)
    driver.add_process(2, "infer.py", driver.uuid(gpu), 48 * MIB)
    assert driver.memory(gpu) == Memory(total=81920 * MIB, reserved=0, free=80872 * MIB, used=1048 * MIB)
    assert [process.pid for process in driver.compute_processes(gpu)] == [1, 2]
    assert driver.process_name(2) == "infer.py"
    driver.end_process(2)
    with pytest.raises(NvmlNotFoundError):
        driver.process_name(2)


def test_processes_are_seen_on_their_mig_device_and_with_its_ids_on_the_gpu():
    driver, gpu = cuttable("a100-80gb")
    mine, other = mig_device(driver, gpu, "2g.20gb"), mig_device(driver, gpu, "1g.10gb")
    driver.add_process(1, "train.py", driver.uuid(mine), 100 * MIB)
    (process,) = driver.compute_processes(mine)
    assert (process.gpu_instance_id, process.compute_instance_id) == (3, 0)
    assert driver.compute_processes(gpu) == (process,)
    assert driver.compute_processes(other) == ()
    assert (driver.memory(mine).used, driver.memory(other).used) == (100 * MIB, 0)
    assert driver.memory(gpu).used == 100 * MIB


def test_a_cut_gpu_tells_its_memory_and_processes_to_the_privileged_only():
    store = MemoryStore(["h100-80gb"])
    root, user = SimulatedDriver(store), SimulatedDriver(store, privileged=False)
    gpu = root.device_by_index(0)
    assert user.memory(gpu).used == 0
    root.set_mig_mode(gpu, enabled=True)
    device = mig_device(root, gpu, "1g.10gb")
    for call in (user.memory, user.compute_processes):
        with pytest.raises(NvmlNoPermissionError):
            call(gpu)
    assert user.memory(device) == root.memory(device)
    assert root.memory(gpu).total == 81559 * MIB


@pytest.mark.parametrize("board", ["a100-80gb", "h100-80gb", "t4-16gb"])
def test_without_meters_nothing_is_measured(board: str):
    """A figure that nobody measured must not exist: not 0, not something plausible."""
    driver = open_in_memory([board])
    gpu = driver.device_by_index(0)
    assert driver.metered is False
    for call in (
        driver.power_mw,
        driver.power_limit_mw,
        driver.energy_mj,
        driver.temperature_c,
        driver.clocks_event_reasons,
        driver.utilization,
        driver.gpm_sample,
        lambda gpu: driver.clock_mhz(gpu, Clocks.SM),
        lambda gpu: driver.ecc_errors(gpu, corrected=True),
    ):
        with pytest.raises(NvmlNotSupportedError):
            call(gpu)
    assert not driver.gpm_supported(gpu)
    for answer in driver.field_values(gpu, METERS):
        assert answer.value is None
        assert isinstance(answer.error, NvmlNotSupportedError)


@pytest.mark.parametrize(("board", "value"), [("a100-80gb", 0), ("h100-80gb", 1), ("rtx-pro-6000-96gb", 1)])
def test_field_184_says_whether_mig_mode_needs_a_reset(board: str, value: int):
    driver = open_in_memory([board])
    (answer,) = driver.field_values(driver.device_by_index(0), [FieldId.RESETLESS_MIG])
    assert (answer.value, answer.error) == (value, None)


def test_fields_are_answered_one_by_one():
    """One that does not exist does not spoil the others."""
    driver, gpu, _ = metered("t4-16gb")
    resetless, power = driver.field_values(gpu, [FieldId.RESETLESS_MIG, FieldId.POWER_INSTANT_MW])
    assert isinstance(resetless.error, NvmlNotSupportedError)
    assert (power.value, power.error) == (60_000, None)


def test_power_is_the_boards_through_any_handle():
    driver, gpu, clock = metered("h100-80gb")
    turn_on(driver, gpu)
    devices = [gpu, mig_device(driver, gpu, "1g.10gb"), mig_device(driver, gpu, "2g.20gb")]
    clock.now_ns = 5000 * MS
    assert {driver.power_mw(device) for device in devices} == {75_000}
    values = {tuple(answer.value for answer in driver.field_values(device, POWER_FIELDS)) for device in devices}
    assert values == {(75_000, 65_000)}


@pytest.mark.parametrize(
    ("board", "power_mw", "average_mw"),
    [("a100-80gb", 60_000, None), ("t4-16gb", 60_000, None), ("l40s-48gb", 70_000, 70_000)],
)
def test_up_to_ga100_power_is_what_it_is_now_and_later_an_average(board: str, power_mw: int, average_mw: int | None):
    driver, gpu, _ = metered(board)
    assert driver.power_mw(gpu) == power_mw
    average, instant = driver.field_values(gpu, POWER_FIELDS)
    assert (average.value, instant.value) == (average_mw, 60_000)


def test_memory_is_what_the_meters_say_where_they_say_it():
    driver, gpu, clock = metered("h100-80gb")
    clock.now_ns = 1000 * MS
    assert driver.memory(gpu) == Memory(total=81559 * MIB, reserved=500 * MIB, free=80059 * MIB, used=1000 * MIB)
    turn_on(driver, gpu)
    memory = driver.memory(mig_device(driver, gpu, "3g.40gb"))
    assert (memory.reserved, memory.used) == (0, MIB)


def test_utilization_and_cores_do_not_exist_while_mig_is_on():
    driver, gpu, _ = metered("h100-80gb")
    assert driver.utilization(gpu) == Utilization(gpu_pct=42, memory_pct=7)
    turn_on(driver, gpu)
    for device in (gpu, mig_device(driver, gpu, "1g.10gb")):
        for call in (driver.utilization, driver.core_count):
            with pytest.raises(NvmlNotSupportedError):
                call(device)


def test_gpm_averages_between_two_samples_of_a_gpu_or_gpu_instance():
    driver, gpu, clock = metered("h100-80gb")
    turn_on(driver, gpu)
    fill(driver, cut(driver, gpu, "3g.40gb"))
    first = [driver.gpm_sample(gpu), driver.gpm_sample(gpu, 1)]
    clock.now_ns += 250 * MS
    later = [driver.gpm_sample(gpu), driver.gpm_sample(gpu, 1)]
    answers = [driver.gpm_metrics(*pair, [SM_ACTIVE, UNKNOWN_METRIC]) for pair in zip(first, later, strict=True)]
    assert [answer[0].value for answer in answers] == [250, 251]
    assert all(isinstance(answer[1].error, NvmlNotSupportedError) for answer in answers)
    with pytest.raises(NvmlInvalidArgumentError):
        driver.gpm_metrics(first[0], later[1], [SM_ACTIVE])


def test_gpm_needs_more_than_a_tenth_of_a_second():
    driver, gpu, clock = metered("h100-80gb")
    first = driver.gpm_sample(gpu)
    clock.now_ns += 100 * MS
    (answer,) = driver.gpm_metrics(first, driver.gpm_sample(gpu), [SM_ACTIVE])
    assert answer.value is None
    assert isinstance(answer.error, NvmlInvalidArgumentError)
    clock.now_ns += 1
    (answer,) = driver.gpm_metrics(first, driver.gpm_sample(gpu), [SM_ACTIVE])
    assert answer.error is None


def test_a_gpu_instance_without_compute_instance_has_no_gpm_data():
    driver, gpu, _ = metered("h100-80gb")
    turn_on(driver, gpu)
    instance = cut(driver, gpu, "3g.40gb")
    with pytest.raises(NvmlNoDataError):
        driver.gpm_sample(gpu, 1)
    fill(driver, instance)
    driver.gpm_sample(gpu, 1)
    with pytest.raises(NvmlNotFoundError):
        driver.gpm_sample(gpu, 2)


def test_gpm_begins_with_hopper():
    driver, gpu, _ = metered("a100-80gb")
    assert not driver.gpm_supported(gpu)
    with pytest.raises(NvmlNotSupportedError):
        driver.gpm_sample(gpu)
