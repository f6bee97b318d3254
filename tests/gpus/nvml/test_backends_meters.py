"""Memory, processes and meters on both drivers, whole or cut: what works on which handle, and how the rest fails."""

import pytest

from migperf.gpus.driver import Clock, ClocksEventReason, Device, Driver, FieldId, GpuProcess, Utilization
from migperf.gpus.nvml_errors import GpuLostError, NvmlError, NvmlNotFoundError, NvmlNotSupportedError
from tests.gpus.nvml.mig import IDS_7_SLICES, mig_device, with_mig_on

GIB = 1 << 30
A100, H100, T4, L40S = "a100-80gb", "h100-80gb", "t4-16gb", "l40s-48gb"
SHOWN = {
    "power_average_mw": 312_500,
    "power_instant_mw": 290_000,
    "power_limit_mw": 700_000,
    "energy_mj": 5_000_000_000,
    "clock_graphics_mhz": 1980,
    "clock_sm_mhz": 1965,
    "clock_memory_mhz": 2619,
    "clocks_event_reasons": 0x24 | 1 << 40,
    "temperature_c": 61,
    "memory_temperature_c": 74,
    "throttled_power_ns": 7_000_000_000,
    "throttled_thermal_ns": 8,
    "pcie_replays": 3,
    "pcie_sent_bytes": 1 << 40,
    "pcie_received_bytes": 1 << 41,
    "ecc_corrected": 12,
    "ecc_uncorrected": 1,
    "utilization_gpu_pct": 73,
    "utilization_memory_pct": 21,
}
"""Values of which no two are the same, and some need more than 32 bits."""
CALLS = {
    "power": lambda driver, gpu: driver.power_mw(gpu),
    "power limit": lambda driver, gpu: driver.power_limit_mw(gpu),
    "energy": lambda driver, gpu: driver.energy_mj(gpu),
    "graphics clock": lambda driver, gpu: driver.clock_mhz(gpu, Clock.GRAPHICS),
    "SM clock": lambda driver, gpu: driver.clock_mhz(gpu, Clock.SM),
    "memory clock": lambda driver, gpu: driver.clock_mhz(gpu, Clock.MEMORY),
    "reasons": lambda driver, gpu: driver.clocks_event_reasons(gpu),
    "temperature": lambda driver, gpu: driver.temperature_c(gpu),
    "corrected": lambda driver, gpu: driver.ecc_errors(gpu, corrected=True),
    "uncorrected": lambda driver, gpu: driver.ecc_errors(gpu, corrected=False),
    "utilisation": lambda driver, gpu: driver.utilization(gpu),
}
FIELDS = {
    FieldId.THROTTLED_POWER_NS: 7_000_000_000,
    FieldId.THROTTLED_THERMAL_NS: 8,
    FieldId.MEMORY_TEMPERATURE_C: 74,
    FieldId.ENERGY_MJ: 5_000_000_000,
    FieldId.PCIE_REPLAYS: 3,
    FieldId.RESETLESS_MIG: 1,
    FieldId.POWER_AVERAGE_MW: 312_500,
    FieldId.POWER_INSTANT_MW: 290_000,
    FieldId.PCIE_SENT_BYTES: 1 << 40,
    FieldId.PCIE_RECEIVED_BYTES: 1 << 41,
}


def told(driver: Driver, device: Device) -> dict[str, object]:
    """Return what every call answers: a value, or the class of its error."""
    return {name: answer(call, driver, device) for name, call in CALLS.items()}


def answer(call, driver: Driver, device: Device) -> object:
    try:
        return call(driver, device)
    except NvmlError as error:
        return type(error)


def fields(driver: Driver, device: Device) -> dict[FieldId, object]:
    answers = driver.field_values(device, list(FieldId))
    assert all((answer.value is None) != (answer.error is None) for answer in answers)
    return {answer.field: answer.value if answer.error is None else type(answer.error) for answer in answers}


