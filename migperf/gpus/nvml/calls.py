"""How NVML is called: pynvml's exceptions become ours, and a failure names the GPU or instance that it happened on."""

import os
import weakref
from collections.abc import Callable
from ctypes import byref, c_uint, c_ulonglong, c_void_p, cast
from typing import Protocol, TypeVar

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.nvml.prepared import Prepared
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError, NvmlUninitializedError, nvml_error
from migperf.native.compiled import Flag, function_address

T = TypeVar("T")
UNKNOWN_32, UNKNOWN_64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
"""All ones of the type: how NVML says in a number's place that there is none (NVML_VALUE_NOT_AVAILABLE)."""


_opened: "weakref.WeakSet[NvmlCalls]" = weakref.WeakSet()


def _after_fork() -> None:
    for calls in _opened:
        calls.usable.set(False)


os.register_at_fork(after_in_child=_after_fork)


def text(given: str | bytes) -> str:
    """Return a name as text: old releases of pynvml hand out bytes."""
    return given.decode() if isinstance(given, bytes) else given


class Held(Protocol):
    """What the library holds for us, until it is freed."""

    def free(self) -> object:
        """Give it back; again: nothing."""
        ...


class NvmlCalls:
    """What all groups of calls share. Good in the process that made it, until it is ended."""

    def __init__(self) -> None:
        """Belong to this process; NVML must be initialised in it."""
        self.usable = Flag(raised=True)
        """Whether calls can be made: not closed, and not inherited by a fork, where NVML is not initialised."""
        _opened.add(self)
        self._gpu_uuids: dict[int, str] = {}
        self._functions: dict[str, Callable[..., int]] = {}
        self._held: weakref.WeakSet[Held] = weakref.WeakSet()

    def _call(self, function: Callable[..., T], *args: object) -> T:
        """Return what pynvml's ``function`` returns; raise an NvmlError for what it raises."""
        if not self.usable:
            raise NvmlUninitializedError(function.__name__)
        try:
            return function(*args)
        except pynvml.NVMLError as error:
            raise nvml_error(error.value, function.__name__, self._describe(*args[:1])) from error

    def hold(self, held: Held) -> None:
        """Have it freed at the end if it is still there: after nvmlShutdown it could not be."""
        self._held.add(held)

    def _free_held(self) -> None:
        for held in tuple(self._held):
            held.free()

    def _number(self, function: Callable[..., int], unknown: int, *args: object) -> int:
        """Return the number that a function answers; NvmlNoDataError for the one that stands for none."""
        number = self._call(function, *args)
        if number == unknown:
            raise self._no_data(function.__name__, *args[:1])
        return number

    def _number_at_once(self, name: str, kind: type[c_uint] | type[c_ulonglong], device: object, *args: object) -> int:
        """Return the same of the library's own function, in half the time: for what is asked at every turn."""
        if not self.usable:
            raise NvmlUninitializedError(name)
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = self.function(name)
        answer = kind()
        code = function(device, *args, byref(answer))
        if code:
            raise self.error(code, name, device)
        number = answer.value
        if number == kind(-1).value:
            raise self._no_data(name, device)
        return number

    def _no_data(self, call: str, on: object) -> NvmlError:
        return self.error(NvmlNoDataError.code, call, on)

    def function(self, name: str) -> Callable[..., int]:
        """Return a function of the library as it is. Raises NvmlFunctionNotFoundError."""
        try:
            return pynvml._nvmlGetFunctionPointer(name)  # type: ignore[no-any-return]
        except pynvml.NVMLError as error:
            raise nvml_error(error.value, name) from error

    def prepared(self, name: str, *given: int, to: int) -> Prepared:
        """Return a call of a function that answers to an address. Raises NvmlFunctionNotFoundError."""
        return Prepared(function_address(self.function(name)), given, to)

    def error(self, code: int, call: str, on: object) -> NvmlError:
        """Return the error for a code; it names the GPU or instance."""
        return nvml_error(code, call, self._describe(on))

    def _remember(self, gpu: object, uuid: str) -> None:
        """Keep a GPU's UUID for the messages of failures: one that fell off the bus cannot tell it any more."""
        if not uuid.startswith("MIG-"):
            self._gpu_uuids[address(gpu)] = uuid

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
            return self._gpu_uuids.get(address(subject)) if isinstance(subject, pynvml.c_nvmlDevice_t) else None

    def _describe_handle(self, handle: object) -> str | None:
        if isinstance(handle, pynvml.c_nvmlDevice_t):
            return text(pynvml.nvmlDeviceGetUUID(handle))
        if isinstance(handle, pynvml.c_nvmlGpuInstance_t):
            info = pynvml.nvmlGpuInstanceGetInfo(handle)
            return f"GPU instance {info.id} of {self._describe(info.device)}"
        if isinstance(handle, pynvml.c_nvmlComputeInstance_t):
            return self._describe(pynvml.nvmlComputeInstanceGetInfo_v2(handle).device)
        return None


def address(handle: object) -> int:
    """Return where a pointer of pynvml's points to."""
    return cast(handle, c_void_p).value or 0  # type: ignore[arg-type]
