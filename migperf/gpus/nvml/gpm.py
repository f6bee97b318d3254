"""NVML's GPM calls: what the units of Hopper and later GPUs did between two samples."""

import os
import weakref
from collections.abc import Sequence

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Device, GpmSample, GpmValue
from migperf.gpus.nvml.calls import NvmlCalls
from migperf.gpus.nvml_errors import NvmlFunctionNotFoundError, NvmlInvalidArgumentError, NvmlNotSupportedError


class GpmCalls(NvmlCalls):
    """The group "GPM" of the Driver protocol. Samples free themselves when nobody holds them any more."""

    def __init__(self) -> None:
        """Start without samples."""
        super().__init__()
        self._samples: weakref.WeakSet[_Sample] = weakref.WeakSet()

    def _free_samples(self) -> None:
        """Free what is still held: after nvmlShutdown it could not be."""
        for sample in tuple(self._samples):
            sample.free()

    def gpm_supported(self, device: Device) -> bool:
        """``nvmlGpmQueryDeviceSupport``; a driver that does not know the call has no GPM."""
        try:
            return bool(self._call(pynvml.nvmlGpmQueryDeviceSupport, device).isSupportedDevice)
        except (NvmlNotSupportedError, NvmlFunctionNotFoundError):
            return False

    def gpm_sample(self, device: Device, gpu_instance_id: int | None = None) -> GpmSample:
        """``nvmlGpmSampleAlloc``, then nvmlGpmSampleGet or nvmlGpmMigSampleGet."""
        sample = _Sample(self._call(pynvml.nvmlGpmSampleAlloc), device)
        self._samples.add(sample)
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

    def _gpm_value(self, answer: pynvml.c_nvmlGpmMetric_t, sample: GpmSample) -> GpmValue:
        metric_id = answer.metricId
        on = _held(sample).device
        call = f"nvmlGpmMetricsGet({metric_id})"
        return GpmValue(metric_id, *self._one_of_many(answer.nvmlReturn, answer.value, call, on))


class _Sample:
    """Memory of the driver's that holds counters of ``device``, or of one GPU instance of it."""

    def __init__(self, pointer: pynvml.c_nvmlGpmSample_t, device: Device) -> None:
        self.pointer = pointer
        self.device = device
        self.free = weakref.finalize(self, _free, pointer, os.getpid())
        self.free.atexit = False


def _free(pointer: pynvml.c_nvmlGpmSample_t, owner: int) -> None:
    """``nvmlGpmSampleFree``; after a fork the memory is the parent's."""
    if owner == os.getpid():
        pynvml.nvmlGpmSampleFree(pointer)


def _held(sample: GpmSample) -> _Sample:
    if isinstance(sample, _Sample):
        return sample
    raise NvmlInvalidArgumentError("nvmlGpmMetricsGet", str(sample))


def _request(earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> pynvml.c_nvmlGpmMetricsGet_t:
    request = pynvml.c_nvmlGpmMetricsGet_t(version=pynvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=len(metric_ids))
    request.sample1, request.sample2 = _held(earlier).pointer, _held(later).pointer
    for slot, metric_id in zip(request.metrics, metric_ids, strict=False):
        slot.metricId = metric_id
    return request
