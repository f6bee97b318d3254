"""The calls that read meters, where a test has handed in some (``Meters``); without, they answer NOT_SUPPORTED.

What a meter of the board answers through the handle of a MIG device differs between drivers. Here, power is the
board's and everything else NOT_SUPPORTED; ECC errors are those of its GPU instance.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from migperf.gpus.driver import Clock, ClocksEventReason, Device, FieldId, FieldValue, Meter, Utilization
from migperf.gpus.nvml_errors import NvmlError, NvmlNotSupportedError
from migperf.gpus.simulation import lookup
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.lookup import Found
from migperf.gpus.simulation.meters import BoardReadings

Reading = TypeVar("Reading")
Pick = Callable[[BoardReadings], int | None]

_CLOCKS: Mapping[Clock, Pick] = {
    Clock.GRAPHICS: attrgetter("clock_graphics_mhz"),
    Clock.SM: attrgetter("clock_sm_mhz"),
    Clock.MEMORY: attrgetter("clock_memory_mhz"),
}
_FIELDS: Mapping[FieldId, Pick] = {
    FieldId.THROTTLED_POWER_NS: attrgetter("throttled_power_ns"),
    FieldId.THROTTLED_THERMAL_NS: attrgetter("throttled_thermal_ns"),
    FieldId.MEMORY_TEMPERATURE_C: attrgetter("memory_temperature_c"),
    FieldId.ENERGY_MJ: attrgetter("energy_mj"),
    FieldId.PCIE_REPLAYS: attrgetter("pcie_replays"),
    FieldId.POWER_AVERAGE_MW: attrgetter("power_average_mw"),
    FieldId.POWER_INSTANT_MW: attrgetter("power_instant_mw"),
    FieldId.PCIE_SENT_BYTES: attrgetter("pcie_sent_bytes"),
    FieldId.PCIE_RECEIVED_BYTES: attrgetter("pcie_received_bytes"),
}
_THROUGH_MIG = (FieldId.POWER_AVERAGE_MW, FieldId.POWER_INSTANT_MW)


class MeterCalls(SimulatedCore):
    """What NVML answers about readings."""

    def field_values(self, device: Device, fields: Sequence[FieldId]) -> tuple[FieldValue, ...]:
        """Answer field 184 by the board, the others by its meters. Through a MIG device: power only.

        The average of power is NvmlNotSupportedError on boards up to GA100 (nvml.h).
        """
        call = "nvmlDeviceGetFieldValues"
        found = lookup.device(self._host(call), call, device)
        readings = self._board(found)
        return tuple(_field(found, readings, field) for field in fields)

    def reel(self, device: Device, meters: Sequence[Meter]) -> None:
        """Return None: a simulation is read one by one."""

    def utilization(self, device: Device) -> Utilization:
        """NvmlNotSupportedError with MIG on and on MIG devices."""
        call = "nvmlDeviceGetUtilizationRates"
        found = lookup.uncut(self._host(call), call, device)
        return _known(self._board(found).utilization, call, found)

    def power_mw(self, device: Device) -> int:
        """Return the board's power through whatever handle: as it is now up to GA100, else averaged."""
        call = "nvmlDeviceGetPowerUsage"
        found = lookup.device(self._host(call), call, device)
        readings = self._board(found)
        power_mw = readings.power_average_mw if found.board.averages_power else readings.power_instant_mw
        return _known(power_mw, call, found)

    def power_limit_mw(self, device: Device) -> int:
        """NvmlNotSupportedError of a MIG device."""
        return self._whole("nvmlDeviceGetEnforcedPowerLimit", device, lambda board: board.power_limit_mw)

    def energy_mj(self, device: Device) -> int:
        """NvmlNotSupportedError of a MIG device."""
        return self._whole("nvmlDeviceGetTotalEnergyConsumption", device, lambda board: board.energy_mj)

    def clock_mhz(self, device: Device, clock: Clock) -> int:
        """NvmlNotSupportedError of a MIG device."""
        return self._whole("nvmlDeviceGetClockInfo", device, _CLOCKS[clock])

    def clocks_event_reasons(self, device: Device) -> ClocksEventReason:
        """NvmlNotSupportedError of a MIG device."""
        call = "nvmlDeviceGetCurrentClocksEventReasons"
        return self._whole(call, device, lambda board: board.clocks_event_reasons)

    def temperature_c(self, device: Device) -> int:
        """NvmlNotSupportedError of a MIG device."""
        return self._whole("nvmlDeviceGetTemperatureV", device, lambda board: board.temperature_c)

    def ecc_errors(self, device: Device, *, corrected: bool) -> int:
        """Return the board's; of a MIG device, those of its GPU instance."""
        call = "nvmlDeviceGetTotalEccErrors"
        found = lookup.device(self._host(call), call, device)
        readings = self._board(found) if found.mig is None else self._instance(found, found.mig.gpu_instance_id)
        return _known(readings.ecc_corrected if corrected else readings.ecc_uncorrected, call, found)

    def _whole(self, call: str, device: Device, pick: Callable[[BoardReadings], Reading | None]) -> Reading:
        found = lookup.device(self._host(call), call, device)
        if found.mig is not None:
            raise NvmlNotSupportedError(call, found.uuid)
        return _known(pick(self._board(found)), call, found)


def _known(reading: Reading | None, call: str, found: Found) -> Reading:
    if reading is None:
        raise NvmlNotSupportedError(call, found.uuid)
    return reading


def _field(found: Found, readings: BoardReadings, field: FieldId) -> FieldValue:
    call = f"nvmlDeviceGetFieldValues({field.name})"
    try:
        return FieldValue(field, _known(_field_reading(found, readings, field), call, found), None)
    except NvmlError as error:
        return FieldValue(field, None, error)


def _field_reading(found: Found, readings: BoardReadings, field: FieldId) -> int | None:
    if field is FieldId.RESETLESS_MIG:
        return int(found.board.resetless) if found.board.has_mig else None
    if found.mig is not None and field not in _THROUGH_MIG:
        return None
    if field is FieldId.POWER_AVERAGE_MW and not found.board.averages_power:
        return None
    return _FIELDS[field](readings)
