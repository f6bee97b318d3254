"""What is stored and shown is what the meters said, or a gap with the reason, whatever an NVML call answers.

Never a value that nobody read. Real pynvml on the C library, real sampler, database and application.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from migperf.gpus.controller import Controller
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.partition import Partition
from migperf.metrics.instruments import Instruments, RunWatch
from migperf.metrics.series import SeriesUpdate
from migperf.store import series
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import submitted
from tests.gpus.nvml.build import build_library
from tests.gpus.nvml.fake_host import FakeHost, used_by_pynvml

BOARD = {
    "power_average_mw": 312_500,
    "power_instant_mw": 290_000,
    "power_limit_mw": 700_000,
    "energy_mj": 5_000_000,
    "clock_graphics_mhz": 1980,
    "clock_sm_mhz": 1965,
    "clock_memory_mhz": 2619,
    "clocks_event_reasons": 0,
    "temperature_c": 61,
    "memory_temperature_c": 74,
    "throttled_power_ns": 7_000_000_000,
    "throttled_thermal_ns": 8_000_000_000,
    "pcie_replays": 3,
    "ecc_corrected": 12,
    "ecc_uncorrected": 1,
    "utilization_gpu_pct": 73,
    "utilization_memory_pct": 21,
}
READ = {
    "power_average": 312.5,
    "power_instant": 290,
    "power_limit": 700,
    "energy": 5_000,
    "clock_sm": 1965,
    "clock_memory": 2619,
    "temperature_gpu": 61,
    "temperature_memory": 74,
    "throttled_power": 7,
    "throttled_thermal": 8,
    "pcie_replays": 3,
    "ecc_corrected": 12,
    "ecc_uncorrected": 1,
    "utilization_gpu": 73,
    "utilization_memory": 21,
    "gract": 11,
    "sm_active": 12,
}
"""What is stored of these when everything can be read, in the catalogue's units; none of it is 0."""
FEEDS = {
    "nvmlDeviceGetFieldValues": "energy",
    "nvmlDeviceGetClockInfo": "clock_sm",
    "nvmlDeviceGetCurrentClocksEventReasons": "throttle_power_cap",
    "nvmlDeviceGetTemperatureV": "temperature_gpu",
    "nvmlDeviceGetEnforcedPowerLimit": "power_limit",
    "nvmlDeviceGetUtilizationRates": "utilization_gpu",
    "nvmlDeviceGetMemoryInfo_v2": "fb_used",
    "nvmlDeviceGetTotalEccErrors": "ecc_corrected",
    "nvmlDeviceGetComputeRunningProcesses_v3": "processes",
    "nvmlGpmSampleGet": "gract",
    "nvmlGpmMigSampleGet": "gract",
    "nvmlGpmMetricsGet": "gract",
}
"""Each call that is made while a run is watched, and a metric that it feeds."""
ANSWERS = {3: "not_supported", 4: "no_permission", 21: "no_data", 15: "lost"}
HAS_AN_OLDER_CALL = {("nvmlDeviceGetFieldValues", 3)}
NO_BLANK = {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlGpmSampleGet", "nvmlGpmMigSampleGet"}
"""Calls that give no number."""
LOOKED_AT = {*READ, *FEEDS.values()}
WATCHED_S = 0.25
pytestmark = pytest.mark.alone
"""A sampler that does not get to run for three of its turns, 60 ms, says that rather than what its call answered."""
Series = dict[str, Any]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHost]:
    made = FakeHost(build_library(tmp_path_factory.mktemp("driver")))
    with used_by_pynvml(made):
        yield made


@pytest.fixture
def watch(
    host: FakeHost, database: Database, client: TestClient, tmp_path: Path
) -> Iterator[Callable[..., dict[str, Series]]]:
    """Watch this process on an H100 for a moment, whole or cut; return its series as the service shows them."""
    host.start("h100-80gb")
    driver = NvmlLibrary.open()

    def watched(cut: bool, breaks: Callable[[], None], heals_after_s: float = 0.0) -> dict[str, Series]:
        partition = board(host, driver, tmp_path, cut=cut)
        breaks()
        began_ns = time.monotonic_ns()
        run = Instruments(driver).watch(os.getpid(), partition, 50)
        updates = heard_of(run, {"fb_used", "gract"} if cut else set(FEEDS.values()))
        host.heal()
        time.sleep(heals_after_s)
        run.close()
        return shown(database, client, began_ns, [*updates, *run.take()])

    yield watched
    host.heal()
    driver.close()


def heard_of(run: RunWatch, names: set[str]) -> list[SeriesUpdate]:
    """Watch for a moment, and on a host that stands still until something was said of each of these metrics."""
    updates: list[SeriesUpdate] = []
    latest_s = time.monotonic() + 10
    while time.monotonic() < latest_s:
        time.sleep(WATCHED_S)
        updates += run.take()
        if names <= {update.metric.name for update in updates}:
            break
    return updates


