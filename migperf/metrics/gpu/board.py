"""What is read of a board by NVML, for whoever runs on it: clocks, temperatures, utilisation, PCIe, memory errors.

Each source reads what changes about equally fast. All of it is the whole board's, also while MIG is on.
"""

from collections.abc import Sequence

from migperf.gpus.driver import Clock, ClocksEventReason, Device, FieldId
from migperf.metrics import catalogue
from migperf.metrics.gpu.fields import FieldColumn, FieldGroup, RateGroup
from migperf.metrics.gpu.group import CallGroup, Column, FlagGroup
from migperf.metrics.gpu.group_source import GroupSource
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric, Quantity, Scope

UTILIZATION_PERIOD_NS = 200_000_000
"""The driver samples it every 1/6 s to 1 s, by board (nvml.h)."""
UTILIZATION_OVER_NS = NS_PER_S
PCIE_PERIOD_NS = 100_000_000
"""Short enough for a counter of 32 bits not to wrap unnoticed on PCIe 4.0 x16 (4 GiB take 130 ms)."""
SLOW_PERIOD_NS = NS_PER_S
ECC_PERIOD_NS = 5 * NS_PER_S

REASONS: tuple[tuple[Quantity, ClocksEventReason], ...] = (
    (catalogue.THROTTLE_POWER_CAP, ClocksEventReason.SW_POWER_CAP),
    (catalogue.THROTTLE_HW_SLOWDOWN, ClocksEventReason.HW_SLOWDOWN),
    (catalogue.THROTTLE_HW_THERMAL, ClocksEventReason.HW_THERMAL_SLOWDOWN),
    (catalogue.THROTTLE_HW_POWER_BRAKE, ClocksEventReason.HW_POWER_BRAKE_SLOWDOWN),
    (catalogue.THROTTLE_SW_THERMAL, ClocksEventReason.SW_THERMAL_SLOWDOWN),
    (catalogue.THROTTLE_SYNC_BOOST, ClocksEventReason.SYNC_BOOST),
    (catalogue.CLOCKS_LOCKED, ClocksEventReason.APPLICATIONS_CLOCKS_SETTING),
    (catalogue.CLOCKS_IDLE, ClocksEventReason.GPU_IDLE),
)


def of_board(quantity: Quantity, period_ns: int | None = None, lookback_ns: int = 0) -> Metric:
    """Return a quantity as a metric of the board."""
    return Metric.of(quantity, Scope.GPU, "nvml", period_ns=period_ns, lookback_ns=lookback_ns)


def clock_source(handle: Handle) -> GroupSource:
    """Return the source of clocks and of what holds them down: each reading is a new one."""
    sm, memory = (_clock_group(handle, clock) for clock in (Clock.SM, Clock.MEMORY))
    return GroupSource((sm, memory, _reasons_group(handle)), period_ns=0)


def slow_source(handle: Handle) -> GroupSource:
    """Return the source of temperatures, the power limit, and counters of rare things."""
    driver = handle.driver
    limit = Column(of_board(catalogue.POWER_LIMIT, SLOW_PERIOD_NS), 1000)
    temperature = Column(of_board(catalogue.TEMPERATURE_GPU, SLOW_PERIOD_NS))
    groups = (
        CallGroup(handle, "nvmlDeviceGetTemperatureV", (temperature,), lambda gpu: (driver.temperature_c(gpu),)),
        CallGroup(handle, "nvmlDeviceGetEnforcedPowerLimit", (limit,), lambda gpu: (driver.power_limit_mw(gpu),)),
        FieldGroup(handle, _SLOW_FIELDS),
    )
    return GroupSource(groups, SLOW_PERIOD_NS)


_SLOW_FIELDS = (
    FieldColumn(of_board(catalogue.TEMPERATURE_MEMORY, SLOW_PERIOD_NS), FieldId.MEMORY_TEMPERATURE_C),
    FieldColumn(of_board(catalogue.THROTTLED_POWER, SLOW_PERIOD_NS), FieldId.THROTTLED_POWER_NS, NS_PER_S),
    FieldColumn(of_board(catalogue.THROTTLED_THERMAL, SLOW_PERIOD_NS), FieldId.THROTTLED_THERMAL_NS, NS_PER_S),
    FieldColumn(of_board(catalogue.PCIE_REPLAYS, SLOW_PERIOD_NS), FieldId.PCIE_REPLAYS),
)


def utilization_source(handle: Handle) -> GroupSource:
    """Return the source of the driver's own utilisation, which it does not have while MIG is on."""
    quantities = (catalogue.UTILIZATION_GPU, catalogue.UTILIZATION_MEMORY)
    columns = [Column(of_board(q, UTILIZATION_PERIOD_NS, UTILIZATION_OVER_NS)) for q in quantities]

    def ask(gpu: Device) -> Sequence[float]:
        found = handle.driver.utilization(gpu)
        return found.gpu_pct, found.memory_pct

    return GroupSource((CallGroup(handle, "nvmlDeviceGetUtilizationRates", columns, ask),), UTILIZATION_PERIOD_NS)


def pcie_source(handle: Handle) -> GroupSource:
    """Return the source of PCIe rates from counters.

    Not from nvmlDeviceGetPcieThroughput: each call of it blocks for 20 ms.
    """
    columns = (
        FieldColumn(of_board(catalogue.PCIE_SENT, PCIE_PERIOD_NS), FieldId.PCIE_SENT_BYTES),
        FieldColumn(of_board(catalogue.PCIE_RECEIVED, PCIE_PERIOD_NS), FieldId.PCIE_RECEIVED_BYTES),
    )
    return GroupSource((RateGroup(handle, columns),), PCIE_PERIOD_NS)


def ecc_group(handle: Handle, scope: Scope, *, corrected: bool) -> CallGroup:
    """Return errors of a kind, of a board or, through the handle of a MIG device, of its GPU instance."""
    driver = handle.driver
    quantity = catalogue.ECC_CORRECTED if corrected else catalogue.ECC_UNCORRECTED
    column = Column(Metric.of(quantity, scope, "nvml", period_ns=ECC_PERIOD_NS))
    call = f"nvmlDeviceGetTotalEccErrors({'corrected' if corrected else 'uncorrected'})"
    return CallGroup(handle, call, (column,), lambda device: (driver.ecc_errors(device, corrected=corrected),))


def _clock_group(handle: Handle, clock: Clock) -> CallGroup:
    driver = handle.driver
    metric = of_board(catalogue.CLOCK_SM if clock is Clock.SM else catalogue.CLOCK_MEMORY)
    call = f"nvmlDeviceGetClockInfo({clock.name})"
    return CallGroup(handle, call, (Column(metric),), lambda gpu: (driver.clock_mhz(gpu, clock),), clock)


def _reasons_group(handle: Handle) -> FlagGroup:
    driver = handle.driver
    flags = [(of_board(quantity), int(reason)) for quantity, reason in REASONS]
    return FlagGroup(handle, "nvmlDeviceGetCurrentClocksEventReasons", flags, driver.clocks_event_reasons)
