"""Timing one step: CUDA events on a GPU, the monotonic clock elsewhere. Launch times are never taken for durations.

Two ways to look at a step. *Synchronised*: from the moment of asking to the moment when the answer is there, nothing
else under way; that is a latency. *Pipelined*: the next step is asked for while the device still works on this one,
and each step's own time on the device is read from events; that is how batches and training steps really run.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """One step: when it began (CLOCK_MONOTONIC, ns), how long it took (ns), and what its parts took of that (ns)."""

    start_ns: int
    duration_ns: int
    parts: tuple[tuple[str, int], ...] = ()


class StepTimer(Protocol):
    """Brackets each step with ``begin`` and ``end``; timings come out in order, perhaps some steps later."""

    def begin(self) -> None:
        """Mark the beginning of a step."""
        ...

    def lap(self, part: str, *, on_host: bool = False) -> None:
        """Mark the end of a part of the step; it began where the part before it ended.

        A part is timed where the step is, on the device, unless it is work of the host that the device does not wait
        in its own queue for, as loading data is.
        """
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
    """A monotonic clock around a step that is over when its call returns: payloads on the CPU."""

    now_ns: Callable[[], int] = time.monotonic_ns
    _begun_ns: int = 0
    _lap_ns: int = 0
    _parts: list[tuple[str, int]] = field(default_factory=list)
    _done: list[Timing] = field(default_factory=list)

    def begin(self) -> None:
        """See StepTimer."""
        self._begun_ns = self._lap_ns = self.now_ns()

    def lap(self, part: str, *, on_host: bool = False) -> None:  # noqa: ARG002 - everything is on the host here
        """See StepTimer."""
        now_ns = self.now_ns()
        self._parts.append((part, now_ns - self._lap_ns))
        self._lap_ns = now_ns

    def end(self) -> None:
        """See StepTimer."""
        duration_ns = self.now_ns() - self._begun_ns
        self._done.append(Timing(self._begun_ns, duration_ns, tuple(self._parts)))
        self._parts.clear()

    def completed(self) -> list[Timing]:
        """See StepTimer."""
        done, self._done = self._done, []
        return done

    def drain(self) -> list[Timing]:
        """See StepTimer."""
        return self.completed()


class CudaMarks:
    """The CUDA events of one step: its beginning, the ends of its parts, its end. Recorded without waiting."""

    def __init__(self, stream: "torch.cuda.Stream") -> None:
        self._stream = stream
        self.begun = self._lap = self._record()
        self._lap_ns = time.monotonic_ns()
        self._parts: list[tuple[str, int | tuple[torch.cuda.Event, torch.cuda.Event]]] = []

    def lap(self, part: str, *, on_host: bool) -> None:
        """Mark the end of a part, timed by the host's clock or between two events."""
        now_ns, event = time.monotonic_ns(), self._record()
        self._parts.append((part, now_ns - self._lap_ns if on_host else (self._lap, event)))
        self._lap, self._lap_ns = event, now_ns

    def end(self) -> None:
        """Mark the end."""
        self.ended = self._record()

    def duration_ns(self) -> int:
        """Return the time between beginning and end; the device must have passed both."""
        return _between_ns(self.begun, self.ended)

    def parts(self) -> tuple[tuple[str, int], ...]:
        """Return what each part took, ns; the device must have passed all of them."""
        return tuple((part, took if isinstance(took, int) else _between_ns(*took)) for part, took in self._parts)

    def _record(self) -> "torch.cuda.Event":
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record(self._stream)
        return event


class SynchronisedCudaTimer:
    """The monotonic clock around a step, its end waited for: latency as a client sees it. Parts by CUDA events."""

    def __init__(self, device: "torch.device") -> None:
        import torch

        self._stream = torch.cuda.current_stream(device)
        self._done: list[Timing] = []

    def begin(self) -> None:
        """Wait until the device is idle, then mark the beginning."""
        self._stream.synchronize()
        self._begun_ns = time.monotonic_ns()
        self._marks = CudaMarks(self._stream)

    def lap(self, part: str, *, on_host: bool = False) -> None:
        """See StepTimer."""
        self._marks.lap(part, on_host=on_host)

    def end(self) -> None:
        """Wait for the step's work, then mark its end."""
        self._stream.synchronize()
        duration_ns = time.monotonic_ns() - self._begun_ns
        self._done.append(Timing(self._begun_ns, duration_ns, self._marks.parts()))

    def completed(self) -> list[Timing]:
        """See StepTimer."""
        done, self._done = self._done, []
        return done

    def drain(self) -> list[Timing]:
        """See StepTimer."""
        return self.completed()


class CudaEventTimer:
    """CUDA events around each step and its parts, read when the device has passed them.

    At most ``depth`` steps are under way: the host then waits for the oldest, as a real input pipeline would. Event
    times are placed on the host's clock by one event that was waited for at the start.
    """

    def __init__(self, device: "torch.device", depth: int = 4) -> None:
        import torch

        self._stream = torch.cuda.current_stream(device)
        self._depth = depth
        self._under_way: deque[CudaMarks] = deque()
        self._done: list[Timing] = []
        self._anchor = torch.cuda.Event(enable_timing=True)
        self._anchor.record(self._stream)
        self._anchor.synchronize()
        self._anchor_ns = time.monotonic_ns()

    def begin(self) -> None:
        """See StepTimer."""
        self._marks = CudaMarks(self._stream)

    def lap(self, part: str, *, on_host: bool = False) -> None:
        """See StepTimer."""
        self._marks.lap(part, on_host=on_host)

    def end(self) -> None:
        """See StepTimer."""
        self._marks.end()
        self._under_way.append(self._marks)
        if len(self._under_way) > self._depth:
            self._under_way[0].ended.synchronize()

    def completed(self) -> list[Timing]:
        """See StepTimer."""
        while self._under_way and self._under_way[0].ended.query():
            self._done.append(self._read(self._under_way.popleft()))
        done, self._done = self._done, []
        return done

    def drain(self) -> list[Timing]:
        """See StepTimer."""
        if self._under_way:
            self._under_way[-1].ended.synchronize()
        return self.completed()

    def _read(self, marks: CudaMarks) -> Timing:
        start_ns = self._anchor_ns + _between_ns(self._anchor, marks.begun)
        return Timing(start_ns, marks.duration_ns(), marks.parts())


def _between_ns(earlier: "torch.cuda.Event", later: "torch.cuda.Event") -> int:
    elapsed_ms: float = earlier.elapsed_time(later)
    return round(elapsed_ms * NS_PER_MS)


def synchronised_timer(device: "torch.device") -> StepTimer:
    """Return the timer whose steps are over when they are answered."""
    return SynchronisedCudaTimer(device) if device.type == "cuda" else HostTimer()


def pipelined_timer(device: "torch.device") -> StepTimer:
    """Return the timer whose steps may overlap with what the host does next."""
    return CudaEventTimer(device) if device.type == "cuda" else HostTimer()
