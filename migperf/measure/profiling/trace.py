"""Reading what torch.profiler writes (Chrome's trace events, as Kineto exports them) into what summaries need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migperf.errors import MigperfError
from migperf.measure.profiling.intervals import Interval

NS_PER_US = 1_000
_STEP = "ProfilerStep#"
_LONGEST_SHAPES = 120
_LISTED = 3


class NoTraceError(MigperfError):
    """What should be a trace holds no profiled step."""


class DeviceWork(StrEnum):
    """What a device was busy with, by Kineto's categories."""

    KERNEL = "kernel"
    COPY = "gpu_memcpy"
    FILL = "gpu_memset"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCall:
    """One call of an operator on a thread of the host; ``id`` is what the device's work names it by."""

    name: str
    shapes: str
    thread: object
    when: Interval
    id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCall:
    """One piece of work of a device: a kernel, a copy or a fill. ``operator_id`` names the call that asked for it."""

    work: DeviceWork
    name: str
    when: Interval
    operator_id: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The profiled steps: their number, the time from the beginning of the first to the end of the last, all calls."""

    steps: int
    span: Interval
    operators: Sequence[OperatorCall]
    device: Sequence[DeviceCall]


def parse_trace(document: Mapping[str, Any]) -> Trace:
    """Return what a trace tells. Raises NoTraceError where it has no steps.

    The device is waited for within the last step, so the span holds all that the steps asked of it.
    """
    timed = [event for event in document.get("traceEvents", ()) if event.get("ph") == "X"]
    steps = [_when(event) for event in _of(timed, "user_annotation") if event["name"].startswith(_STEP)]
    if not steps:
        raise NoTraceError("the trace of the profiler holds no step")
    return Trace(
        steps=len(steps),
        span=Interval(min(step.start_ns for step in steps), max(step.end_ns for step in steps)),
        operators=tuple(_operator_call(event) for event in _of(timed, "cpu_op")),
        device=tuple(_device_call(event, work) for work in DeviceWork for event in _of(timed, work)),
    )


def _of(events: Sequence[Mapping[str, Any]], category: str) -> Iterator[Mapping[str, Any]]:
    return (event for event in events if event.get("cat") == category)


def _when(event: Mapping[str, Any]) -> Interval:
    start_us, took_us = float(event["ts"]), float(event.get("dur", 0))
    return Interval(round(start_us * NS_PER_US), round((start_us + took_us) * NS_PER_US))


def _operator_call(event: Mapping[str, Any]) -> OperatorCall:
    details = event.get("args", {})
    return OperatorCall(
        name=event["name"],
        shapes=shapes_text(details.get("Input Dims", ())),
        thread=(event.get("pid"), event.get("tid")),
        when=_when(event),
        id=details.get("External id"),
    )


def _device_call(event: Mapping[str, Any], work: DeviceWork) -> DeviceCall:
    details = event.get("args", {})
    return DeviceCall(
        work=work,
        name=event["name"],
        when=_when(event),
        operator_id=_asked_by(details),
        size_bytes=details.get("bytes"),
    )


def _asked_by(details: Mapping[str, Any]) -> int | None:
    """Return the id of the operator that asked for a device's work.

    Where there is none, Kineto writes the work's own correlation in its place, which could be the id of any operator.
    """
    asked: int | None = details.get("External id")
    return None if asked == details.get("correlation") else asked


def shapes_text(dims: Sequence[Any]) -> str:
    """Return the shapes of the tensors among an operator's inputs, such as ``4x3x32x32, 8x3x3x3``; cut when long."""
    text = ", ".join(filter(None, map(_shape_text, dims)))
    return text if len(text) <= _LONGEST_SHAPES else text[: _LONGEST_SHAPES - 1] + "…"


def _shape_text(dims: Any) -> str:  # noqa: ANN401 - a shape, or the shapes of a list of tensors
    if not isinstance(dims, list) or not dims:
        return ""
    if not isinstance(dims[0], list):
        return "x".join(map(str, dims))
    more = ["…"] if len(dims) > _LISTED else []
    return f"({', '.join([*map(_shape_text, dims[:_LISTED]), *more])})"
