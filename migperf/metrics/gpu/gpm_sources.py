"""Which GPM metrics are read of what: a GPU, GPU instances, or the links of a board that its instances share.

They are means since the reading before, or moving means if read more often than every 100 ms.
"""

from collections.abc import Mapping, Sequence

from migperf.gpus.driver import Device
from migperf.gpus.nvml_errors import NvmlError, NvmlFunctionNotFoundError, NvmlNotSupportedError
from migperf.metrics.gpu.bank import BankSource, Columns, OpenBank, Subject
from migperf.metrics.gpu.gpm import ACTIVITY, GPM_PERIOD_NS, LINKS, SENTINEL
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import Metric, Quantity, Scope


def has_gpm(handle: Handle) -> bool:
    """Tell whether a GPU has GPM; one that does not answer counts as having it, so that the reason is told."""
    try:
        return handle.driver.gpm_supported(handle.device())
    except (NvmlNotSupportedError, NvmlFunctionNotFoundError):
        return False
    except NvmlError:
        return True


def gpu_gpm_source(gpu: Handle, period_ns: int = GPM_PERIOD_NS) -> BankSource:
    """Return the source of everything that GPM tells of a GPU that is not cut."""
    return _of_gpu({**ACTIVITY, **LINKS}, gpu, period_ns)


def link_gpm_source(gpu: Handle, period_ns: int = GPM_PERIOD_NS) -> BankSource:
    """Return the source of what passes over a board's links while its instances share them."""
    return _of_gpu(LINKS, gpu, period_ns)


def instance_gpm_source(gpu: Handle, mig_device: Handle, period_ns: int = GPM_PERIOD_NS) -> BankSource:
    """Return the source of the activity of the GPU instance that a MIG device is in, in % of what that instance has.

    Compute instances of one GPU instance cannot be told apart by it.
    """
    bank, columns = _bank(ACTIVITY, Scope.INSTANCE, gpu)
    return BankSource.of_one(bank, _instance(gpu, mig_device), columns, period_ns)


def instances_gpm_source(gpu: Handle, mig_devices: Sequence[Handle], period_ns: int = GPM_PERIOD_NS) -> BankSource:
    """Return the same of several instances, for runs to join."""
    bank, columns = _bank(ACTIVITY, Scope.INSTANCE, gpu)
    return BankSource(bank, [_instance(gpu, mig_device) for mig_device in mig_devices], columns, period_ns)


def _of_gpu(table: Mapping[int, Quantity], gpu: Handle, period_ns: int) -> BankSource:
    bank, columns = _bank(table, Scope.GPU, gpu)
    return BankSource.of_one(bank, Subject((gpu,), lambda: (gpu.device(), None)), columns, period_ns)


def _bank(table: Mapping[int, Quantity], scope: Scope, gpu: Handle) -> tuple[OpenBank, Columns]:
    ids = tuple(table)
    columns = Columns(
        metrics=tuple(Metric.of(quantity, scope, "gpm", period_ns=GPM_PERIOD_NS) for quantity in table.values()),
        calls=tuple(f"nvmlGpmMetricsGet({metric_id})" for metric_id in ids),
        limit=SENTINEL,
    )
    return lambda slots: gpu.driver.gpm_bank(ids, slots), columns


def _instance(gpu: Handle, mig_device: Handle) -> Subject:
    def locate() -> tuple[Device, int | None]:
        # Always by its UUID: ids of instances are given out again.
        return gpu.device(), gpu.driver.gpu_instance_id_of(mig_device.device())

    return Subject((gpu, mig_device), locate)
