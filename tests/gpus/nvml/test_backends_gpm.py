"""GPM on both drivers: single pairs of samples, and readers that go on."""

import math

import numpy as np
import pytest

from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlInvalidArgumentError,
    NvmlNoDataError,
    NvmlNotFoundError,
    NvmlNotSupportedError,
)
from tests.gpus.nvml.fake_host import GPM_FROM, GPM_TO
from tests.gpus.nvml.mig import IDS_7_SLICES, fill, mig_device, with_mig_on

A100, H100 = "a100-80gb", "h100-80gb"
GRACT, SM_ACTIVE, UNKNOWN = 1, 2, 30


def test_gpm_is_there_from_hopper_on(bench) -> None:
    driver = bench(A100, H100).driver
    ampere, hopper = driver.device_by_index(0), driver.device_by_index(1)
    assert (driver.gpm_supported(ampere), driver.gpm_supported(hopper)) == (False, True)
    with pytest.raises(NvmlNotSupportedError):
        driver.gpm_sample(ampere)


def test_gpm_averages_between_two_samples(bench) -> None:
    host = bench(H100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.set_gpm(0, GRACT, 41.5)
    earlier = driver.gpm_sample(gpu)
    host.pass_time(0.12)
    known, unknown = driver.gpm_metrics(earlier, driver.gpm_sample(gpu), [GRACT, 30])
    assert (known.metric_id, known.value, known.error) == (GRACT, 41.5, None)
    assert unknown.metric_id == 30
    assert unknown.value is None
    assert isinstance(unknown.error, NvmlNotSupportedError)


def test_gpm_refuses_samples_that_lie_too_close(bench) -> None:
    """Below 100 ms the counters give no sound average: no number must come out of it."""
    host = bench(H100)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.set_gpm(0, GRACT, 41.5)
    (answer,) = driver.gpm_metrics(driver.gpm_sample(gpu), driver.gpm_sample(gpu), [GRACT])
    assert answer.value is None
    assert answer.error is not None


def test_gpm_of_a_gpu_instance_needs_a_compute_instance(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    instance = driver.create_gpu_instance(gpu, IDS_7_SLICES["1g"])
    instance_id = driver.gpu_instance_info(instance).id
    with pytest.raises(NvmlNoDataError):
        driver.gpm_sample(gpu, instance_id)
    with pytest.raises(NvmlNotFoundError):
        driver.gpm_sample(gpu, 1)
    fill(driver, instance, 1)
    host.set_gpm(0, GRACT, 90.0, gpu_instance_id=instance_id)
    host.set_gpm(0, GRACT, 20.0)
    earlier = driver.gpm_sample(gpu, instance_id)
    host.pass_time(0.12)
    later = driver.gpm_sample(gpu, instance_id)
    assert [answer.value for answer in driver.gpm_metrics(earlier, later, [GRACT])] == [90.0]
    with pytest.raises(NvmlInvalidArgumentError):
        driver.gpm_metrics(earlier, driver.gpm_sample(gpu), [GRACT])


# --- readers ---


def windows(host, step_s: float, count: int) -> list[tuple[float, float] | None]:
    """Read again and again; return from when to when the averages were, in s."""
    gpu = host.driver.device_by_index(0)
    reader = host.driver.gpm_reader(gpu, None, [GPM_FROM, GPM_TO])
    found = []
    for _ in range(count):
        (begin, end), codes = reader.read()
        assert list(codes) == [0, 0]
        found.append(None if math.isnan(begin) else (float(begin), float(end)))
        host.pass_time(step_s)
    reader.close()
    return found


def test_a_reader_has_no_average_before_there_is_one(bench) -> None:
    host = bench(H100)
    host.set_gpm(0, GRACT, 40.0)
    reader = host.driver.gpm_reader(host.driver.device_by_index(0), None, [GRACT, UNKNOWN])
    values, codes = reader.read()
    assert np.isnan(values).all()
    assert list(codes) == [0, 0], "it is merely too early"


def test_at_long_intervals_averages_lie_end_to_end(bench) -> None:
    """No gap and no overlap: their sum over time is what happened."""
    first, *others = windows(bench(H100), 0.12, 4)
    assert first is None
    assert [begin for begin, _ in others[1:]] == [end for _, end in others[:-1]]


def test_at_short_intervals_averages_move_along(bench) -> None:
    found = windows(bench(H100), 0.03, 9)
    assert found[0] is None
    known = [window for window in found if window is not None]
    assert all(end - begin > 0.1 for begin, end in known)
    begins, ends = zip(*known, strict=True)
    assert list(ends) == sorted(set(ends))
    assert begins[0] < begins[-1], "they do not all begin at the first sample"
    assert all(begin <= end for begin, end in zip(begins[1:], ends[:-1], strict=True)), "and leave nothing out"


def test_each_metric_has_its_value_or_its_own_error(bench) -> None:
    host = bench(H100)
    host.set_gpm(0, GRACT, 41.5)
    host.set_gpm(0, SM_ACTIVE, math.nan)
    reader = host.driver.gpm_reader(host.driver.device_by_index(0), None, [UNKNOWN, GRACT, SM_ACTIVE])
    reader.read()
    host.pass_time(0.12)
    values, codes = reader.read()
    assert list(codes) == [NvmlNotSupportedError.code, 0, NvmlNoDataError.code]
    assert values[1] == 41.5
    assert np.isnan(values[[0, 2]]).all()


def test_an_instance_is_read_by_itself(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    ids = [driver.gpu_instance_id_of(mig_device(driver, gpu, name)[2]) for name in ("3g", "2g")]
    for id_, value in ((None, 10.0), (ids[0], 20.0), (ids[1], 30.0)):
        host.set_gpm(0, GRACT, value, gpu_instance_id=id_)
    readers = [driver.gpm_reader(gpu, id_, [GRACT]) for id_ in (None, *ids)]
    for reader in readers:
        reader.read()
    host.pass_time(0.12)
    assert [float(reader.read()[0][0]) for reader in readers] == [10.0, 20.0, 30.0]


def test_no_average_reaches_across_a_failure(bench) -> None:
    """While its compute instance is away, a GPU instance has no data; what comes after begins after."""
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    instance, compute, device = mig_device(driver, gpu)
    instance_id = driver.gpu_instance_id_of(device)
    reader = driver.gpm_reader(gpu, instance_id, [GPM_FROM, GPM_TO])
    reader.read()
    host.pass_time(0.12)
    last_s = float(reader.read()[0][1])
    driver.destroy_compute_instance(compute)
    with pytest.raises(NvmlNoDataError):
        reader.read()
    fill(driver, instance, 1)
    host.pass_time(0.12)
    values, codes = reader.read()
    assert np.isnan(values).all()
    assert list(codes) == [0, 0]
    host.pass_time(0.12)
    (begin, end), _ = reader.read()
    assert last_s < begin < end


def test_a_reader_of_what_is_not_there_says_so(bench) -> None:
    host = bench(H100, A100)
    driver = host.driver
    gpu = with_mig_on(driver)
    with pytest.raises(NvmlNotFoundError):
        driver.gpm_reader(gpu, 1, [GRACT]).read()
    with pytest.raises(NvmlNotSupportedError):
        driver.gpm_reader(driver.device_by_index(1), None, [GRACT]).read()
    reader = driver.gpm_reader(gpu, None, [GRACT])
    host.lose(0)
    with pytest.raises(GpuLostError):
        reader.read()


def test_closing_a_reader_again_does_nothing(bench) -> None:
    host = bench(H100)
    reader = host.driver.gpm_reader(host.driver.device_by_index(0), None, [GRACT])
    reader.read()
    reader.close()
    reader.close()
