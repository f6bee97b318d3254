"""Timing one step: CUDA events on a GPU, the monotonic clock elsewhere. Launch times are never taken for durations.

Two ways to look at a step. *Synchronised*: from the moment of asking to the moment when the answer is there, nothing
else under way; that is a latency. *Pipelined*: the next step is asked for while the device still works on this one,
and each step's own time on the device is read from events; that is how batches and training steps really run.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """One step: when it began (CLOCK_MONOTONIC, ns) and how long it took (ns)."""

    start_ns: int
    duration_ns: int


class StepTimer(Protocol):
    """Brackets each step with ``begin`` and ``end``; timings come out in order, perhaps some steps later."""

    def begin(self) -> None:
        """Mark the beginning of a step."""
        ...

    def end(self) -> None:
        """Mark the end of the step that was begun last."""
        ...

    def completed(self) -> list[Timing]:
        """Return the steps known to have ended since the last call, without waiting."""
        ...

    def drain(self) -> list[Timing]:
        """Wait for every step under way and return those not yet returned."""
        ...


@dataclass(slots=True)
class HostTimer:
    """The monotonic clock around a step that is over when its call returns: payloads on the CPU."""

    _begun_ns: int = 0
    _done: list[Timing] = field(default_factory=list)

    def begin(self) -> None:
        """See StepTimer."""
        self._begun_ns = time.monotonic_ns()

    def end(self) -> None:
        """See StepTimer."""
        self._done.append(Timing(self._begun_ns, time.monotonic_ns() - self._begun_ns))

    def completed(self) -> list[Timing]:
        """See StepTimer."""
        done, self._done = self._done, []
        return done

    def drain(self) -> list[Timing]:
        """See StepTimer."""
        return self.completed()


class SynchronisedCudaTimer(HostTimer):
    """The monotonic clock around a step, its end waited for: latency as a client sees it."""

    def __init__(self, device: "torch.device") -> None:
        super().__init__()
        self._device = device

    def begin(self) -> None:
        """Wait until the device is idle, then mark the beginning."""
        self._synchronize()
        super().begin()

    def end(self) -> None:
        """Wait for the step's work, then mark its end."""
        self._synchronize()
        super().end()

    def _synchronize(self) -> None:
        import torch

        torch.cuda.synchronize(self._device)


class CudaEventTimer:
    """A pair of CUDA events around each step, read when the device has passed them.

    At most ``depth`` steps are under way: the host then waits for the oldest, as a real input pipeline would. Event
    times are placed on the host's clock by one event that was waited for at the start.
    """

    def __init__(self, device: "torch.device", depth: int = 4) -> None:
        import torch

        self._stream = torch.cuda.current_stream(device)
        self._depth = depth
        self._under_way: deque[tuple[torch.cuda.Event, torch.cuda.Event]] = deque()
        self._done: list[Timing] = []
        self._anchor = self._new_event()
        self._anchor.record(self._stream)
        self._anchor.synchronize()
        self._anchor_ns = time.monotonic_ns()

    def begin(self) -> None:
        """See StepTimer."""
        self._begun = self._new_event()
        self._begun.record(self._stream)

    def end(self) -> None:
        """See StepTimer."""
        ended = self._new_event()
        ended.record(self._stream)
        self._under_way.append((self._begun, ended))
        if len(self._under_way) > self._depth:
            self._under_way[0][1].synchronize()

    def completed(self) -> list[Timing]:
        """See StepTimer."""
        while self._under_way and self._under_way[0][1].query():
            self._done.append(self._read(*self._under_way.popleft()))
        done, self._done = self._done, []
        return done

    def drain(self) -> list[Timing]:
        """See StepTimer."""
        if self._under_way:
            self._under_way[-1][1].synchronize()
        return self.completed()

    @staticmethod
    def _new_event() -> "torch.cuda.Event":
        import torch

        return torch.cuda.Event(enable_timing=True)

    def _read(self, begun: "torch.cuda.Event", ended: "torch.cuda.Event") -> Timing:
        start_ns = self._anchor_ns + round(self._anchor.elapsed_time(begun) * NS_PER_MS)
        return Timing(start_ns, round(begun.elapsed_time(ended) * NS_PER_MS))


def synchronised_timer(device: "torch.device") -> StepTimer:
    """Return the timer whose steps are over when they are answered."""
    return SynchronisedCudaTimer(device) if device.type == "cuda" else HostTimer()


def pipelined_timer(device: "torch.device") -> StepTimer:
    """Return the timer whose steps may overlap with what the host does next."""
    return CudaEventTimer(device) if device.type == "cuda" else HostTimer()
