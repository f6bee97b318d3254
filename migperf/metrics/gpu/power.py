"""Power and energy of a board. No board has meters for a part of it: power of an instance does not exist."""

from migperf.gpus.driver import Device, FieldId
from migperf.gpus.nvml_errors import NvmlNotSupportedError
from migperf.metrics import catalogue
from migperf.metrics.gpu.fields import FieldColumn, FieldGroup
from migperf.metrics.gpu.group import CallGroup, Column
from migperf.metrics.gpu.group_source import GroupSource
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric, Scope

POWER_PERIOD_NS = 20_000_000
"""NVML has new readings every 20 to 100 ms, by board; finding out how often needs finer ones."""
AVERAGED_OVER_NS = NS_PER_S
"""What the average is over, by nvml.h."""
GA100 = (8, 0)
"""Compute capability up to which nvmlDeviceGetPowerUsage is no average, by nvml.h."""
_MILLI = 1000

_AVERAGE = Metric.of(
    catalogue.POWER_AVERAGE, Scope.GPU, "nvml", period_ns=POWER_PERIOD_NS, lookback_ns=AVERAGED_OVER_NS
)
_INSTANT = Metric.of(catalogue.POWER_INSTANT, Scope.GPU, "nvml", period_ns=POWER_PERIOD_NS)
_ENERGY = Metric.of(catalogue.ENERGY, Scope.GPU, "nvml", period_ns=POWER_PERIOD_NS)


def power_source(handle: Handle, period_ns: int = POWER_PERIOD_NS) -> GroupSource:
    """Return the source of ``power_average``, ``power_instant`` and ``energy`` of a board, in this order.

    One call for all where the board has the fields; what it does not have is asked for by the calls of before (R525).
    """
    average, instant = (_power_group(handle, metric, averaged=metric is _AVERAGE) for metric in (_AVERAGE, _INSTANT))
    columns = (
        FieldColumn(_AVERAGE, FieldId.POWER_AVERAGE_MW, _MILLI, average),
        FieldColumn(_INSTANT, FieldId.POWER_INSTANT_MW, _MILLI, instant),
        FieldColumn(_ENERGY, FieldId.ENERGY_MJ, _MILLI, _energy_group(handle)),
    )
    return GroupSource((FieldGroup(handle, columns),), period_ns)


def _power_group(handle: Handle, metric: Metric, *, averaged: bool) -> CallGroup:
    """Return nvmlDeviceGetPowerUsage as the metric that it is on this board; it is not supported as the other one."""
    driver = handle.driver

    def power_mw(device: Device) -> tuple[int]:
        if (driver.compute_capability(device) > GA100) is not averaged:
            raise NvmlNotSupportedError(f"nvmlDeviceGetPowerUsage as {metric.name}", handle.uuid)
        return (driver.power_mw(device),)

    return CallGroup(handle, "nvmlDeviceGetPowerUsage", (Column(metric, _MILLI),), power_mw)


def _energy_group(handle: Handle) -> CallGroup:
    driver = handle.driver
    call = "nvmlDeviceGetTotalEnergyConsumption"
    return CallGroup(handle, call, (Column(_ENERGY, _MILLI),), lambda device: (driver.energy_mj(device),))
