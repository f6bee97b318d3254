"""NVML's GPM calls: what the units of Hopper and later GPUs did between two samples."""

import math
import os
import weakref
from collections.abc import Sequence

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Bank, Device, GpmReader, GpmSample, GpmValue
from migperf.gpus.nvml.calls import NvmlCalls
from migperf.gpus.nvml.gpm_bank import GpmBank
from migperf.gpus.nvml.gpm_reader import GpmReader as FastGpmReader
from migperf.gpus.nvml_errors import (
    NvmlFunctionNotFoundError,
    NvmlInvalidArgumentError,
    NvmlNoDataError,
    NvmlNotSupportedError,
)


class GpmCalls(NvmlCalls):
    """The group "GPM" of the Driver protocol. Samples free themselves when nobody holds them any more."""

    def gpm_supported(self, device: Device) -> bool:
        """``nvmlGpmQueryDeviceSupport``; a driver that does not know the call has no GPM."""
        try:
            return bool(self._call(pynvml.nvmlGpmQueryDeviceSupport, device).isSupportedDevice)
        except (NvmlNotSupportedError, NvmlFunctionNotFoundError):
            return False

    def gpm_sample(self, device: Device, gpu_instance_id: int | None = None) -> GpmSample:
        """``nvmlGpmSampleAlloc``, then nvmlGpmSampleGet or nvmlGpmMigSampleGet."""
        sample = self.new_sample(device)
        if gpu_instance_id is None:
            self._call(pynvml.nvmlGpmSampleGet, device, sample.pointer)
        else:
            self._call(pynvml.nvmlGpmMigSampleGet, device, gpu_instance_id, sample.pointer)
        return GpmSample(sample)

    def gpm_metrics(self, earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> tuple[GpmValue, ...]:
        """``nvmlGpmMetricsGet``."""
        request = _request(earlier, later, metric_ids)
        self._call(pynvml.nvmlGpmMetricsGet, request)
        return tuple(self._gpm_value(answer, later) for answer in request.metrics[: len(metric_ids)])

    def gpm_reader(self, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> GpmReader:
        """Return a reader that calls the library itself. NvmlFunctionNotFoundError where the driver has no GPM."""
        return FastGpmReader(self, device, gpu_instance_id, metric_ids)

    def gpm_bank(self, metric_ids: Sequence[int], slots: int) -> Bank:
        """Return a bank that calls the library itself. NvmlFunctionNotFoundError where the driver has no GPM."""
        return GpmBank(self, metric_ids, slots)

    def new_sample(self, device: object) -> "Sample":
        """``nvmlGpmSampleAlloc``."""
        sample = Sample(self._call(pynvml.nvmlGpmSampleAlloc), device)
        self.hold(sample)
        return sample

    def _gpm_value(self, answer: pynvml.c_nvmlGpmMetric_t, sample: GpmSample) -> GpmValue:
        metric_id = answer.metricId
        if answer.nvmlReturn == pynvml.NVML_SUCCESS and not math.isnan(answer.value):
            return GpmValue(metric_id, answer.value, None)
        code = answer.nvmlReturn or NvmlNoDataError.code
        return GpmValue(metric_id, None, self.error(code, f"nvmlGpmMetricsGet({metric_id})", _held(sample).device))


class Sample:
    """Memory of the driver's that holds counters of ``device``, or of one GPU instance of it."""

    def __init__(self, pointer: pynvml.c_nvmlGpmSample_t, device: object) -> None:
        self.pointer = pointer
        self.device = device
        self._finalizer = weakref.finalize(self, _free, pointer, os.getpid())
        self._finalizer.atexit = False

    def free(self) -> None:
        """``nvmlGpmSampleFree``, once."""
        self._finalizer()


def _free(pointer: pynvml.c_nvmlGpmSample_t, owner: int) -> None:
    """``nvmlGpmSampleFree``; after a fork the memory is the parent's."""
    if owner == os.getpid():
        pynvml.nvmlGpmSampleFree(pointer)


def _held(sample: GpmSample) -> Sample:
    if isinstance(sample, Sample):
        return sample
    raise NvmlInvalidArgumentError("nvmlGpmMetricsGet", str(sample))


def _request(earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> pynvml.c_nvmlGpmMetricsGet_t:
    request = pynvml.c_nvmlGpmMetricsGet_t(version=pynvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=len(metric_ids))
    request.sample1, request.sample2 = _held(earlier).pointer, _held(later).pointer
    for slot, metric_id in zip(request.metrics, metric_ids, strict=False):
        slot.metricId = metric_id
    return request
