"""NVML's calls that read meters of GPUs, and of MIG devices where there are any."""

from collections.abc import Sequence
from ctypes import c_uint, c_ulonglong

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Clock, ClocksEventReason, Device, Meter, Utilization
from migperf.gpus.nvml.calls import UNKNOWN_32, UNKNOWN_64
from migperf.gpus.nvml.fields import FieldCalls
from migperf.gpus.nvml.meter_reel import MeterReel
from migperf.gpus.nvml_errors import NvmlFunctionNotFoundError, NvmlVersionMismatchError
from migperf.native.compiled import library

_OLD_DRIVER = (NvmlFunctionNotFoundError, NvmlVersionMismatchError)


class MeterCalls(FieldCalls):
    """What the group "a GPU, or a MIG device where said" of the Driver protocol reads from meters."""

    @property
    def metered(self) -> bool:
        """Always True."""
        return True

    def reel(self, device: Device, meters: Sequence[Meter]) -> MeterReel | None:
        """Return a reel of calls of the library itself; None before R535, which has no such call for reasons."""
        native = library()
        try:
            return None if native is None else MeterReel(native, self, device, meters)
        except NvmlFunctionNotFoundError:
            return None

    def utilization(self, device: Device) -> Utilization:
        """``nvmlDeviceGetUtilizationRates``."""
        rates = self._call(pynvml.nvmlDeviceGetUtilizationRates, device)
        if UNKNOWN_32 in (rates.gpu, rates.memory):
            raise self._no_data("nvmlDeviceGetUtilizationRates", device)
        return Utilization(rates.gpu, rates.memory)

    def power_mw(self, device: Device) -> int:
        """``nvmlDeviceGetPowerUsage``."""
        return self._number(pynvml.nvmlDeviceGetPowerUsage, UNKNOWN_32, device)

    def power_limit_mw(self, device: Device) -> int:
        """``nvmlDeviceGetEnforcedPowerLimit``."""
        return self._number(pynvml.nvmlDeviceGetEnforcedPowerLimit, UNKNOWN_32, device)

    def energy_mj(self, device: Device) -> int:
        """``nvmlDeviceGetTotalEnergyConsumption``."""
        return self._number(pynvml.nvmlDeviceGetTotalEnergyConsumption, UNKNOWN_64, device)

    def clock_mhz(self, device: Device, clock: Clock) -> int:
        """``nvmlDeviceGetClockInfo``."""
        return self._number_at_once("nvmlDeviceGetClockInfo", c_uint, device, c_uint(clock))

    def clocks_event_reasons(self, device: Device) -> ClocksEventReason:
        """``nvmlDeviceGetCurrentClocksEventReasons``; before R535 …ClocksThrottleReasons."""
        try:
            bits = self._number_at_once("nvmlDeviceGetCurrentClocksEventReasons", c_ulonglong, device)
        except NvmlFunctionNotFoundError:
            bits = self._number(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, UNKNOWN_64, device)
        return ClocksEventReason(bits)

    def temperature_c(self, device: Device) -> int:
        """``nvmlDeviceGetTemperatureV`` of the die; before R570 nvmlDeviceGetTemperature."""
        sensor = pynvml.NVML_TEMPERATURE_GPU
        try:
            return self._number(pynvml.nvmlDeviceGetTemperatureV, -1, device, sensor)
        except _OLD_DRIVER:
            return self._number(pynvml.nvmlDeviceGetTemperature, UNKNOWN_32, device, sensor)

    def ecc_errors(self, device: Device, *, corrected: bool) -> int:
        """``nvmlDeviceGetTotalEccErrors``, volatile."""
        kind = pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED if corrected else pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
        return self._number(pynvml.nvmlDeviceGetTotalEccErrors, UNKNOWN_64, device, kind, pynvml.NVML_VOLATILE_ECC)
