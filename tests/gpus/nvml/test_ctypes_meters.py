"""Meters, GPM and events where only pynvml and ctypes can be wrong: blanks, older calls, memory that is given back."""

import gc
import math
import struct
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pynvml
import pytest

from migperf.gpus.driver import Clock, ClocksEventReason, Device, FieldId
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlError,
    NvmlFunctionNotFoundError,
    NvmlNoDataError,
    NvmlNoPermissionError,
    NvmlNotSupportedError,
    NvmlTimeoutError,
    NvmlUninitializedError,
)
from migperf.native.moments import ROOM
from tests.gpus.nvml.fake_host import GPM_FROM, GPM_TO, FakeHost
from tests.gpus.nvml.test_backends_meters import SHOWN

H100 = "h100-80gb"
Call = Callable[[NvmlLibrary, Device], object]
NUMBERS: dict[str, Call] = {
    "nvmlDeviceGetPowerUsage": lambda nvml, gpu: nvml.power_mw(gpu),
    "nvmlDeviceGetEnforcedPowerLimit": lambda nvml, gpu: nvml.power_limit_mw(gpu),
    "nvmlDeviceGetTotalEnergyConsumption": lambda nvml, gpu: nvml.energy_mj(gpu),
    "nvmlDeviceGetClockInfo": lambda nvml, gpu: nvml.clock_mhz(gpu, Clock.SM),
    "nvmlDeviceGetCurrentClocksEventReasons": lambda nvml, gpu: nvml.clocks_event_reasons(gpu),
    "nvmlDeviceGetTemperatureV": lambda nvml, gpu: nvml.temperature_c(gpu),
    "nvmlDeviceGetTotalEccErrors": lambda nvml, gpu: nvml.ecc_errors(gpu, corrected=True),
    "nvmlDeviceGetUtilizationRates": lambda nvml, gpu: nvml.utilization(gpu),
    "nvmlDeviceGetMemoryInfo_v2": lambda nvml, gpu: nvml.memory(gpu),
}


@pytest.fixture
def nvml(host: FakeHost) -> Iterator[NvmlLibrary]:
    """NVML on a host with one H100 that shows something on every meter."""
    host.start(H100)
    host.set_meters(0, **SHOWN)
    with NvmlLibrary.open() as driver:
        yield driver


# --- what stands for no value ---


@pytest.mark.parametrize("function", NUMBERS)
def test_a_blank_is_no_data_and_never_a_number(host: FakeHost, nvml: NvmlLibrary, function: str) -> None:
    """All ones in a number's place would be 4 million watts."""
    gpu = nvml.device_by_index(0)
    before = NUMBERS[function](nvml, gpu)
    host.blank(function)
    with pytest.raises(NvmlNoDataError, match=nvml.uuid(gpu)):
        NUMBERS[function](nvml, gpu)
    host.heal()
    assert NUMBERS[function](nvml, gpu) == before


@pytest.mark.parametrize("code", [NvmlNotSupportedError, NvmlNoPermissionError, NvmlNoDataError, GpuLostError])
@pytest.mark.parametrize("function", NUMBERS)
def test_every_meter_can_fail_in_every_way(host: FakeHost, nvml: NvmlLibrary, function: str, code) -> None:
    host.fail_always(function, code.code)
    for _ in range(2):
        with pytest.raises(code):
            NUMBERS[function](nvml, nvml.device_by_index(0))


def test_a_zero_is_a_value(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.set_meters(0, ecc_corrected=0, clocks_event_reasons=0, temperature_c=0)
    gpu = nvml.device_by_index(0)
    assert (nvml.ecc_errors(gpu, corrected=True), nvml.temperature_c(gpu)) == (0, 0)
    assert nvml.clocks_event_reasons(gpu) == ClocksEventReason(0)


@pytest.mark.parametrize(
    ("value_type", "blank"),
    [
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, struct.pack("I", 2**32 - 1)),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, struct.pack("L", 2**64 - 1)),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, struct.pack("Q", 2**64 - 1)),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, struct.pack("q", -1)),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, struct.pack("i", -1)),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, struct.pack("H", 2**16 - 1)),
    ],
)
def test_a_blank_field_is_no_data_by_its_type(host: FakeHost, nvml: NvmlLibrary, value_type: int, blank) -> None:
    host.set_field(0, FieldId.ENERGY_MJ, value_type, blank)
    energy, power = nvml.field_values(nvml.device_by_index(0), [FieldId.ENERGY_MJ, FieldId.POWER_INSTANT_MW])
    assert (energy.value, type(energy.error)) == (None, NvmlNoDataError)
    assert power.value == SHOWN["power_instant_mw"]


