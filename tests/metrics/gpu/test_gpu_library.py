"""The same sources on the way that real GPUs are read: pynvml and a C library."""

import time

import pytest

from migperf.gpus.inventory import discover
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.metrics.gpu.estimate import EstimateSource, PowerShares
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from migperf.metrics.gpu.instance_activity import SM_ACTIVE_ID
from migperf.metrics.gpu.plan import event_sources
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.mig import mig_device, with_mig_on
from tests.metrics.gpu.test_gpu_failures import CODES, FED_BY, absent, replaced
from tests.metrics.gpu.watched import SHOWN, Watched
from tests.metrics.gpu.world import MIB, S

SEEN = {
    "power_average": 312.5,
    "power_instant": 290.0,
    "power_limit": 700.0,
    "energy": 5_000_000.0,
    "clock_sm": 1965.0,
    "clock_memory": 2619.0,
    "throttle_power_cap": 1.0,
    "throttle_sw_thermal": 1.0,
    "throttle_hw_slowdown": 0.0,
    "throttle_hw_thermal": 0.0,
    "throttle_hw_power_brake": 0.0,
    "throttle_sync_boost": 0.0,
    "clocks_locked": 0.0,
    "clocks_idle": 0.0,
    "temperature_gpu": 61.0,
    "temperature_memory": 74.0,
    "throttled_power": 7.0,
    "throttled_thermal": 8e-9,
    "pcie_replays": 3.0,
    "ecc_corrected": 12.0,
    "ecc_uncorrected": 1.0,
    "utilization_gpu": 73.0,
    "utilization_memory": 21.0,
    "processes": 1.0,
}
FUNCTIONS = {
    "nvmlDeviceGetClockInfo": "clock_mhz",
    "nvmlDeviceGetCurrentClocksEventReasons": "clocks_event_reasons",
    "nvmlDeviceGetTemperatureV": "temperature_c",
    "nvmlDeviceGetEnforcedPowerLimit": "power_limit_mw",
    "nvmlDeviceGetUtilizationRates": "utilization",
    "nvmlDeviceGetMemoryInfo_v2": "memory",
    "nvmlDeviceGetComputeRunningProcesses_v3": "compute_processes",
    "nvmlDeviceGetTotalEccErrors": "ecc_errors",
    "nvmlDeviceGetFieldValues": "field_values",
    "nvmlGpmSampleGet": "gpm_sample",
    "nvmlGpmMetricsGet": "gpm_metrics",
}
HAVE_AN_OLDER_CALL = (
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetComputeRunningProcesses_v3",
)
COUNTS = "nvmlDeviceGetComputeRunningProcesses_v3"


def test_every_metric_of_a_whole_gpu_is_read(host: FakeHost, driver: NvmlLibrary) -> None:
    watched = Watched(host, driver)
    watched.read()
    seen = watched.read()
    gpm = {quantity.name: metric_id + 0.5 for metric_id, quantity in (*ACTIVITY.items(), *LINKS.items())}
    memory = {name: seen.pop(name) for name in ("fb_used", "fb_free", "fb_reserved")}
    assert seen == SEEN | gpm
    assert memory["fb_used"] == 3
    assert sum(memory.values()) == watched.partition.memory_mib  # type: ignore[arg-type]


def test_every_metric_of_a_mig_instance_is_read(host: FakeHost) -> None:
    host.start("h100-80gb")
    host.set_meters(0, **SHOWN)
    with NvmlLibrary.open() as driver:
        gpu = with_mig_on(driver)
        for size in ("1g", "2g"):
            mig_device(driver, gpu, size)
        partition = discover(driver, offer_cpu=False).partitions[1]
        instance_id = driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid))
        host.add_process(9, "python", partition.uuid, 5 * MIB)
        host.set_meters(0, gpu_instance_id=instance_id, ecc_uncorrected=77)
        for metric_id in ACTIVITY:
            host.set_gpm(0, metric_id, metric_id + 0.25, gpu_instance_id=instance_id)
        for metric_id in LINKS:
            host.set_gpm(0, metric_id, metric_id + 0.5)
        watched = Watched(host, driver, 1, mig=True)
        watched.read()
        seen = watched.read()
        activity = {quantity.name: metric_id + 0.25 for metric_id, quantity in ACTIVITY.items()}
        links = {quantity.name: metric_id + 0.5 for metric_id, quantity in LINKS.items()}
        expected = SEEN | activity | links | {"ecc_uncorrected": 77.0, "fb_used": 5.0}
        del expected["utilization_gpu"], expected["utilization_memory"]
        assert {name: seen[name] for name in expected} == expected
        assert absent(seen) == dict.fromkeys(("utilization_gpu", "utilization_memory"), "not_supported")
        for source in watched.sources:
            source.close()
        assert host.held_samples() == 0


