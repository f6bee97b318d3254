"""What migperf asks of CUDA's driver API itself, by ctypes: whether MPS is in use, and green contexts.

PyTorch has ``torch.cuda.green_contexts`` from 2.10 on, but its ``create(num_sms)`` takes the first group of a split of
the whole device each time: two contexts made so lie on the same multiprocessors. Only one split into all groups at
once makes disjoint ones, and PyTorch up to 2.14 has no call for it.

Source: CUDA driver API reference, chapters "Device Management" and "Green Contexts"; layouts as in cuda.h.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

from migperf.errors import MigperfError

LIBRARY = "libcuda.so.1"
GREEN_CONTEXTS_SINCE = "a driver for CUDA 12.5 or later (555)"
_SM = 1  # CU_DEV_RESOURCE_TYPE_SM
_DEFAULT_STREAM = 1  # CU_GREEN_CTX_DEFAULT_STREAM, which cuGreenCtxCreate wants
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING, which cuGreenCtxStreamCreate wants, and PyTorch's own streams have
_MPS_ENABLED = 133  # CU_DEVICE_ATTRIBUTE_MPS_ENABLED
_INVALID_VALUE = 1


class CudaDriverError(MigperfError):
    """The driver cannot do what was asked of it, or there is no driver."""


class _Resource(ctypes.Structure):
    """CUdevResource: 144 bytes, of which the count of multiprocessors is what concerns us."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("padding", ctypes.c_ubyte * 92),
        ("sm_count", ctypes.c_uint),
        ("rest", ctypes.c_ubyte * 44),
    )


@dataclass(frozen=True, slots=True)
class GreenStream:
    """A CUDA stream (its handle) whose work runs on ``sm_count`` multiprocessors, which no other of its split has."""

    handle: int
    sm_count: int


@dataclass(frozen=True, slots=True)
class GreenSplit:
    """Equal green streams of one device, and the multiprocessors that are left over and none of them uses."""

    streams: tuple[GreenStream, ...]
    unused_sms: int


class CudaDriver:
    """The driver of this process, which has been initialised already: PyTorch does it. Devices by their ordinal."""

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise CudaDriverError(f"there is no CUDA driver: {error}") from error

    def mps_enabled(self, ordinal: int = 0) -> bool | None:
        """Tell whether this process computes through MPS; None where the driver does not know of it (before 12.1)."""
        value, device = ctypes.c_int(), self._device(ordinal)
        status = self._function("cuDeviceGetAttribute")(ctypes.byref(value), _MPS_ENABLED, device)
        if status == _INVALID_VALUE:
            return None
        self._check("cuDeviceGetAttribute", status)
        return bool(value.value)

    def split(self, count: int, ordinal: int = 0) -> GreenSplit:
        """Divide the device's multiprocessors into that many green contexts, as large as they can be all alike.

        They are granted in groups (8 on Hopper), so some may be left over. What is made is kept until the process
        ends. Raises CudaDriverError where the driver has no green contexts, or too few multiprocessors.
        """
        device, whole = self._device(ordinal), _Resource()
        self._call("cuDeviceGetDevResource", device, ctypes.byref(whole), _SM)
        least = next((n for n in range(whole.sm_count // count, 0, -1) if self._groups(whole, n) >= count), None)
        if least is None:
            raise CudaDriverError(f"{whole.sm_count} multiprocessors cannot be divided among {count} green contexts")
        groups, made, rest = (_Resource * count)(), ctypes.c_uint(count), _Resource()
        references = ctypes.byref(made), ctypes.byref(whole), ctypes.byref(rest)
        self._call("cuDevSmResourceSplitByCount", groups, *references, 0, least)
        if made.value != count:
            raise CudaDriverError(f"the driver made {made.value} groups of {least} multiprocessors, not {count}")
        streams = tuple(GreenStream(self._stream(device, group), group.sm_count) for group in groups)
        return GreenSplit(streams, whole.sm_count - sum(stream.sm_count for stream in streams))

    def _groups(self, whole: _Resource, least: int) -> int:
        """Return how many groups of at least so many multiprocessors there could be; nothing is made."""
        count = ctypes.c_uint(0)
        references = ctypes.byref(count), ctypes.byref(whole), None
        self._call("cuDevSmResourceSplitByCount", None, *references, 0, least)
        return count.value

    def _stream(self, device: int, group: _Resource) -> int:
        description, context, stream = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuDevResourceGenerateDesc", ctypes.byref(description), ctypes.byref(group), 1)
        self._call("cuGreenCtxCreate", ctypes.byref(context), description, device, _DEFAULT_STREAM)
        self._call("cuGreenCtxStreamCreate", ctypes.byref(stream), context, _NON_BLOCKING, 0)
        return stream.value or 0

    def _device(self, ordinal: int) -> int:
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), ordinal)
        return device.value

    def _call(self, name: str, *arguments: object) -> None:
        self._check(name, self._function(name)(*arguments))

    def _function(self, name: str) -> Any:  # noqa: ANN401 - ctypes knows no better
        try:
            return getattr(self._library, name)
        except AttributeError as error:
            raise CudaDriverError(f"the CUDA driver has no {name}; it takes {GREEN_CONTEXTS_SINCE}") from error

    def _check(self, name: str, status: int) -> None:
        if status != 0:
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(status, ctypes.byref(text))
            raise CudaDriverError(f"{name} failed: {(text.value or b'unknown').decode()} ({status})")
