"""A device by its UUID: its handle is got once, and anew when it has become useless."""

from migperf.gpus.driver import Device, Driver
from migperf.gpus.nvml_errors import NvmlError


class Handle:
    """A GPU or MIG device, whoever reads it. A handle dies with a reset, and a MIG device's UUID with its instance."""

    def __init__(self, driver: Driver, uuid: str) -> None:
        """Get the handle now if the driver gives it; else it is asked for with each reading."""
        self.driver = driver
        self.uuid = uuid
        self._device: Device | None = None
        try:
            self.device()
        except NvmlError:
            # Not the time to say so: each reading of the device will tell the reason that it then has.
            self._device = None

    def device(self) -> Device:
        """Return the handle. Raises NvmlError, such as NvmlNotFoundError if there is no such device any more."""
        if self._device is None:
            self._device = self.driver.device_by_uuid(self.uuid)
        return self._device

    def forget(self) -> None:
        """Get the handle anew for the next reading: what was read through it is lost."""
        self._device = None
