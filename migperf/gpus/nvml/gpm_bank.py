"""Reading GPM a hundred times a second: NVML's functions called on memory that was prepared beforehand.

The same through ``gpm_sample`` and ``gpm_metrics`` takes some ten times as long, most of it for making structures.
"""

import time
from collections.abc import Callable, Collection, Sequence
from ctypes import c_uint, c_void_p
from dataclasses import dataclass
from functools import partial
from itertools import compress
from typing import Protocol

from migperf.gpus.driver import Device
from migperf.gpus.nvml.calls import Held, address
from migperf.gpus.nvml.gpm_reel import GpmReel, Span
from migperf.gpus.nvml.gpm_requests import Requests
from migperf.gpus.nvml_errors import NvmlError, NvmlUninitializedError
from migperf.gpus.sampled_gpm import EarlierSamples

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
    def usable(self) -> bool:
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
    since: int


class _Moment:
    """Samples of all subjects, taken together: their addresses by slot, and prepared calls that take them again."""

    def __init__(self, slots: int) -> None:
        self.number = 0
        self.calls: list[Call] = []
        self.addresses = [0] * slots
        self.samples: dict[int, Sample] = {}
        self.made_for = -1


class GpmBank:
    """The ``Bank`` of GPM: averages between its own readings, of GPUs or GPU instances."""

    def __init__(self, nvml: Nvml, metric_ids: Sequence[int], slots: int) -> None:
        """Prepare the requests for these metrics. Raises NvmlFunctionNotFoundError where the driver has no GPM."""
        self.failures: dict[int, NvmlError] = {}
        self.answered: Collection[int] = ()
        self._nvml, self._slots, self._metric_ids = nvml, slots, tuple(metric_ids)
        self._requests = Requests(metric_ids, slots)
        ask = nvml.function(_METRICS)
        self._asks: list[Call] = [partial(ask, c_void_p(where)) for where in self._requests.addresses]
        self._subjects: dict[int, _Subject] = {}
        self._changes = 0
        self._all: list[int] = []
        self._all_asks: list[Call] = []
        self._number = 0
        self._all_since = 0
        self._reel: GpmReel | None = None
        self._spare: list[_Moment] = []
        self._earlier = EarlierSamples[_Moment](self._spare.append)

    def include(self, slot: int, device: Device, gpu_instance_id: int | None = None) -> None:
        """See Bank."""
        where = c_void_p(address(device))
        if gpu_instance_id is None:
            name, take = _SAMPLE_GPU, partial(self._nvml.function(_SAMPLE_GPU), where)
        else:
            take_instance = self._nvml.function(_SAMPLE_INSTANCE)
            name, take = _SAMPLE_INSTANCE, partial(take_instance, where, c_uint(gpu_instance_id))
        self._subjects[slot] = _Subject(device, name, take, 0)
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
        earlier = self._earlier.before(time.monotonic_ns())
        later = self._take()
        if earlier is None:
            self._requests.clear()
        else:
            self._average(earlier, later)
        return self._requests.answers()

    def reel(self) -> GpmReel:
        """See Bank."""
        self._end_reel()
        self._reel = GpmReel(self._nvml.function(_METRICS), self._metric_ids, self._slots, self._all, self.span)
        return self._reel

    def span(self) -> Span | None:
        """Take a sample of each and return what an average of each lies between; None where ``read`` tells why not."""
        if not self._nvml.usable:
            return None
        earlier = self._earlier.before(time.monotonic_ns())
        if earlier is None or earlier.number < self._all_since:
            return None
        try:
            later = self._take()
        except NvmlError:
            return None
        return None if self.failures else (earlier.addresses, later.addresses)

    def close(self) -> None:
        """``nvmlGpmSampleFree`` for all; nothing where NVML was shut down before, or after a fork."""
        self._earlier.drop()
        for moment in self._spare:
            for sample in moment.samples.values():
                sample.free()
        self._spare.clear()
        self._subjects.clear()
        self._change()

    def _take(self) -> _Moment:
        moment = self._spare.pop() if self._spare else _Moment(self._slots)
        if moment.made_for != self._changes:
            self._try_to_prepare(moment)
        self._number = moment.number = self._number + 1
        codes = [call() for call in moment.calls]
        if any(codes):
            for slot, code in zip(self._all, codes, strict=True):
                if code:
                    self._fail(slot, code, self._subjects[slot].name)
        if len(self.failures) < len(codes):
            # Timed after all were taken, so that what counts as more than 100 ms old certainly is.
            self._earlier.add(time.monotonic_ns(), moment)
        else:
            self._spare.append(moment)
        return moment

    def _average(self, earlier: _Moment, later: _Moment) -> None:
        slots, asks = self._all, self._all_asks
        if earlier.number < self._all_since:
            old = [self._subjects[slot].since <= earlier.number for slot in slots]
            slots, asks = list(compress(slots, old)), list(compress(asks, old))
        self._requests.prepare(earlier.addresses, later.addresses)
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
        subject.since = self._all_since = self._number + 1

    def _end_reel(self) -> None:
        if self._reel is not None:
            self._reel.over, self._reel = True, None

    def _change(self) -> None:
        self._end_reel()
        self._changes += 1
        self._all = list(self._subjects)
        self._all_asks = [self._asks[slot] for slot in self._all]

    def _try_to_prepare(self, moment: _Moment) -> None:
        try:
            self._prepare(moment)
        except NvmlError:
            self._earlier.drop()
            raise

    def _prepare(self, moment: _Moment) -> None:
        """Have a sample for each subject: at first, and after others were included."""
        for slot, subject in self._subjects.items():
            if slot not in moment.samples:
                moment.samples[slot] = self._nvml.new_sample(subject.device)
                moment.addresses[slot] = address(moment.samples[slot].pointer)
        moment.calls = [
            partial(subject.take, c_void_p(moment.addresses[slot])) for slot, subject in self._subjects.items()
        ]
        moment.made_for = self._changes
