"""What a profile comes to: the operators that took most, how busy the device was, what was copied."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from migperf.measure.events import Document
from migperf.measure.profiling.intervals import covered_ns
from migperf.measure.profiling.operators import Key, Times, operator_times
from migperf.measure.profiling.trace import DeviceCall, DeviceWork, Trace

SUMMARY_NAME = "profile-summary.json"
TRACE_NAME = "profile.json.gz"
"""The documents that a profile consists of."""
NS_PER_MS = 1_000_000
MOST_LISTED = 30


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatorRow(_Part):
    """One operator with inputs of the same shapes, over all profiled steps. Times in ms; None without a device."""

    name: str
    shapes: str = Field(description="Shapes of the inputs that are tensors.")
    calls: int
    self_host_ms: float = Field(description="On the host, without the operators called within it.")
    total_host_ms: float
    self_device_ms: float | None = None
    total_device_ms: float | None = None
    share: float = Field(description="Self time, of the device if there is one, of that of all operators (0 to 1).")


class KernelRow(_Part):
    """One kernel, copy or fill by its name, over all profiled steps."""

    name: str
    calls: int
    total_ms: float
    share: float = Field(description="Of the time of all of them (0 to 1).")


class CopyRow(_Part):
    """Copies of one direction, over all profiled steps."""

    direction: str
    calls: int
    total_ms: float
    size_bytes: int | None = Field(default=None, description="None where the trace does not tell of each.")


class DeviceRow(_Part):
    """What the device did in the profiled steps. Work that overlaps counts once in ``busy_ms``."""

    busy_ms: float
    idle_ms: float
    busy_share: float = Field(description="Of the profiled time (0 to 1).")
    kernels_busy_ms: float = Field(description="With at least one kernel, copies and fills left out.")
    of_no_operator_ms: float = Field(description="Work that no operator asked for, such as replayed graphs.")
    kernels: tuple[KernelRow, ...]
    copies: tuple[CopyRow, ...]


class ProfileSummary(_Part):
    """A profile in short, or why there is none. ``device`` or ``device_absent`` is there, except with ``absent``."""

    absent: str | None = None
    steps: int | None = Field(default=None, description="Steps that were profiled.")
    span_ms: float | None = Field(default=None, description="From the first one's beginning to the last one's end, ms.")
    trace: str | None = Field(default=None, description="Name of the document that has the whole trace.")
    sorted_by: Literal["self_host_ms", "self_device_ms"] = "self_host_ms"
    operators: tuple[OperatorRow, ...] = ()
    operators_in_all: int = Field(default=0, description="How many there were, those not listed included.")
    device: DeviceRow | None = None
    device_absent: str | None = None


def summarise_trace(trace: Trace, *, on_device: bool) -> ProfileSummary:
    """Return the summary of a trace; ``on_device`` says that the run was on a GPU."""
    times, of_no_operator_ns = operator_times(trace)
    span_ns = trace.span.end_ns - trace.span.start_ns
    seen = bool(trace.device)
    return ProfileSummary(
        steps=trace.steps,
        span_ms=span_ns / NS_PER_MS,
        trace=TRACE_NAME,
        sorted_by="self_device_ms" if seen else "self_host_ms",
        operators=_operator_rows(times, seen=seen),
        operators_in_all=len(times),
        device=_device_row(trace, of_no_operator_ns) if seen else None,
        device_absent=None if seen else _why_no_device(on_device=on_device),
    )


def summary_document(summary: ProfileSummary) -> Document:
    """Return the summary as a document of the run."""
    return Document.of(SUMMARY_NAME, "application/json", summary.model_dump_json().encode())


def with_reason(documents: Sequence[Document], reason: str) -> tuple[Document, ...]:
    """Return the documents; where there is no summary among them, with one that says why there is none."""
    names = {document.name for document in documents}
    if SUMMARY_NAME in names:
        return tuple(documents)
    missing = ProfileSummary(absent=reason, trace=TRACE_NAME if TRACE_NAME in names else None)
    return (*documents, summary_document(missing))


def _why_no_device(*, on_device: bool) -> str:
    if on_device:
        return "the trace has no work of the GPU; CUPTI may be barred here, or in use by another profiler"
    return "the run was on the CPU"


def _operator_rows(times: dict[Key, Times], *, seen: bool) -> tuple[OperatorRow, ...]:
    """Return the operators of the longest self time; ``seen`` says that the device's work is known."""

    def self_ns(of_it: Times) -> int:
        return of_it.self_device_ns if seen else of_it.self_host_ns

    all_ns = sum(map(self_ns, times.values()))
    longest = sorted(times.items(), key=lambda item: (-self_ns(item[1]), -item[1].self_host_ns, item[0]))
    return tuple(
        OperatorRow(
            name=name,
            shapes=shapes,
            calls=of_it.calls,
            self_host_ms=of_it.self_host_ns / NS_PER_MS,
            total_host_ms=of_it.total_host_ns / NS_PER_MS,
            self_device_ms=of_it.self_device_ns / NS_PER_MS if seen else None,
            total_device_ms=of_it.total_device_ns / NS_PER_MS if seen else None,
            share=self_ns(of_it) / all_ns if all_ns else 0.0,
        )
        for (name, shapes), of_it in longest[:MOST_LISTED]
    )


