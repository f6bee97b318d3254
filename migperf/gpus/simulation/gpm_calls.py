"""The calls about GPM: activity of GPUs and GPU instances, where a test has handed in meters."""

from collections.abc import Sequence
from dataclasses import dataclass

from migperf.gpus import banks
from migperf.gpus.driver import Bank, Device, GpmReader, GpmSample, GpmValue
from migperf.gpus.nvml_errors import NvmlError, NvmlInvalidArgumentError, NvmlNoDataError, NvmlNotSupportedError
from migperf.gpus.sampled_gpm import SampledGpm
from migperf.gpus.simulation import compute_cuts, lookup
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.lookup import Found
from migperf.native.moments import SHORTEST_WINDOW_NS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a sample is here: of what it was taken, and when."""

    gpu_uuid: str
    gpu_instance_serial: int | None
    gpu_instance_id: int | None
    time_ns: int


class GpmCalls(SimulatedCore):
    """What NVML answers about GPM."""

    def gpm_supported(self, device: Device) -> bool:
        """Tell whether there are meters, and the board is Hopper or later."""
        call = "nvmlGpmQueryDeviceSupport"
        return self._has_gpm(lookup.device(self._host(call), call, device))

    def gpm_sample(self, device: Device, gpu_instance_id: int | None = None) -> GpmSample:
        """Take a sample. NvmlNoDataError from a GPU instance without a compute instance; handles of GPUs only."""
        call = "nvmlGpmSampleGet" if gpu_instance_id is None else "nvmlGpmMigSampleGet"
        found = lookup.whole_gpu(self._host(call), call, device)
        if not self._has_gpm(found):
            raise NvmlNotSupportedError(call, found.uuid)
        serial = None if gpu_instance_id is None else _used_instance(found, gpu_instance_id, call)
        return GpmSample(Snapshot(found.uuid, serial, gpu_instance_id, self._clock()))

    def gpm_metrics(self, earlier: GpmSample, later: GpmSample, metric_ids: Sequence[int]) -> tuple[GpmValue, ...]:
        """Ask the meters for averages between two samples of the same thing.

        Within 100 ms each metric's error is NvmlInvalidArgumentError; it is NvmlNotSupportedError for a metric that
        the meters do not have.
        """
        call = "nvmlGpmMetricsGet"
        first, second = _snapshot(earlier, call), _snapshot(later, call)
        found = lookup.gpu_with(self._host(call), call, first.gpu_uuid)
        if (first.gpu_uuid, first.gpu_instance_serial) != (second.gpu_uuid, second.gpu_instance_serial):
            raise NvmlInvalidArgumentError(call, f"samples of {found.uuid} and of something else")
        return tuple(self._metric(first, second, metric_id) for metric_id in metric_ids)

    def gpm_reader(self, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> GpmReader:
        """Return a reader that keeps time by the driver's clock. It has nothing to give back."""
        return SampledGpm(self, device, gpu_instance_id, metric_ids, clock=self._clock)

    def gpm_bank(self, metric_ids: Sequence[int], slots: int) -> Bank:
        """Return a bank of such readers."""
        return banks.gpm_bank(self, metric_ids, slots)

    def _has_gpm(self, found: Found) -> bool:
        return self._meters is not None and found.board.resetless

    def _metric(self, first: Snapshot, second: Snapshot, metric_id: int) -> GpmValue:
        try:
            return GpmValue(metric_id, self._average(first, second, metric_id), None)
        except NvmlError as error:
            return GpmValue(metric_id, None, error)

    def _average(self, first: Snapshot, second: Snapshot, metric_id: int) -> float:
        call = f"nvmlGpmMetricsGet({metric_id})"
        if second.time_ns - first.time_ns <= SHORTEST_WINDOW_NS:
            raise NvmlInvalidArgumentError(call, first.gpu_uuid)
        window_ns = (first.time_ns, second.time_ns)
        meters = self._meters
        value = None if meters is None else meters.gpm(first.gpu_uuid, first.gpu_instance_id, metric_id, window_ns)
        if value is None:
            raise NvmlNotSupportedError(call, first.gpu_uuid)
        return value


def _used_instance(found: Found, gpu_instance_id: int, call: str) -> int:
    """Return the serial of a GPU instance that has a compute instance."""
    instance = found.gpu_instance(gpu_instance_id, call)
    if not compute_cuts.within(found.gpu, instance):
        raise NvmlNoDataError(call, f"GPU instance {gpu_instance_id} of {found.uuid}")
    return instance.serial


def _snapshot(sample: GpmSample, call: str) -> Snapshot:
    if not isinstance(sample, Snapshot):
        raise NvmlInvalidArgumentError(call, str(sample))
    return sample
