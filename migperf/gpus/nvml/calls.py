"""How NVML is called: pynvml's exceptions become ours, and a failure names the GPU or instance that it happened on."""

import math
import os
from collections.abc import Callable
from ctypes import c_void_p, cast
from typing import TypeVar

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError, NvmlUninitializedError, nvml_error

T = TypeVar("T")


def text(given: str | bytes) -> str:
    """Return a name as text: old releases of pynvml hand out bytes."""
    return given.decode() if isinstance(given, bytes) else given


class NvmlCalls:
    """What all groups of calls share. Good in the process that made it, until it is ended."""

    def __init__(self) -> None:
        """Belong to this process; NVML must be initialised in it."""
        self._owner: int | None = os.getpid()
        self._gpu_uuids: dict[int, str] = {}

    @property
    def usable(self) -> bool:
        """Whether calls can be made: not closed, and not inherited by a fork, where NVML is not initialised."""
        return self._owner == os.getpid()

    def _call(self, function: Callable[..., T], *args: object) -> T:
        """Return what pynvml's ``function`` returns; raise an NvmlError for what it raises."""
        if not self.usable:
            raise NvmlUninitializedError(function.__name__)
        try:
            return function(*args)
        except pynvml.NVMLError as error:
            raise nvml_error(error.value, function.__name__, self._describe(*args[:1])) from error

    def _one_of_many(self, code: int, value: float, call: str, on: object) -> tuple[float | None, NvmlError | None]:
        """Return one answer of a call that has many: its value, or its own error. NaN means that there is no data."""
        if code == pynvml.NVML_SUCCESS and not math.isnan(value):
            return value, None
        return None, nvml_error(code or NvmlNoDataError.code, call, self._describe(on))

    def _remember(self, gpu: object, uuid: str) -> None:
        """Keep a GPU's UUID for the messages of failures: one that fell off the bus cannot tell it any more."""
        if not uuid.startswith("MIG-"):
            self._gpu_uuids[_address(gpu)] = uuid

    def _forget(self) -> None:
        """Drop what was remembered: the driver may bind its GPUs to other handles."""
        self._gpu_uuids.clear()

    def _describe(self, subject: object = None) -> str | None:
        """Return a name for the first argument of a call, as far as one is known."""
        if isinstance(subject, str | int):
            return str(subject)
        try:
            return self._describe_handle(subject)
        except pynvml.NVMLError:
            return self._gpu_uuids.get(_address(subject)) if isinstance(subject, pynvml.c_nvmlDevice_t) else None

    def _describe_handle(self, handle: object) -> str | None:
        if isinstance(handle, pynvml.c_nvmlDevice_t):
            return text(pynvml.nvmlDeviceGetUUID(handle))
        if isinstance(handle, pynvml.c_nvmlGpuInstance_t):
            info = pynvml.nvmlGpuInstanceGetInfo(handle)
            return f"GPU instance {info.id} of {self._describe(info.device)}"
        if isinstance(handle, pynvml.c_nvmlComputeInstance_t):
            return self._describe(pynvml.nvmlComputeInstanceGetInfo_v2(handle).device)
        return None


def _address(handle: object) -> int:
    return cast(handle, c_void_p).value or 0  # type: ignore[arg-type]
