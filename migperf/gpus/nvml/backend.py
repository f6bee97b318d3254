"""The real driver: NVML through pynvml, as the Driver protocol.

The calls are grouped as in the protocol; here is only how the library is opened and closed.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.nvml.events import EventCalls
from migperf.gpus.nvml.gpm import GpmCalls
from migperf.gpus.nvml.instances import InstanceCalls
from migperf.gpus.nvml.meters import MeterCalls
from migperf.gpus.nvml.mig import MigCalls
from migperf.gpus.nvml_errors import nvml_error

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class NvmlLibrary(MigCalls, MeterCalls, InstanceCalls, GpmCalls, EventCalls):
    """NVML, initialised in this process. After a fork every call raises NvmlUninitializedError: open a new one."""

    @classmethod
    def open(cls) -> Self:
        """``nvmlInitWithFlags``. Raises NvmlLibraryNotFoundError, NvmlDriverNotLoadedError: there is no GPU to use."""
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise nvml_error(error.value, "nvmlInit") from error
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """``nvmlShutdown``. Closing again does nothing, nor does closing what a fork inherited."""
        if self.usable:
            self._free_held()
            self._call(pynvml.nvmlShutdown)
        self.usable.set(False)

    @property
    def simulated(self) -> bool:
        """Always False."""
        return False

    def boot_id(self) -> str:
        """Return the kernel's boot id."""
        return _BOOT_ID.read_text().strip()
