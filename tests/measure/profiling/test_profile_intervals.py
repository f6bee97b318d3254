"""What overlaps counts once, and a call's own time is what no call within it takes. Against counting nanoseconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.profiling.intervals import Interval, covered_ns, nest, union

MOST = 60
some_intervals = st.lists(st.builds(Interval, st.integers(0, MOST), st.integers(0, MOST)), max_size=12)
calls = st.lists(
    st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda ends: Interval(min(ends), max(ends))), max_size=12
)


def instants(intervals: list[Interval]) -> set[int]:
    return {ns for one in intervals for ns in range(one.start_ns, one.end_ns)}


@given(some_intervals)
def test_a_union_has_the_same_instants_in_ascending_pieces_apart_from_each_other(intervals: list[Interval]) -> None:
    pieces = union(intervals)
    assert instants(pieces) == instants(intervals)
    assert all(one.start_ns < one.end_ns for one in pieces)
    assert all(before.end_ns < after.start_ns for before, after in pairwise(pieces))


@given(some_intervals, st.integers(0, MOST), st.integers(0, MOST))
def test_what_is_covered_counts_each_instant_of_the_span_once(intervals: list[Interval], start: int, end: int) -> None:
    span = Interval(start, end)
    assert covered_ns(intervals, span) == len(instants(intervals) & set(range(start, end)))


def properly_nested(given_calls: list[Interval]) -> list[Interval]:
    """Leave out what overlaps an earlier one without lying in it."""
    kept: list[Interval] = []
    for one in sorted(given_calls, key=lambda call: (call.start_ns, -call.end_ns)):
        if all(one.start_ns >= other.end_ns or one.end_ns <= other.end_ns for other in kept):
            kept.append(one)
    return kept


@given(calls, st.randoms())
def test_each_instant_belongs_to_the_innermost_call(given_calls: list[Interval], shuffled: object) -> None:
    nested = properly_nested(given_calls)
    shuffled.shuffle(nested)  # type: ignore[attr-defined]
    owner: dict[int, int] = {}
    for position in sorted(range(len(nested)), key=lambda i: (nested[i].start_ns, -nested[i].end_ns, i)):
        owner |= dict.fromkeys(range(nested[position].start_ns, nested[position].end_ns), position)
    found = nest(nested)
    assert found.self_ns == [list(owner.values()).count(position) for position in range(len(nested))]


@given(calls)
def test_a_call_lies_in_its_parent_and_in_nothing_smaller(given_calls: list[Interval]) -> None:
    nested = sorted(set(properly_nested(given_calls)))
    for position, parent in enumerate(nest(nested).parent):
        start, end = nested[position]
        around = {
            i: nested[i].end_ns - nested[i].start_ns
            for i in range(len(nested))
            if i != position and nested[i].start_ns <= start and end <= nested[i].end_ns and start < nested[i].end_ns
        }
        assert (parent is None) == (not around)
        assert parent is None or around[parent] == min(around.values())


@given(calls)
def test_calls_that_outlast_what_they_lie_in_take_no_time_twice(given_calls: list[Interval]) -> None:
    own_ns = nest(given_calls).self_ns
    assert all(one >= 0 for one in own_ns)
    assert sum(own_ns) <= len(instants(given_calls))