def board(host: FakeHost, driver: NvmlLibrary, folder: Path, *, cut: bool) -> Partition:
    host.set_meters(0, **BOARD)
    if cut:
        uuid = driver.uuid(driver.device_by_index(0))
        controller = Controller(driver=driver, lock=FileLock(folder / "lock"), holders=lambda _: {})
        controller.apply(uuid, Layout.parse("3g.40gb+2x2g.20gb"))
    partition = next(p for p in discover(driver, offer_cpu=False).partitions if p.gpu_uuid)
    instance = driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid)) if cut else None
    if instance is not None:
        host.set_meters(0, gpu_instance_id=instance, ecc_corrected=12, ecc_uncorrected=1)
    host.set_gpm(0, 1, 11.0, gpu_instance_id=instance)
    host.set_gpm(0, 2, 12.0, gpu_instance_id=instance)
    host.add_process(4711, "busy", partition.uuid, 5 << 20)
    return partition


def shown(database: Database, client: TestClient, began_ns: int, updates: list[Any]) -> dict[str, Series]:
    run_id = submitted(database)
    with database.write() as session:
        series.append(session, run_id, updates, began_ns)
    page = client.get(f"/runs/{run_id}").text
    listed = client.get(f"/v1/runs/{run_id}/series").json()["items"]
    listed = [head for head in listed if head["name"] in LOOKED_AT]
    found = {head["name"]: head | client.get(f"/v1/runs/{run_id}/series/{head['name']}").json() for head in listed}
    for name, one in found.items():
        for gap in one["gaps"]:
            assert gap["reason"] or name
        if one["absent"] and not one["value"]:
            assert one["absent"]["state"].replace("_", " ") in page, f"the page says why there is no {name}"
    return found


def nothing_is_made_up(found: dict[str, Series]) -> None:
    for name, value in READ.items():
        if name in found:
            assert set(found[name]["value"]) <= {value}, name
    for one in found.values():
        for gap in one["gaps"]:
            end_s = float("inf") if gap["end_s"] is None else gap["end_s"]
            assert not [t for t in one["time_s"] if gap["start_s"] < t < end_s], "no sample lies in a gap"


def test_everything_that_can_be_read_is_stored(watch: Callable[..., dict[str, Series]]) -> None:
    whole = watch(False, lambda: None)
    nothing_is_made_up(whole)
    assert {name for name in READ if not whole[name]["value"]} == set()
    assert set(whole["processes"]["value"]) == {1.0}
    assert set(whole["fb_used"]["value"]) == {5.0}


WHOLE = [(function, False) for function in FEEDS if function != "nvmlGpmMigSampleGet"]
CUT = [(f, True) for f in ("nvmlDeviceGetMemoryInfo_v2", "nvmlGpmMigSampleGet", "nvmlGpmMetricsGet")]


@pytest.mark.no_cover
@pytest.mark.parametrize(("function", "cut"), [*WHOLE, *CUT])
def test_a_call_that_fails_is_stored_and_shown_as_a_gap_with_its_reason(
    watch: Callable[..., dict[str, Series]], host: FakeHost, function: str, cut: bool
) -> None:
    for code, state in ANSWERS.items():
        found = watch(cut, lambda code=code: host.fail_always(function, code))
        nothing_is_made_up(found)
        fed = found[FEEDS[function]]
        if (function, code) in HAS_AN_OLDER_CALL:
            assert fed["value"], "where the newer call is not supported, an older one tells it"
            continue
        assert fed["value"] == []
        assert fed["absent"]["state"] == state
        assert fed["absent"]["reason"]


@pytest.mark.no_cover
@pytest.mark.parametrize("function", [name for name in FEEDS if name not in NO_BLANK])
def test_a_blank_is_no_value(watch: Callable[..., dict[str, Series]], host: FakeHost, function: str) -> None:
    found = watch(False, lambda: host.blank(function))
    nothing_is_made_up(found)
    fed = found[FEEDS[function]]
    assert fed["value"] == []
    assert fed["absent"]["state"] == "no_data"


def test_a_call_that_works_again_ends_its_gap(watch: Callable[..., dict[str, Series]], host: FakeHost) -> None:
    found = watch(False, lambda: host.fail_always("nvmlDeviceGetMemoryInfo_v2", 21), heals_after_s=0.4)
    nothing_is_made_up(found)
    (gap,) = found["fb_used"]["gaps"]
    assert gap["end_s"] == pytest.approx(found["fb_used"]["time_s"][0])
    assert found["fb_used"]["absent"] is None