def test_memory_of_a_mig_device_is_that_of_its_gpu_instance(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES["2g"])
    infos = [driver.compute_instance_info(driver.create_compute_instance(instance, 0)) for _ in range(2)]
    host.add_process(9, "python", driver.uuid(infos[0].device), 3 * GIB)
    for info in infos:
        memory = driver.memory(info.device)
        assert (memory.total, memory.used) == (driver.mig_attributes(info.device).memory_mib << 20, 3 * GIB)
    for device in (gpu, infos[0].device):
        memory = driver.memory(device)
        assert memory.total == memory.reserved + memory.free + memory.used
        assert memory.used == 3 * GIB


def test_processes_are_listed_with_the_instance_that_they_use(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    first, second = mig_device(driver, gpu, "2g")[2], mig_device(driver, gpu, "3g")[2]
    host.add_process(11, "python3", driver.uuid(first), GIB)
    host.add_process(12, "trainer", driver.uuid(second), 2 * GIB)
    in_first = GpuProcess(pid=11, used_bytes=GIB, gpu_instance_id=3, compute_instance_id=0)
    in_second = GpuProcess(pid=12, used_bytes=2 * GIB, gpu_instance_id=1, compute_instance_id=0)
    assert driver.compute_processes(first) == (in_first,)
    assert set(driver.compute_processes(gpu)) == {in_first, in_second}
    assert driver.process_name(12) == "trainer"
    host.end_process(12)
    assert driver.compute_processes(second) == ()
    with pytest.raises(NvmlNotFoundError):
        driver.process_name(12)


def test_a_process_on_a_whole_gpu_is_in_no_instance(bench) -> None:
    host = bench(T4)
    gpu = host.driver.device_by_index(0)
    host.add_process(13, "python", host.driver.uuid(gpu), GIB)
    assert host.driver.compute_processes(gpu) == (
        GpuProcess(pid=13, used_bytes=GIB, gpu_instance_id=None, compute_instance_id=None),
    )


# --- meters ---


def test_every_meter_of_a_whole_gpu_is_read_with_its_own_value(bench) -> None:
    host = bench(H100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.set_meters(0, **SHOWN)
    assert driver.metered
    assert told(driver, gpu) == {
        "power": 312_500,
        "power limit": 700_000,
        "energy": 5_000_000_000,
        "graphics clock": 1980,
        "SM clock": 1965,
        "memory clock": 2619,
        "reasons": ClocksEventReason.SW_POWER_CAP | ClocksEventReason.SW_THERMAL_SLOWDOWN | ClocksEventReason(1 << 40),
        "temperature": 61,
        "corrected": 12,
        "uncorrected": 1,
        "utilisation": Utilization(gpu_pct=73, memory_pct=21),
    }
    assert fields(driver, gpu) == FIELDS


def test_with_mig_on_the_boards_meters_go_on_and_utilisation_ends(bench) -> None:
    """Rows of table 5.1 for the parent: only utilisation is NOT_SUPPORTED."""
    host = bench(H100)
    host.set_meters(0, **SHOWN)
    before = told(host.driver, host.driver.device_by_index(0))
    gpu = with_mig_on(host.driver)
    assert told(host.driver, gpu) == before | {"utilisation": NvmlNotSupportedError}
    assert fields(host.driver, gpu) == FIELDS


def test_a_mig_device_has_no_meters_of_the_board_but_power_which_is_the_boards(bench) -> None:
    """Adding it up over MIG devices would count it again and again; the figure has the scope of the board."""
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    device = mig_device(driver, gpu)[2]
    host.set_meters(0, **SHOWN)
    host.set_meters(0, gpu_instance_id=driver.gpu_instance_id_of(device), ecc_corrected=5, ecc_uncorrected=0)
    answers = told(driver, device)
    assert (answers.pop("power"), answers.pop("corrected"), answers.pop("uncorrected")) == (312_500, 5, 0)
    assert set(answers.values()) == {NvmlNotSupportedError}
    power = (FieldId.POWER_AVERAGE_MW, FieldId.POWER_INSTANT_MW, FieldId.RESETLESS_MIG)
    assert fields(driver, device) == {
        field: value if field in power else NvmlNotSupportedError for field, value in FIELDS.items()
    }


def test_errors_of_one_gpu_instance_are_not_those_of_another_nor_of_the_board(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    one, other = (mig_device(driver, gpu, name)[2] for name in ("3g", "2g"))
    for id_, count in ((None, 100), (driver.gpu_instance_id_of(one), 1), (driver.gpu_instance_id_of(other), 2)):
        host.set_meters(0, gpu_instance_id=id_, ecc_corrected=count)
    assert [driver.ecc_errors(device, corrected=True) for device in (gpu, one, other)] == [100, 1, 2]


def test_up_to_ga100_power_is_what_it_is_now_and_later_an_average(bench) -> None:
    host = bench(T4, A100, L40S, H100)
    driver = host.driver
    gpus = [driver.device_by_index(index) for index in range(4)]
    for index in range(4):
        host.set_meters(index, power_average_mw=70_000, power_instant_mw=60_000)
    assert [driver.power_mw(gpu) for gpu in gpus] == [60_000, 60_000, 70_000, 70_000]
    answers = [driver.field_values(gpu, [FieldId.POWER_INSTANT_MW, FieldId.POWER_AVERAGE_MW]) for gpu in gpus]
    assert [instant.value for instant, _ in answers] == [60_000] * 4
    assert [average.value for _, average in answers] == [None, None, 70_000, 70_000]


def test_a_reading_that_a_board_does_not_have_is_not_supported_and_the_others_go_on(bench) -> None:
    host = bench(T4)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.set_meters(0, **SHOWN | {"temperature_c": None, "memory_temperature_c": None, "ecc_corrected": None})
    answers, values = told(driver, gpu), fields(driver, gpu)
    assert [answers[name] for name in ("temperature", "corrected")] == [NvmlNotSupportedError] * 2
    assert (answers["uncorrected"], answers["energy"], answers["power"]) == (1, 5_000_000_000, 290_000)
    assert values[FieldId.MEMORY_TEMPERATURE_C] is NvmlNotSupportedError
    assert values[FieldId.RESETLESS_MIG] is NvmlNotSupportedError
    assert values[FieldId.ENERGY_MJ] == 5_000_000_000


def test_no_meter_of_a_lost_gpu_can_be_read(bench) -> None:
    host = bench(H100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.set_meters(0, **SHOWN)
    host.lose(0)
    assert set(told(driver, gpu).values()) == {GpuLostError}
    with pytest.raises(GpuLostError):
        driver.field_values(gpu, list(FieldId))


def test_utilisation_and_cores_exist_only_while_mig_is_off(bench) -> None:
    host = bench(H100)
    driver = host.driver
    host.set_meters(0, **SHOWN)
    gpu = with_mig_on(driver)
    for call in (driver.utilization, driver.core_count):
        for device in (gpu, mig_device(driver, gpu)[2]):
            with pytest.raises(NvmlNotSupportedError):
                call(device)


def test_memory_is_what_is_measured_where_that_is_more_than_what_processes_tell(bench) -> None:
    host = bench(H100)
    driver = host.driver
    host.set_meters(0, memory_used_bytes=5 * GIB, memory_reserved_bytes=GIB)
    memory = driver.memory(driver.device_by_index(0))
    assert (memory.used, memory.reserved, memory.free) == (5 * GIB, GIB, memory.total - 6 * GIB)
    gpu = with_mig_on(driver)
    one, other = (mig_device(driver, gpu, name)[2] for name in ("3g", "2g"))
    host.set_meters(0, gpu_instance_id=driver.gpu_instance_id_of(one), memory_used_bytes=2 * GIB)
    assert [driver.memory(device).used for device in (gpu, one, other)] == [5 * GIB, 2 * GIB, 0]
