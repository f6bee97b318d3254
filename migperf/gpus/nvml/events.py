"""NVML's event sets: what the driver tells of on its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_uint

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Device, XidEvent, XidEvents
from migperf.gpus.nvml.calls import NvmlCalls, text
from migperf.gpus.nvml.devices import instance_id
from migperf.gpus.nvml_errors import NvmlUninitializedError

_LONGEST_WAIT_MS = 0xFFFFFFFF
_MOST_AT_ONCE = 1000
_WAIT = "nvmlEventSetWait_v2"


class EventCalls(NvmlCalls):
    """The events of the Driver protocol that concern a single GPU or MIG device."""

    @contextmanager
    def xid_events(self, device: Device) -> Iterator[XidEvents]:
        """``nvmlEventSetCreate``, …RegisterEvents, …Free."""
        gpu_uuid = self._gpu_uuid(device)
        events = EventSet(self)
        try:
            events.register(device, pynvml.nvmlEventTypeXidCriticalError)
            yield _XidEvents(events, gpu_uuid)
        finally:
            events.free()

    def _gpu_uuid(self, device: Device) -> str:
        if self._call(pynvml.nvmlDeviceIsMigDeviceHandle, device).value:
            device = Device(self._call(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, device))
        return text(self._call(pynvml.nvmlDeviceGetUUID, device))


class EventSet:
    """An event set of NVML's."""

    def __init__(self, nvml: NvmlCalls) -> None:
        """``nvmlEventSetCreate``."""
        self._nvml, self._call = nvml, nvml._call
        self._wait = nvml.function(_WAIT)
        self._events = self._call(pynvml.nvmlEventSetCreate)
        self._freed = False
        nvml.hold(self)

    def register(self, device: Device, types: int) -> None:
        """``nvmlDeviceRegisterEvents``."""
        self._call(pynvml.nvmlDeviceRegisterEvents, device, types, self._events)

    def wait(self, timeout_s: float) -> pynvml.c_nvmlEventData_t | None:
        """``nvmlEventSetWait_v2``; None after the timeout, which is the usual answer and so no exception here."""
        if self._freed or not self._nvml.usable:
            raise NvmlUninitializedError(_WAIT)
        timeout_ms = min(max(0, round(timeout_s * 1000)), _LONGEST_WAIT_MS)
        data = pynvml.c_nvmlEventData_t()
        code = self._wait(self._events, byref(data), c_uint(timeout_ms))
        if code == pynvml.NVML_ERROR_TIMEOUT:
            return None
        if code != pynvml.NVML_SUCCESS:
            raise self._nvml.error(code, _WAIT, None)
        return data

    def free(self) -> None:
        """``nvmlEventSetFree``, once; not after a fork, where it is the parent's."""
        if not self._freed and self._nvml.usable:
            self._call(pynvml.nvmlEventSetFree, self._events)
        self._freed = True


class _XidEvents:
    """Errors of one GPU or MIG device."""

    def __init__(self, events: EventSet, gpu_uuid: str) -> None:
        self._events = events
        self._gpu_uuid = gpu_uuid

    def poll(self) -> tuple[XidEvent, ...]:
        """Return what was reported since the last call; at most a thousand, the others next time."""
        return tuple(self._waiting())

    def _waiting(self) -> Iterator[XidEvent]:
        for _ in range(_MOST_AT_ONCE):
            data = self._events.wait(0)
            if data is None:
                return
            yield XidEvent(
                gpu_uuid=self._gpu_uuid,
                xid=data.eventData,
                gpu_instance_id=instance_id(data.gpuInstanceId),
                compute_instance_id=instance_id(data.computeInstanceId),
            )
