"""Reading GPM a hundred times a second: NVML's functions called on memory that was prepared beforehand.

The same through ``gpm_sample`` and ``gpm_metrics`` takes some ten times as long, most of it for making structures.
"""

import time
from collections.abc import Callable, Collection, Sequence
from ctypes import CDLL, c_int64, c_void_p
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Protocol

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Device
from migperf.gpus.nvml.calls import Held, address
from migperf.gpus.nvml.gpm_reel import FRAMES, GpmReel
from migperf.gpus.nvml.gpm_requests import SIZE, Requests
from migperf.gpus.nvml.prepared import Prepared, prepare
from migperf.gpus.nvml_errors import NvmlError, NvmlUninitializedError
from migperf.native.compiled import CALL, Calls, Flag, function_address, library
from migperf.native.mechanism import Mechanism, Sampling
from migperf.native.moments import ROOM, Moments

Call = Callable[[], int]
_SAMPLE_GPU, _SAMPLE_INSTANCE, _METRICS = "nvmlGpmSampleGet", "nvmlGpmMigSampleGet", "nvmlGpmMetricsGet"


class Sample(Held, Protocol):
    """Memory of the driver's for one sample."""

    @property
    def pointer(self) -> object:
        """Where it is."""
        ...


class Nvml(Protocol):
    """What a bank needs of the backend."""

    @property
    def usable(self) -> Flag:
        """Whether calls can be made in this process."""
        ...

    def function(self, name: str) -> Callable[..., int]:
        """Return a function of the library. Raises NvmlFunctionNotFoundError."""
        ...

    def new_sample(self, device: object) -> Sample:
        """``nvmlGpmSampleAlloc``."""
        ...

    def error(self, code: int, call: str, on: object) -> NvmlError:
        """Return the error for a code, which names the device."""
        ...


@dataclass(slots=True)
class _Subject:
    """What is read in a slot: how a sample of it is taken, and the first moment that averages may begin at."""

    device: Device
    name: str
    take: Callable[..., int]
    given: tuple[int, ...]
    since: int


class _Place:
    """Samples of all subjects for one moment after another, and prepared calls that take them."""

    def __init__(self) -> None:
        self.samples: dict[int, Sample] = {}
        self.calls: list[Call] = []
        self.made_for = -1


