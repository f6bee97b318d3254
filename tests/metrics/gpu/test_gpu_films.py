"""A run's sources on the library, heard turn by turn as a sampler does: what is read on film is recorded as it was."""

import time

import numpy as np
import pytest

from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import GpuLostError, NvmlNoDataError, NvmlNotSupportedError
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from migperf.metrics.gpu.gpm_sources import instance_gpm_source, instances_gpm_source
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.listener import JointListener, Listener
from migperf.metrics.series import Series
from migperf.metrics.source import Source
from migperf.metrics.station import Station
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.mig import mig_device, with_mig_on
from tests.metrics.gpu.test_gpu_failures import FED_BY
from tests.metrics.gpu.test_gpu_library import FUNCTIONS, SEEN
from tests.metrics.gpu.watched import Watched, is_gpm
from tests.metrics.gpu.world import S

FILMED = {
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetFieldValues",
    "nvmlGpmSampleGet",
    "nvmlGpmMetricsGet",
}
CODES = {
    NvmlNotSupportedError.code: "not_supported",
    NvmlNoDataError.code: "no_data",
    GpuLostError.code: "lost",
}


class Clock:
    """Goes on by a turn when told, and by a little whenever it is looked at; however busy the host is."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


class Heard:
    """Sources with the recordings of what they say. Only GPM has a clock that no test can move."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.clock = Clock()
        self.listeners = {source.metrics[0].name: Listener(Station(source, self.clock)) for source in sources}
        self.readers = [listener.read_by(0) for listener in self.listeners.values()]
        self.scheduled_ns = 0

    def turn(self, count: int = 1) -> None:
        """Read everything so many times, no matter how often that makes sense."""
        for _ in range(count):
            if any(is_gpm(listener.station.source) for listener in self.listeners.values()):
                time.sleep(0.102)
            self.clock.now_ns += S
            self.scheduled_ns += 60 * S
            for listener in self.listeners.values():
                if listener.station.read(self.scheduled_ns, S):
                    listener.record()

    def series(self) -> dict[str, Series]:
        for listener in self.listeners.values():
            listener.develop()
        return {series.metric.name: series for reader in self.readers for series in reader.series()}

    def on_film(self) -> set[str]:
        return {name for name, listener in self.listeners.items() if listener.station.film is not None}


def heard(host: FakeHost, driver: NvmlLibrary, *, gpm: bool) -> Heard:
    watched = Watched(host, driver)
    if not gpm:
        watched.leave_out_gpm()
    return Heard(watched.sources)


def test_all_that_is_read_often_is_read_on_film_and_recorded_as_it_was(host: FakeHost, driver: NvmlLibrary) -> None:
    listening = heard(host, driver, gpm=True)
    listening.turn(4)
    assert listening.on_film() >= {"clock_sm", "power_average", "fb_reserved", "gract"}
    host.set_meters(0, clock_sm_mhz=1500, power_instant_mw=111_000, energy_mj=5_000_000_500, clocks_event_reasons=0x8)
    host.add_process(10, "python", driver.uuid(driver.device_by_index(0)), 5 << 20)
    host.set_gpm(0, 1, 77.25)
    listening.turn(2)
    series = listening.series()
    changed = {
        "clock_sm": 1500.0, "power_instant": 111.0, "energy": 5_000_000.5, "throttle_hw_slowdown": 1.0,
        "throttle_power_cap": 0.0, "throttle_sw_thermal": 0.0, "fb_used": 8.0, "gract": 77.25, "processes": 2.0,
    }  # fmt: skip
    gpm = {quantity.name: metric_id + 0.5 for metric_id, quantity in (*ACTIVITY.items(), *LINKS.items())}
    before = SEEN | gpm | {"fb_used": 3.0}
    for name, value in before.items():
        recorded = series[name].chunk.value.tolist()
        first = 3 if name in gpm else 4
        assert recorded == [value] * first + [changed.get(name, value)] * 2, name
        assert series[name].gaps == ()
        assert (np.diff(series[name].chunk.time_ns) > 0).all()


