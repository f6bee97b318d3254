"""Reading the memory of several MIG devices a hundred times a second, into memory that was prepared beforehand."""

from collections.abc import Callable, Collection, Mapping, Sequence
from ctypes import CDLL, addressof, c_void_p, create_string_buffer
from functools import partial
from struct import Struct

import numpy as np
import numpy.typing as npt
import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Device
from migperf.gpus.nvml.calls import UNKNOWN_64, NvmlCalls, address
from migperf.gpus.nvml.prepared import prepare
from migperf.gpus.nvml_errors import NvmlError, NvmlUninitializedError
from migperf.native.compiled import library, pointer_to
from migperf.native.mechanism import Mechanism

_CALL = "nvmlDeviceGetMemoryInfo_v2"
_INFO = Struct("=QQQQQ")
"""nvmlMemory_v2_t: version, total, reserved, free, used."""
_BLANK = _INFO.pack(pynvml.nvmlMemory_v2, *[UNKNOWN_64] * 4)
_NUMBERS = 3
_FRAMES = 64


class MemoryBank:
    """The ``Bank`` of memory: reserved, free and used, bytes."""

    def __init__(self, nvml: NvmlCalls, slots: int) -> None:
        """Prepare the structures. Raises NvmlFunctionNotFoundError before R510."""
        self.failures: dict[int, NvmlError] = {}
        self.answered: Collection[int] = ()
        self._nvml, self._ask = nvml, nvml.function(_CALL)
        self._blank = _BLANK * slots
        self._memory = create_string_buffer(len(self._blank))
        self._view = memoryview(self._memory).cast("B")
        self._answers = Struct("=" + "16xQQQ" * slots)
        self._codes = (0,) * slots * _NUMBERS
        self._devices: dict[int, Device] = {}
        self._calls: list[Callable[[], int]] = []
        self._reel: MemoryReel | None = None

    def include(self, slot: int, device: Device, gpu_instance_id: int | None = None) -> None:  # noqa: ARG002
        """See Bank; a MIG device tells for itself."""
        self._devices[slot] = device
        self._prepare()

    def leave_out(self, slot: int) -> None:
        """See Bank."""
        if self._devices.pop(slot, None) is not None:
            self._prepare()

    def read(self) -> tuple[Sequence[float], Sequence[int]]:
        """See Bank."""
        if not self._nvml.usable:
            raise NvmlUninitializedError(_CALL)
        if self.failures:
            self.failures = {}
        # What the driver leaves as it is must not pass for an answer.
        self._view[:] = self._blank
        codes = [call() for call in self._calls]
        if any(codes):
            self._note_failures(codes)
        return self._answers.unpack_from(self._memory), self._codes

    def reel(self) -> "MemoryReel | None":
        """See Bank."""
        native = library()
        if native is not None:
            self._end_reel()
            self._reel = MemoryReel(native, self._nvml, self._devices, len(self._blank) // _INFO.size)
        return self._reel

    def close(self) -> None:
        """See Bank: nothing is held."""
        self._end_reel()

    def _end_reel(self) -> None:
        if self._reel is not None:
            self._reel.mechanism.end()
            self._reel = None

    def _note_failures(self, codes: list[int]) -> None:
        for (slot, device), code in zip(self._devices.items(), codes, strict=True):
            if code:
                self.failures[slot] = self._nvml.error(code, "nvmlDeviceGetMemoryInfo", device)

    def _prepare(self) -> None:
        self._end_reel()
        self.answered = tuple(self._devices)
        self._calls = [
            partial(self._ask, c_void_p(address(device)), c_void_p(addressof(self._memory) + slot * _INFO.size))
            for slot, device in self._devices.items()
        ]


class MemoryReel:
    """The ``Reel`` of the memory of some devices: a nvmlMemory_v2_t to each slot of each frame."""

    def __init__(self, library: CDLL, nvml: NvmlCalls, devices: Mapping[int, Device], slots: int) -> None:
        """Prepare all calls. Raises NvmlFunctionNotFoundError before R510."""
        self.frames = _FRAMES
        self._blank = np.frombuffer(_BLANK * slots, np.uint64)
        self._told = np.tile(self._blank, (_FRAMES, 1))
        begin = pointer_to(self._told)
        calls = [
            nvml.prepared(_CALL, address(device), to=begin + slot * _INFO.size) for slot, device in devices.items()
        ]
        self.mechanism = Mechanism(library, prepare(calls, _FRAMES, slots * _INFO.size), nvml.usable)

    def expose(self, frame: int) -> bool:
        """See Reel."""
        return self.mechanism.expose(frame)

    def develop(self, frames: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """See Reel."""
        told = self._told[frames]
        self._told[frames] = self._blank
        values = told.reshape(len(frames), -1, 5)[:, :, 2:].reshape(len(frames), -1).astype(np.float64)
        return values, np.zeros(values.shape, np.int32)
