"""Reels of the library: what was answered then is what is developed later, and what was not answered is no number."""

import math
import struct
import time
from collections.abc import Iterator

import numpy as np
import pynvml
import pytest

from migperf.gpus.driver import Bank, Clock, ClocksEventReason, Device, FieldId, Meter
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError, NvmlNotSupportedError
from migperf.gpus.reel import Reel
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.mig import mig_device, with_mig_on

METERS = (Clock.SM, Clock.MEMORY, ClocksEventReason, FieldId.POWER_INSTANT_MW, FieldId.ENERGY_MJ)
TYPES = {
    "double": (pynvml.NVML_VALUE_TYPE_DOUBLE, struct.pack("=d", -2.5), -2.5),
    "int": (pynvml.NVML_VALUE_TYPE_SIGNED_INT, struct.pack("=i", -7), -7.0),
    "unsigned": (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, struct.pack("=I", 3_000_000_000), 3e9),
    "unsigned long": (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, struct.pack("=Q", 1 << 45), float(1 << 45)),
    "unsigned long long": (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, struct.pack("=Q", 1 << 50), float(1 << 50)),
    "long long": (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, struct.pack("=q", -(1 << 40)), -float(1 << 40)),
    "unsigned short": (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, struct.pack("=H", 65_000), 65_000.0),
}
NONE_OF = {
    "double": struct.pack("=d", math.nan),
    "int": struct.pack("=i", -1),
    "unsigned": b"\xff" * 4,
    "unsigned long": b"\xff" * 8,
    "unsigned long long": b"\xff" * 8,
    "long long": b"\xff" * 8,
    "unsigned short": b"\xff" * 2,
}


@pytest.fixture
def nvml(host: FakeHost) -> Iterator[NvmlLibrary]:
    host.start("h100-80gb")
    with NvmlLibrary.open() as driver:
        yield driver


def show(host: FakeHost, number: int) -> list[float]:
    """Let the meters show what depends on the number, and return what they then show."""
    shown = {
        "clock_sm_mhz": 1000 + number,
        "clock_memory_mhz": 2000 + number,
        "clocks_event_reasons": number % 8,
        "power_instant_mw": 300_000 + number,
        "energy_mj": (1 << 40) + number,
    }
    host.set_meters(0, **shown)
    return [float(value) for value in shown.values()]


def meter_reel(nvml: NvmlLibrary, *meters: Meter) -> Reel:
    reel = nvml.reel(nvml.device_by_index(0), meters or METERS)
    assert reel is not None
    return reel


def all_of(reel: Reel, *frames: int) -> tuple[np.ndarray, np.ndarray]:
    return reel.develop(np.array(frames, np.intp))


def test_each_frame_keeps_what_the_meters_showed_when_it_was_exposed(host: FakeHost, nvml: NvmlLibrary) -> None:
    reel = meter_reel(nvml)
    for _ in range(2):
        shown = []
        for frame in range(reel.frames):
            shown.append(show(host, frame))
            assert reel.expose(frame)
        values, codes = all_of(reel, *range(reel.frames))
        assert values.tolist() == shown
        assert not codes.any()


def test_what_is_developed_is_blank_again(host: FakeHost, nvml: NvmlLibrary) -> None:
    """Else a frame that a driver leaves as it is would show the reading before."""
    show(host, 1)
    reel = meter_reel(nvml)
    reel.expose(0)
    all_of(reel, 0)
    values, codes = all_of(reel, 0)
    assert np.isnan(values).all()
    assert (codes == NvmlNoDataError.code).all()


@pytest.mark.parametrize("kind", TYPES)
def test_fields_of_every_type(host: FakeHost, nvml: NvmlLibrary, kind: str) -> None:
    value_type, bits, value = TYPES[kind]
    reel = meter_reel(nvml, FieldId.ENERGY_MJ)
    host.set_field(0, FieldId.ENERGY_MJ, value_type, bits)
    assert reel.expose(0)
    values, codes = all_of(reel, 0)
    assert values.tolist() == [[value]]
    assert codes.tolist() == [[0]]


@pytest.mark.parametrize("kind", NONE_OF)
def test_what_stands_for_no_value_in_every_type(host: FakeHost, nvml: NvmlLibrary, kind: str) -> None:
    reel = meter_reel(nvml, FieldId.ENERGY_MJ)
    host.set_field(0, FieldId.ENERGY_MJ, TYPES[kind][0], NONE_OF[kind])
    assert reel.expose(0)
    values, codes = all_of(reel, 0)
    assert np.isnan(values).all()
    assert codes.tolist() == [[NvmlNoDataError.code]]


def test_a_field_with_an_error_has_its_code_and_no_value(host: FakeHost, nvml: NvmlLibrary) -> None:
    shown = show(host, 5)
    host.set_field(0, FieldId.POWER_INSTANT_MW, 1, b"\7", NvmlNotSupportedError.code)
    reel = meter_reel(nvml)
    assert reel.expose(0)
    values, codes = all_of(reel, 0)
    assert codes.tolist() == [[0, 0, 0, NvmlNotSupportedError.code, 0]]
    assert np.isnan(values[0, 3])
    assert np.delete(values[0], 3).tolist() == [*shown[:3], shown[4]]