def _device_row(trace: Trace, of_no_operator_ns: int) -> DeviceRow:
    span_ns = trace.span.end_ns - trace.span.start_ns
    busy_ns = covered_ns((work.when for work in trace.device), trace.span)
    kernels = (work.when for work in trace.device if work.work is DeviceWork.KERNEL)
    return DeviceRow(
        busy_ms=busy_ns / NS_PER_MS,
        idle_ms=(span_ns - busy_ns) / NS_PER_MS,
        busy_share=busy_ns / span_ns if span_ns else 0.0,
        kernels_busy_ms=covered_ns(kernels, trace.span) / NS_PER_MS,
        of_no_operator_ms=of_no_operator_ns / NS_PER_MS,
        kernels=_kernel_rows(trace.device),
        copies=_copy_rows(trace.device),
    )


def _kernel_rows(device: Iterable[DeviceCall]) -> tuple[KernelRow, ...]:
    by_name = _grouped((work.name, work) for work in device)
    all_ns = sum(map(_total_ns, by_name.values()))
    longest = sorted(by_name.items(), key=lambda item: (-_total_ns(item[1]), item[0]))
    return tuple(
        KernelRow(
            name=name,
            calls=len(calls),
            total_ms=_total_ns(calls) / NS_PER_MS,
            share=_total_ns(calls) / all_ns if all_ns else 0.0,
        )
        for name, calls in longest[:MOST_LISTED]
    )


def _copy_rows(device: Iterable[DeviceCall]) -> tuple[CopyRow, ...]:
    by_direction = _grouped((_direction(work.name), work) for work in device if work.work is DeviceWork.COPY)
    return tuple(
        CopyRow(
            direction=direction, calls=len(calls), total_ms=_total_ns(calls) / NS_PER_MS, size_bytes=_size_bytes(calls)
        )
        for direction, calls in sorted(by_direction.items())
    )


def _direction(name: str) -> str:
    """Return ``host to device`` for Kineto's ``Memcpy HtoD (Pinned -> Device)``, and so on; else the name itself."""
    words = {"HtoD": "host to device", "DtoH": "device to host", "DtoD": "device to device", "PtoP": "peer to peer"}
    return next((meaning for short, meaning in words.items() if short in name), name)


def _size_bytes(calls: Sequence[DeviceCall]) -> int | None:
    sizes = [call.size_bytes for call in calls]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _total_ns(calls: Iterable[DeviceCall]) -> int:
    return sum(call.when.end_ns - call.when.start_ns for call in calls)


def _grouped(pairs: Iterable[tuple[str, DeviceCall]]) -> dict[str, list[DeviceCall]]:
    groups: dict[str, list[DeviceCall]] = defaultdict(list)
    for key, call in pairs:
        groups[key].append(call)
    return groups
