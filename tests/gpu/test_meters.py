"""On a real NVIDIA GPU: what its meters tell is possible, and what it does not tell is refused with a reason.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none. Changes nothing on the GPU.
"""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from migperf.gpus.driver import Architecture, Clock, Device, Driver, FieldId
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError, NvmlNotSupportedError

pytestmark = pytest.mark.gpu

ABSENT = (NvmlNotSupportedError, NvmlNoDataError)
GRACT, SM_ACTIVE, SM_OCCUPANCY, DRAM = 1, 2, 3, 10


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    try:
        opened = NvmlLibrary.open()
    except NvmlError as error:
        pytest.skip(f"no NVIDIA GPU here: {error}")
    with opened:
        if opened.device_count() == 0:
            pytest.skip("NVIDIA's driver is loaded, and there is no GPU")
        yield opened


@pytest.fixture(scope="module")
def gpu(driver: Driver) -> Device:
    return driver.device_by_index(0)


def test_every_meter_tells_something_possible_or_that_there_is_none(driver: Driver, gpu: Device) -> None:
    limits = {
        lambda: driver.power_mw(gpu): (1_000, 3_000_000),
        lambda: driver.power_limit_mw(gpu): (10_000, 3_000_000),
        lambda: driver.temperature_c(gpu): (1, 120),
        lambda: driver.clock_mhz(gpu, Clock.SM): (1, 5_000),
        lambda: driver.clock_mhz(gpu, Clock.MEMORY): (1, 20_000),
        lambda: driver.ecc_errors(gpu, corrected=False): (0, 1_000_000),
        lambda: driver.clocks_event_reasons(gpu): (0, 1 << 32),
    }
    for call, (least, most) in limits.items():
        try:
            assert least <= call() <= most
        except ABSENT:
            continue


def test_each_field_has_a_value_or_a_reason(driver: Driver, gpu: Device) -> None:
    answers = driver.field_values(gpu, list(FieldId))
    assert [answer.field for answer in answers] == list(FieldId)
    assert all((answer.value is None) != (answer.error is None) for answer in answers)


def test_energy_grows_as_power_says(driver: Driver, gpu: Device) -> None:
    try:
        begun_mj, begun_s = driver.energy_mj(gpu), time.monotonic()
    except ABSENT:
        pytest.skip("this GPU has no counter of energy")
    time.sleep(3)
    power_w = (driver.energy_mj(gpu) - begun_mj) / 1000 / (time.monotonic() - begun_s)
    assert 0.3 < power_w / (driver.power_mw(gpu) / 1000) < 3


def test_gpm_tells_percentages_from_hopper_on(driver: Driver, gpu: Device) -> None:
    if driver.architecture(gpu) < Architecture.HOPPER or not driver.gpm_supported(gpu):
        pytest.skip("this GPU has no GPM")
    reader = driver.gpm_reader(gpu, None, [GRACT, SM_ACTIVE, SM_OCCUPANCY, DRAM])
    assert np.isnan(reader.read()[0]).all()
    time.sleep(0.25)
    values, codes = reader.read()
    assert list(codes) == [0, 0, 0, 0]
    assert ((values >= 0) & (values <= 100)).all()
    reader.close()


def test_listening_for_errors_is_possible(driver: Driver, gpu: Device) -> None:
    with driver.xid_events(gpu) as events:
        assert isinstance(events.poll(), tuple)