@pytest.mark.parametrize(("code", "state"), CODES.items())
@pytest.mark.parametrize("function", sorted(FILMED))
def test_a_call_that_fails_on_film_makes_a_gap_in_its_own_metrics(
    host: FakeHost, driver: NvmlLibrary, function: str, code: int, state: str
) -> None:
    listening = heard(host, driver, gpm="Gpm" in function)
    listening.turn(5)
    host.fail_always(function, code)
    listening.turn(2)
    hit = FED_BY[FUNCTIONS[function]]
    if function == "nvmlDeviceGetFieldValues" and state == "not_supported":
        # Power and energy have calls of before to be asked by.
        hit = hit - {"power_average", "energy"}
    for name, series in listening.series().items():
        assert [gap.absence.state for gap in series.gaps] == [state] * (name in hit), name
        if name in hit:
            assert series.gaps[0].start_ns == series.chunk.time_ns[-1]
            assert series.gaps[0].end_ns is None


@pytest.mark.parametrize("function", sorted(FILMED - {"nvmlGpmSampleGet"}))
def test_a_sentinel_on_film_is_a_gap_that_ends_with_the_next_value(
    host: FakeHost, driver: NvmlLibrary, function: str
) -> None:
    listening = heard(host, driver, gpm="Gpm" in function)
    listening.turn(5)
    host.blank(function)
    listening.turn(2)
    host.heal()
    listening.turn(4)
    hit = FED_BY[FUNCTIONS[function]]
    for name, series in listening.series().items():
        assert [(gap.absence.state, gap.end_ns is not None) for gap in series.gaps] == [("no_data", True)] * (
            name in hit
        ), name
        if name in hit:
            (gap,), time_ns = series.gaps, series.chunk.time_ns.tolist()
            assert time_ns.index(gap.end_ns) == time_ns.index(gap.start_ns) + 1


def test_single_answers_without_a_value_are_gaps_of_their_own(host: FakeHost, driver: NvmlLibrary) -> None:
    listening = heard(host, driver, gpm=True)
    listening.turn(4)
    host.set_gpm(0, 1, 0.0, NvmlNotSupportedError.code)
    listening.turn(2)
    host.set_gpm(0, 1, 55.0)
    listening.turn(2)
    series = listening.series()
    gaps = {name: [gap.absence.state for gap in one.gaps] for name, one in series.items() if one.gaps}
    assert gaps == {"gract": ["not_supported"]}
    assert series["gract"].chunk.value.tolist() == [1.5] * 3 + [55.0] * 2
    assert "nvmlGpmMetricsGet(1)" in series["gract"].gaps[0].absence.reason


def test_runs_that_come_and_go_change_what_is_read_together(host: FakeHost) -> None:
    host.start("h100-80gb")
    with NvmlLibrary.open() as driver:
        gpu = with_mig_on(driver)
        devices = [mig_device(driver, gpu)[-1] for _ in range(2)]
        for slot, device in enumerate(devices):
            for metric_id in ACTIVITY:
                host.set_gpm(0, metric_id, slot + 0.5, gpu_instance_id=driver.gpu_instance_id_of(device))
        board, cut = Handle(driver, driver.uuid(gpu)), [Handle(driver, driver.uuid(device)) for device in devices]
        clock = Clock()
        joint = JointListener(instances_gpm_source(board, cut), clock)
        columns = [joint.joint.join(instance_gpm_source(board, device)) for device in cut[:1]]
        readers = [joint.read_by(0, columns[0] or slice(0))]
        hearing(joint, clock, 5)
        assert joint.station.film is not None
        columns.append(joint.joint.join(instance_gpm_source(board, cut[1])))
        readers.append(joint.read_by(0, columns[1] or slice(0)))
        hearing(joint, clock, 5)
        joint.joint.leave(columns[0] or slice(0))
        hearing(joint, clock, 3)
        joint.develop()
        first, second = (reader.series()[0] for reader in readers)
        assert first.chunk.value.tolist() == [0.5] * 9
        assert second.chunk.value.tolist() == [1.5] * 7
        assert first.gaps == second.gaps == ()
        joint.station.close()
    assert host.held_samples() == 0


def hearing(listener: Listener, clock: Clock, turns: int) -> None:
    for _ in range(turns):
        time.sleep(0.102)
        clock.now_ns += S
        if listener.station.read(clock.now_ns, S):
            listener.record()
