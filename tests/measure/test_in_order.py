"""Timings come out in the order of their beginning, none lost, none before an earlier one that may still come."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.loops.in_order import InOrder
from migperf.measure.loops.timers import Timing


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=40))
def test_whatever_order_steps_end_in_they_are_released_in_the_order_they_began(steps: list[tuple[int, int]]) -> None:
    by_end = sorted((Timing(start, took) for start, took in steps), key=lambda one: one.start_ns + one.duration_ns)
    in_order, released = InOrder(), []
    for position, timing in enumerate(by_end):
        in_order.add(timing)
        to_come = min((later.start_ns for later in by_end[position + 1 :]), default=None)
        now = in_order.before(to_come)
        assert to_come is None or all(timing.start_ns < to_come for timing in now)
        released += now
    assert [timing.start_ns for timing in released] == sorted(start for start, _ in steps)
    assert in_order.before(None) == []
