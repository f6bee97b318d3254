"""A profile's summary says what the trace says: times by operator, how busy the device was, what was copied."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.events import Document
from migperf.measure.profiling.intervals import Interval
from migperf.measure.profiling.operators import operator_times
from migperf.measure.profiling.summary import (
    SUMMARY_NAME,
    TRACE_NAME,
    ProfileSummary,
    summarise_trace,
    summary_document,
    with_reason,
)
from migperf.measure.profiling.trace import (
    DeviceCall,
    DeviceWork,
    NoTraceError,
    OperatorCall,
    Trace,
    parse_trace,
    shapes_text,
)
from tests.measure.profiling.made_traces import ON_A_GPU, document, event, operator, step


def test_the_device_is_busy_while_anything_of_its_work_goes_on() -> None:
    device = summarise_trace(parse_trace(ON_A_GPU), on_device=True).device
    assert device is not None
    assert device.busy_ms == pytest.approx((10 + 50 + 5 + 10 + 2 + 10) / 1000), "clipped to the steps, overlap once"
    assert device.busy_ms + device.idle_ms == pytest.approx(0.250)
    assert device.busy_share == pytest.approx(87 / 250)
    assert device.kernels_busy_ms == pytest.approx(0.060)


def test_copies_are_told_apart_by_direction_and_sized_where_each_size_is_known() -> None:
    device = summarise_trace(parse_trace(ON_A_GPU), on_device=True).device
    assert device is not None
    copies = [(row.direction, row.calls, row.size_bytes, row.total_ms) for row in device.copies]
    assert copies == [
        ("device to host", 1, None, pytest.approx(0.002)),
        ("host to device", 2, 4192, pytest.approx(0.015)),
    ]


def test_work_of_the_device_belongs_to_the_operator_that_asked_for_it_and_to_those_around() -> None:
    summary = summarise_trace(parse_trace(ON_A_GPU), on_device=True)
    rows = {row.name: row for row in summary.operators}
    assert summary.sorted_by == "self_device_ms"
    assert (rows["aten::addmm"].self_device_ms, rows["aten::addmm"].total_device_ms) == (0.040, 0.040)
    assert (rows["aten::linear"].self_device_ms, rows["aten::linear"].total_device_ms) == (0.0, 0.040)
    assert (rows["AddmmBackward0"].self_device_ms, rows["AddmmBackward0"].calls) == (0.020, 1)
    assert (rows["aten::addmm"].share, rows["AddmmBackward0"].share) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert summary.device is not None
    assert summary.device.of_no_operator_ms == pytest.approx((10 + 10 + 5 + 2 + 30) / 1000)


def test_host_times_are_with_and_without_what_is_called_within() -> None:
    rows = {row.name: row for row in summarise_trace(parse_trace(ON_A_GPU), on_device=True).operators}
    linear = rows["aten::linear"]
    assert (linear.calls, linear.shapes) == (2, "4x8, 2x8")
    assert linear.self_host_ms == pytest.approx(0.030)
    assert linear.total_host_ms == pytest.approx(0.060)
    assert rows["AddmmBackward0"].self_host_ms == pytest.approx(0.060), "another thread's calls lie in nothing here"


def test_the_kernels_are_listed_by_their_time_whoever_asked_for_them() -> None:
    device = summarise_trace(parse_trace(ON_A_GPU), on_device=True).device
    assert device is not None
    assert [(row.name, row.calls) for row in device.kernels[:2]] == [("gemm", 2), ("Memset (Device)", 1)]
    assert sum(row.share for row in device.kernels) == pytest.approx(1)


def test_work_that_no_operator_asked_for_is_not_given_to_one_by_the_coincidence_of_ids() -> None:
    replayed = event("kernel", "replayed", 10, 5, thread=0, **{"External id": 1, "correlation": 1})
    asked_for = event("kernel", "asked for", 20, 5, thread=0, **{"External id": 1, "correlation": 77})
    trace = parse_trace(document(step(2, 0, 100), operator("f", 0, 50, 1), replayed, asked_for))
    summary = summarise_trace(trace, on_device=True)
    assert summary.operators[0].self_device_ms == 0.005
    assert summary.device is not None
    assert summary.device.of_no_operator_ms == 0.005


def test_a_recursive_operator_counts_its_time_once() -> None:
    trace = parse_trace(document(step(2, 0, 100), operator("f", 0, 50, 1), operator("f", 10, 20, 2)))
    (row,) = summarise_trace(trace, on_device=False).operators
    assert (row.calls, row.self_host_ms, row.total_host_ms) == (2, 0.050, 0.050)


@pytest.mark.parametrize(("on_device", "reason"), [(False, "was on the CPU"), (True, "CUPTI may be barred")])
def test_without_work_of_a_device_the_reason_is_told_and_the_host_decides_the_order(
    on_device: bool, reason: str
) -> None:
    trace = parse_trace(document(step(2, 0, 100), operator("short", 0, 5, 1), operator("long", 10, 20, 2)))
    summary = summarise_trace(trace, on_device=on_device)
    assert summary.device is None
    assert reason in (summary.device_absent or "")
    assert [(row.name, row.share, row.self_device_ms) for row in summary.operators] == [
        ("long", 0.8, None),
        ("short", 0.2, None),
    ]


def test_a_trace_without_steps_is_none() -> None:
    with pytest.raises(NoTraceError):
        parse_trace(document(operator("f", 0, 50, 1), event("kernel", "k", 0, 1)))


@pytest.mark.parametrize(
    ("dims", "text"),
    [
        ([[4, 3, 32, 32], [8, 3, 3, 3], [], []], "4x3x32x32, 8x3x3x3"),
        ([[[2, 3], [4]], []], "(2x3, 4)"),
        ([[[1]] * 5], "(1, 1, 1, …)"),
        ([], ""),
        ([[1000, 1000]] * 40, ("1000x1000, " * 40)[:119] + "…"),
    ],
)
def test_shapes_are_short(dims: list[object], text: str) -> None:
    assert shapes_text(dims) == text


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Operators of a few names, properly nested on two threads, and work of a device for some of them."""
    operators: list[OperatorCall] = []

    def fill(thread: int, start: int, end: int, depth: int) -> None:
        edges = sorted(draw(st.sets(st.integers(start, end), max_size=6)))
        for left, right in list(pairwise(edges))[::2]:
            name = draw(st.sampled_from("fgh"))
            id_ = len(operators)
            operators.append(OperatorCall(name=name, shapes="", thread=thread, when=Interval(left, right), id=id_))
            if depth and right - left > 2:
                fill(thread, left + 1, right - 1, depth - 1)

    for thread in (1, 2):
        fill(thread, 0, 60, 2)
    device = tuple(
        DeviceCall(work=DeviceWork.KERNEL, name="k", when=Interval(0, took), operator_id=asked, size_bytes=None)
        for took, asked in draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 15)), max_size=8))
    )
    return Trace(steps=1, span=Interval(0, 60), operators=operators, device=device)


