"""Traces made by hand, in the form in which Kineto writes them."""

from collections.abc import Sequence
from typing import Any

Event = dict[str, Any]


def event(category: str, name: str, start_us: float, took_us: float, thread: int = 1, **details: object) -> Event:
    """Return an event that has a length."""
    at = {"pid": 7, "tid": thread, "ts": start_us, "dur": took_us}
    return {"ph": "X", "cat": category, "name": name, **at, "args": details}


def step(number: int, start_us: float, took_us: float) -> Event:
    """Return one step as the profiler marks it."""
    return event("user_annotation", f"ProfilerStep#{number}", start_us, took_us)


def operator(
    name: str, start_us: float, took_us: float, id_: int, dims: Sequence[object] = (), thread: int = 1
) -> Event:
    """Return one call of an operator."""
    return event("cpu_op", name, start_us, took_us, thread, **{"External id": id_, "Input Dims": list(dims)})


def document(*events: Event) -> dict[str, Any]:
    """Return the whole, with some of what else such a document has."""
    others = [
        {"ph": "M", "name": "process_name", "ts": 0, "pid": 7, "tid": 0, "args": {"name": "python"}},
        {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "ts": 3, "pid": 7, "tid": 7, "args": {"Bytes": 8}},
        {"ph": "s", "cat": "fwdbwd", "name": "fwdbwd", "id": 1, "ts": 3, "pid": 7, "tid": 7},
        event("user_annotation", "Optimizer.step#SGD.step", 1, 2),
    ]
    return {"schemaVersion": 1, "traceEvents": [*others, *events]}


ON_A_GPU = document(
    step(2, 0, 100),
    step(3, 100, 150),
    operator("aten::linear", 10, 40, 1, [[4, 8], [2, 8], []]),
    operator("aten::addmm", 15, 30, 2, [[2], [4, 8], [8, 2]]),
    operator("aten::linear", 110, 20, 3, [[4, 8], [2, 8], []]),
    operator("AddmmBackward0", 112, 60, 4, [[4, 2]], thread=2),
    event("kernel", "gemm", 30, 40, thread=0, **{"External id": 2, "stream": 7}),
    event("kernel", "gemm", 60, 20, thread=0, **{"External id": 4, "stream": 8}),
    event("kernel", "replayed", 200, 10, thread=0, stream=7),
    event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 5, 10, thread=0, **{"External id": 99, "bytes": 4096}),
    event("gpu_memcpy", "Memcpy HtoD (Pageable -> Device)", 105, 5, thread=0, bytes=96),
    event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 220, 2, thread=0),
    event("gpu_memset", "Memset (Device)", 240, 30, thread=0, bytes=8),
)
"""Two steps, 250 us. Of the device: copies 5-15, 105-110, 220-222; kernels 30-80, 200-210; a fill from 240 on."""