def test_a_type_that_nvml_does_not_name_cannot_be_read(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.set_field(0, FieldId.ENERGY_MJ, 99, b"\7")
    reel = meter_reel(nvml, FieldId.ENERGY_MJ)
    assert reel.expose(0)
    values, codes = all_of(reel, 0)
    assert np.isnan(values).all()
    assert codes.tolist() == [[NvmlError.code]]


def test_a_blank_of_a_call_is_no_value(host: FakeHost, nvml: NvmlLibrary) -> None:
    show(host, 1)
    reel = meter_reel(nvml)
    for function in ("nvmlDeviceGetClockInfo", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetFieldValues"):
        host.blank(function)
    assert reel.expose(0)
    values, codes = all_of(reel, 0)
    assert np.isnan(values).all()
    assert (codes == NvmlNoDataError.code).all()


@pytest.mark.parametrize(
    "function", ["nvmlDeviceGetClockInfo", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetFieldValues"]
)
def test_a_call_that_fails_leaves_the_frame_unexposed(host: FakeHost, nvml: NvmlLibrary, function: str) -> None:
    show(host, 1)
    reel = meter_reel(nvml)
    host.fail_always(function, 999)
    assert not reel.expose(0)


def test_a_driver_before_r535_has_no_reel_of_reasons(old_host: FakeHost) -> None:
    old_host.start("a100-80gb")
    with NvmlLibrary.open() as driver:
        assert driver.reel(driver.device_by_index(0), (ClocksEventReason,)) is None


def test_after_the_end_nothing_is_called_any_more(host: FakeHost) -> None:
    host.start("h100-80gb")
    driver = NvmlLibrary.open()
    gpu = driver.device_by_index(0)
    memory, gpm = driver.memory_bank(1), driver.gpm_bank((1,), 1)
    for bank in (memory, gpm):
        bank.include(0, gpu)
    reels = [meter_reel(driver), memory.reel(), gpm.reel()]
    driver.close()
    assert [reel.expose(0) for reel in reels if reel is not None] == [False] * 3


def instances(driver: NvmlLibrary, count: int) -> list[tuple[Device, int]]:
    gpu = with_mig_on(driver)
    devices = [mig_device(driver, gpu)[-1] for _ in range(count)]
    return [(device, driver.gpu_instance_id_of(device)) for device in devices]


def bank_of_memory(driver: NvmlLibrary, cut: list[tuple[Device, int]]) -> Bank:
    bank = driver.memory_bank(len(cut))
    for slot, (device, _) in enumerate(cut):
        bank.include(slot, device)
    return bank


def bank_of_gpm(driver: NvmlLibrary, cut: list[tuple[Device, int]]) -> Bank:
    bank = driver.gpm_bank((1, 2), len(cut))
    for slot, (_, instance_id) in enumerate(cut):
        bank.include(slot, driver.device_by_index(0), instance_id)
    return bank


def test_a_reel_of_memory_tells_what_its_bank_tells(host: FakeHost, nvml: NvmlLibrary) -> None:
    cut = instances(nvml, 3)
    bank = bank_of_memory(nvml, cut)
    reel = bank.reel()
    assert reel is not None
    told = []
    for frame in range(5):
        host.add_process(100 + frame, "python", nvml.uuid(cut[1][0]), 1 << 20)
        assert reel.expose(frame)
        told.append(list(bank.read()[0]))
    values, codes = all_of(reel, *range(5))
    assert values.tolist() == told
    assert len({row[5] for row in told}) == 5, "what is used has grown"
    assert not codes.any()
    assert (all_of(reel, *range(5))[0] >= 0xFFFFFFFFFFFFFFFF).all(), "all ones: nothing was answered since"


def test_a_reel_of_gpm_tells_averages_since_the_reading_before(host: FakeHost, nvml: NvmlLibrary) -> None:
    cut = instances(nvml, 2)
    bank = bank_of_gpm(nvml, cut)
    reel = bank.reel()
    assert reel is not None
    assert not reel.expose(0), "there is no earlier sample yet"
    bank.read()
    for frame in range(3):
        time.sleep(0.102)
        for metric_id in (1, 2):
            for slot, (_, instance_id) in enumerate(cut):
                host.set_gpm(0, metric_id, 10.0 * frame + metric_id + slot / 4, gpu_instance_id=instance_id)
        assert reel.expose(frame)
    values, codes = all_of(reel, 0, 1, 2)
    assert values.tolist() == [[10.0 * f + 1, 10.0 * f + 2, 10.0 * f + 1.25, 10.0 * f + 2.25] for f in range(3)]
    assert not codes.any()
    assert np.isnan(all_of(reel, 0, 1, 2)[0]).all()
    time.sleep(0.102)
    assert list(bank.read()[0]) == values[-1].tolist(), "the bank goes on where its reel has ended"
    bank.close()
    assert host.held_samples() == 0


def test_an_instance_that_cannot_be_read_ends_the_reel(host: FakeHost, nvml: NvmlLibrary) -> None:
    cut = instances(nvml, 2)
    memory, gpm = bank_of_memory(nvml, cut), bank_of_gpm(nvml, cut)
    gpm.read()
    time.sleep(0.102)
    gpm.read()
    reels = memory.reel(), gpm.reel()
    for function in ("nvmlDeviceGetMemoryInfo_v2", "nvmlGpmMigSampleGet"):
        host.fail_always(function, 15)
    assert [reel.expose(0) for reel in reels if reel is not None] == [False] * 2


def test_a_reel_is_over_when_something_else_is_included(nvml: NvmlLibrary) -> None:
    cut = instances(nvml, 2)
    for bank in (bank_of_memory(nvml, cut), bank_of_gpm(nvml, cut)):
        bank.read()
        time.sleep(0.102)
        bank.read()
        reel = bank.reel()
        assert reel is not None
        time.sleep(0.102)
        assert reel.expose(0)
        bank.leave_out(1)
        assert not reel.expose(1)
        another = bank.reel()
        assert another is not None
        time.sleep(0.102)
        assert another.expose(0)
        values, _ = all_of(another, 0)
        left_out = values[0, len(values[0]) // 2 :]
        assert (np.isnan(left_out) | (left_out >= 0xFFFFFFFFFFFFFFFF)).all()