@given(traces())
def test_times_by_operator_are_those_of_counting_instants(trace: Trace) -> None:
    own, total, calls = Counter[str](), Counter[str](), Counter(call.name for call in trace.operators)
    for thread in (1, 2):
        of_it = [call for call in trace.operators if call.thread == thread]
        for ns in range(60):
            under_way = [call for call in of_it if call.when.start_ns <= ns < call.when.end_ns]
            total.update({call.name for call in under_way})
            if under_way:
                own[max(under_way, key=lambda call: (call.when.start_ns, -call.when.end_ns)).name] += 1
    times, of_none_ns = operator_times(trace)
    assert {key[0]: (t.calls, t.self_host_ns, t.total_host_ns) for key, t in times.items()} == {
        name: (calls[name], own[name], total[name]) for name in calls
    }
    known = len(trace.operators)
    took_ns = [(work.when.end_ns - work.when.start_ns, work.operator_id) for work in trace.device]
    assert sum(t.self_device_ns for t in times.values()) == sum(ns for ns, asked in took_ns if (asked or 0) < known)
    assert of_none_ns == sum(ns for ns, asked in took_ns if (asked or 0) >= known)
    assert all(t.total_device_ns >= t.self_device_ns for t in times.values())


def test_the_document_of_a_summary_reads_back_as_it_was() -> None:
    summary = summarise_trace(parse_trace(ON_A_GPU), on_device=True)
    assert ProfileSummary.model_validate_json(summary_document(summary).data) == summary


def test_documents_without_a_summary_get_one_that_says_why() -> None:
    trace = Document.of(TRACE_NAME, "application/gzip", b"\x1f")
    kept, added = with_reason([trace], "the child ended")
    assert kept == trace
    assert added.name == SUMMARY_NAME
    assert ProfileSummary.model_validate_json(added.data) == ProfileSummary(absent="the child ended", trace=TRACE_NAME)
    assert with_reason([kept, added], "another reason") == (kept, added)