@pytest.mark.parametrize(("code", "state"), CODES.items())
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_fails_makes_its_own_metrics_absent_until_it_heals(
    host: FakeHost, driver: NvmlLibrary, function: str, code: int, state: str
) -> None:
    watched = Watched(host, driver)
    if "Gpm" not in function:
        watched.leave_out_gpm()
    watched.read()
    host.fail_always(function, code)
    call = FUNCTIONS[function]
    hit = FED_BY[call] - replaced(call, state)
    if code == 13 and function in HAVE_AN_OLDER_CALL:
        hit = set()
    assert absent(watched.read(11 * S)) == dict.fromkeys(hit, state)
    host.heal()
    watched.read(10 * S)
    assert absent(watched.read()) == {}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in (COUNTS, "nvmlGpmSampleGet")])
def test_a_sentinel_is_no_value(host: FakeHost, driver: NvmlLibrary, function: str) -> None:
    watched = Watched(host, driver)
    watched.read()
    watched.read()
    host.blank(function)
    assert absent(watched.read()) == dict.fromkeys(FED_BY[FUNCTIONS[function]], "no_data")
    host.heal()
    assert absent(watched.read()) == {}


def test_a_gpu_that_is_lost_is_lost_with_everything_and_comes_back(host: FakeHost, driver: NvmlLibrary) -> None:
    host.so.fake_end_process(9)
    watched = Watched(host, driver)
    watched.read()
    host.so.fake_lose(0)
    seen = watched.read()
    assert absent(seen) == dict.fromkeys(seen, "lost")
    host.so.fake_reset(0)
    watched.read()
    assert absent(watched.read()) == {}


def test_errors_are_heard(host: FakeHost, driver: NvmlLibrary) -> None:
    watched = Watched(host, driver)
    (source,) = event_sources(driver, watched.partition)
    host.report_xid(0, 31)
    assert [(event.time_ns, event.value) for event in source.poll(7)] == [(7, 31.0)]
    source.close()
    assert host.held_event_sets() == 0


def test_an_instance_hears_its_own_errors_and_the_boards(host: FakeHost) -> None:
    host.start("h100-80gb")
    with NvmlLibrary.open() as driver:
        gpu = with_mig_on(driver)
        for _ in range(2):
            mig_device(driver, gpu)
        partitions = discover(driver, offer_cpu=False).partitions
        ids = [driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid)) for partition in partitions]
        (source,) = event_sources(driver, partitions[0])
        host.report_xid(0, 31, ids[0], 0)
        host.report_xid(0, 43, ids[1], 0)
        host.report_xid(0, 79)
        assert [event.value for event in source.poll(7)] == [31.0, 79.0]
        source.close()


def test_an_estimate_takes_its_readings_and_gives_them_back(host: FakeHost) -> None:
    host.start("h100-80gb")
    host.set_meters(0, energy_mj=0)
    with NvmlLibrary.open() as driver:
        gpu = with_mig_on(driver)
        for _ in range(2):
            mig_device(driver, gpu)
        partitions = discover(driver, offer_cpu=False).partitions
        ids = [driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid)) for partition in partitions]
        shares = PowerShares(driver, partitions[0].gpu_uuid or "")
        sources = [EstimateSource(shares, partition) for partition in partitions]
        for second, (energy_mj, active_pct) in enumerate([(0, 0.0), (100_000, 0.0), (400_000, 80.0)]):
            host.set_meters(0, energy_mj=energy_mj)
            host.set_gpm(0, SM_ACTIVE_ID, active_pct, gpu_instance_id=ids[0])
            host.set_gpm(0, SM_ACTIVE_ID, active_pct / 4, gpu_instance_id=ids[1])
            time.sleep(0.101)
            seen = [float(source.read(second * S)[0]) for source in sources]
        assert seen == pytest.approx([160.0, 40.0])
        assert host.held_samples() > 0
        for source in sources:
            source.close()
        assert host.held_samples() == 0


def test_a_driver_of_r470_tells_what_it_knows(old_host: FakeHost) -> None:
    old_host.start("a100-80gb")
    old_host.set_meters(0, **SHOWN)
    with NvmlLibrary.open() as driver:
        watched = Watched(old_host, driver)
        seen = watched.read()
        assert seen["energy"] == SEEN["energy"]
        assert seen["power_instant"] == SEEN["power_instant"]
        assert seen["clock_sm"] == SEEN["clock_sm"]
        assert set(absent(seen).values()) <= {"not_supported", "too early"}
        assert absent(seen)["fb_used"] == "not_supported"