def test_a_number_that_only_fills_its_lower_half_is_a_value(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.set_meters(0, energy_mj=2**32 - 1)
    gpu = nvml.device_by_index(0)
    assert nvml.energy_mj(gpu) == nvml.field_values(gpu, [FieldId.ENERGY_MJ])[0].value == 2**32 - 1


def test_all_fields_can_be_blank(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.blank("nvmlDeviceGetFieldValues")
    answers = nvml.field_values(nvml.device_by_index(0), list(FieldId))
    assert {type(answer.error) for answer in answers} == {NvmlNoDataError}


# --- an old driver ---


def test_what_newer_calls_tell_is_asked_of_older_ones_where_there_is_nothing_else(old_host: FakeHost) -> None:
    old_host.start("a100-80gb")
    old_host.set_meters(0, **SHOWN)
    with NvmlLibrary.open() as nvml:
        gpu = nvml.device_by_index(0)
        assert nvml.temperature_c(gpu) == SHOWN["temperature_c"]
        assert nvml.clocks_event_reasons(gpu) == SHOWN["clocks_event_reasons"]
        for function in ("nvmlDeviceGetTemperature", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            old_host.blank(function)
        for call in (nvml.temperature_c, nvml.clocks_event_reasons):
            with pytest.raises(NvmlNoDataError):
                call(gpu)


def test_a_version_of_the_temperature_that_the_driver_does_not_know_is_replaced_by_the_older_call(
    host: FakeHost, nvml: NvmlLibrary
) -> None:
    host.fail_always("nvmlDeviceGetTemperatureV", 25)
    assert nvml.temperature_c(nvml.device_by_index(0)) == SHOWN["temperature_c"]


def test_an_old_driver_has_no_reader_of_gpm(old_host: FakeHost) -> None:
    old_host.start(H100)
    with NvmlLibrary.open() as nvml, pytest.raises(NvmlFunctionNotFoundError):
        nvml.gpm_reader(nvml.device_by_index(0), None, [1])


# --- readers of GPM ---


def test_what_a_reader_holds_it_gives_back(host: FakeHost, nvml: NvmlLibrary) -> None:
    """As many samples as there is room for, however long it reads."""
    reader = nvml.gpm_reader(nvml.device_by_index(0), None, [1])
    for _ in range(30):
        reader.read()
        pause(0.02)
    assert 2 <= host.held_samples() <= ROOM
    reader.close()
    assert host.held_samples() == 0
    reader.close()


def test_a_reader_that_is_forgotten_or_open_at_the_end_gives_back_all_the_same(
    host: FakeHost, nvml: NvmlLibrary
) -> None:
    gpu = nvml.device_by_index(0)
    forgotten = nvml.gpm_reader(gpu, None, [1])
    forgotten.read()
    del forgotten
    gc.collect()
    assert host.held_samples() == 0
    kept = nvml.gpm_reader(gpu, None, [1])
    kept.read()
    nvml.close()
    assert host.held_samples() == 0
    with pytest.raises(NvmlUninitializedError):
        kept.read()
    kept.close()


def test_a_sample_that_fails_is_used_again(host: FakeHost, nvml: NvmlLibrary) -> None:
    reader = nvml.gpm_reader(nvml.device_by_index(0), None, [1])
    host.fail_always("nvmlGpmSampleGet", NvmlTimeoutError.code)
    for _ in range(5):
        with pytest.raises(NvmlTimeoutError, match="nvmlGpmSampleGet on GPU-"):
            reader.read()
    assert host.held_samples() == 1


def test_nan_and_what_is_left_unanswered_are_no_data(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.set_gpm(0, 1, 40.0)
    host.set_gpm(0, 2, 5.0, code=NvmlTimeoutError.code)
    reader = nvml.gpm_reader(nvml.device_by_index(0), None, [1, 2])
    reader.read()
    pause(0.12)
    values, codes = reader.read()
    assert values[0] == 40.0
    assert math.isnan(values[1]), "whatever the driver wrote beside the error"
    host.blank("nvmlGpmMetricsGet")
    pause(0.12)
    values, codes = reader.read()
    assert np.isnan(values).all()
    assert list(codes) == [NvmlNoDataError.code, NvmlTimeoutError.code]


def test_averages_that_fail_as_a_whole_leave_a_gap(host: FakeHost, nvml: NvmlLibrary) -> None:
    reader = nvml.gpm_reader(nvml.device_by_index(0), None, [GPM_FROM, GPM_TO])
    reader.read()
    pause(0.12)
    host.fail("nvmlGpmMetricsGet", NvmlTimeoutError.code)
    with pytest.raises(NvmlTimeoutError, match="nvmlGpmMetricsGet on GPU-"):
        reader.read()
    pause(0.12)
    assert np.isnan(reader.read()[0]).all(), "no average reaches across the gap"


# --- events ---


def test_the_event_set_of_errors_is_freed_whatever_happens(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    with nvml.xid_events(gpu) as events:
        assert host.held_event_sets() == 1
        host.fail("nvmlEventSetWait_v2", NvmlError.code)
        with pytest.raises(NvmlError, match="nvmlEventSetWait_v2"):
            events.poll()
    assert host.held_event_sets() == 0
    host.fail("nvmlDeviceRegisterEvents", NvmlNotSupportedError.code)
    with pytest.raises(NvmlNotSupportedError), nvml.xid_events(gpu):
        pass
    assert host.held_event_sets() == 0
    with nvml.xid_events(gpu) as events:
        nvml.close()
        assert host.held_event_sets() == 0
        with pytest.raises(NvmlUninitializedError):
            events.poll()


def test_changes_of_the_layout_and_errors_do_not_mix(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    with nvml.mig_changes() as changes, nvml.xid_events(gpu) as events:
        host.report_xid(0, 13)
        assert changes.wait(0) is False
        assert [event.xid for event in events.poll()] == [13]
        nvml.set_mig_mode(gpu, enabled=True)
        assert changes.wait(0) is True
        assert events.poll() == ()


def pause(seconds: float) -> None:
    """GPM goes by the host's clock."""
    threading.Event().wait(seconds)


def test_a_field_that_the_driver_leaves_as_it_is_is_no_zero(nvml: NvmlLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "function", lambda _: lambda *_: 0)
    (answer,) = nvml.field_values(nvml.device_by_index(0), [FieldId.ENERGY_MJ])
    assert answer.value is None
    assert isinstance(answer.error, NvmlNoDataError)