class GpmBank:
    """The ``Bank`` of GPM: averages between its own readings, of GPUs or GPU instances."""

    def __init__(self, nvml: Nvml, metric_ids: Sequence[int], slots: int) -> None:
        """Prepare the requests for these metrics. Raises NvmlFunctionNotFoundError where the driver has no GPM."""
        self.failures: dict[int, NvmlError] = {}
        self.answered: Collection[int] = ()
        self._nvml, self._slots, self._metric_ids = nvml, slots, tuple(metric_ids)
        self._requests = Requests(metric_ids, slots)
        self._ask = nvml.function(_METRICS)
        self._asks: list[Call] = [partial(self._ask, c_void_p(where)) for where in self._requests.addresses]
        self._subjects: dict[int, _Subject] = {}
        self._changes = 0
        self._all: list[int] = []
        self._all_asks: list[Call] = []
        self._all_since = 0
        self._reel: GpmReel | None = None
        self._moments = Moments()
        self._places = [_Place() for _ in range(ROOM)]
        self._addresses: npt.NDArray[np.uint64] = np.zeros((ROOM, slots), np.uint64)

    def include(self, slot: int, device: Device, gpu_instance_id: int | None = None) -> None:
        """See Bank."""
        name: str = _SAMPLE_GPU
        given: tuple[int, ...] = (address(device),)
        if gpu_instance_id is not None:
            name, given = _SAMPLE_INSTANCE, (*given, gpu_instance_id)
        self._subjects[slot] = _Subject(device, name, self._nvml.function(name), given, 0)
        self._begin_anew(self._subjects[slot])
        self._change()

    def leave_out(self, slot: int) -> None:
        """See Bank."""
        if self._subjects.pop(slot, None) is not None:
            self._change()

    def read(self) -> tuple[Sequence[float], Sequence[int]]:
        """Take a sample of each and return averages since the latest that is more than 100 ms old."""
        if not self._nvml.usable:
            raise NvmlUninitializedError(_METRICS)
        if self.failures:
            self.failures = {}
        self.answered = ()
        earlier = self._moments.earlier(time.monotonic_ns())
        later = self._take()
        if earlier is None:
            self._requests.clear()
        else:
            self._average(earlier, later)
        return self._requests.answers()

    def reel(self) -> GpmReel | None:
        """See Bank."""
        native = library()
        if native is None:
            return None
        self._end_reel()
        for place in self._places:
            self._try_to_prepare(place)
        self._reel = GpmReel(self._metric_ids, self._slots, partial(self._mechanism, native))
        return self._reel

    def close(self) -> None:
        """``nvmlGpmSampleFree`` for all; nothing where NVML was shut down before, or after a fork."""
        self._subjects.clear()
        self._change()
        self._moments.drop()
        for place in self._places:
            for sample in place.samples.values():
                sample.free()
            place.samples.clear()

    def _take(self) -> int:
        number = self._moments.begin()
        place = self._places[number % ROOM]
        if place.made_for != self._changes:
            self._try_to_prepare(place)
        codes = [call() for call in place.calls]
        if not all(codes):
            # Timed after all were taken, so that what counts as more than 100 ms old certainly is.
            self._moments.keep(time.monotonic_ns())
        if any(codes):
            for slot, code in zip(self._all, codes, strict=True):
                if code:
                    self._fail(slot, code, self._subjects[slot].name)
        return number

    def _average(self, earlier: int, later: int) -> None:
        slots, asks = self._all, self._all_asks
        if earlier < self._all_since:
            old = [self._subjects[slot].since <= earlier for slot in slots]
            slots, asks = list(compress(slots, old)), list(compress(asks, old))
        self._requests.prepare(*(self._addresses[number % ROOM].tolist() for number in (earlier, later)))
        codes = [ask() for ask in asks]
        if any(codes):
            for slot, code in zip(slots, codes, strict=True):
                if code:
                    self._fail(slot, code, _METRICS)
            slots = [slot for slot in slots if slot not in self.failures]
        self.answered = slots

    def _fail(self, slot: int, code: int, call: str) -> None:
        subject = self._subjects[slot]
        self.failures[slot] = self._nvml.error(code, call, subject.device)
        self._begin_anew(subject)

    def _begin_anew(self, subject: _Subject) -> None:
        """Let no average begin at a sample that was taken up to now."""
        subject.since = self._all_since = self._moments.end

    def _end_reel(self) -> None:
        if self._reel is not None:
            self._reel.mechanism.end()
            self._reel = None

    def _change(self) -> None:
        self._end_reel()
        self._changes += 1
        self._all = list(self._subjects)
        self._all_asks = [self._asks[slot] for slot in self._all]

    def _try_to_prepare(self, place: _Place) -> None:
        try:
            self._prepare(place)
        except NvmlError:
            self._moments.drop()
            raise

    def _prepare(self, place: _Place) -> None:
        """Have a sample for each subject: at first, and after others were included."""
        row = self._addresses[self._places.index(place)]
        for slot, subject in self._subjects.items():
            if slot not in place.samples:
                place.samples[slot] = self._nvml.new_sample(subject.device)
                row[slot] = address(place.samples[slot].pointer)
        place.calls = [
            partial(subject.take, *map(c_int64, subject.given), c_void_p(int(row[slot])))
            for slot, subject in self._subjects.items()
        ]
        place.made_for = self._changes

    def _mechanism(self, native: CDLL, requests: Sequence[int]) -> Mechanism:
        """Take samples of all that are included, then ask for their averages to these addresses."""
        addresses = np.ascontiguousarray(self._addresses[:, self._all])
        takes: Calls = np.zeros(addresses.shape, CALL)
        for index, subject in enumerate(self._subjects.values()):
            known = len(subject.given)
            takes["make"][:, index] = function_address(subject.take)
            takes["given"][:, index, :known] = subject.given
            takes["given"][:, index, known] = addresses[:, index]
        ask = function_address(self._ask)
        calls = prepare([Prepared(ask, (), requests[slot]) for slot in self._all], FRAMES, self._slots * SIZE)
        return Mechanism(native, calls, self._nvml.usable, Sampling(self._moments, takes, addresses))
