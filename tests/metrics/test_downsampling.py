"""Downsampling leaves samples as they are, and never loses extremes, sides of gaps, events, or what a flag did."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.downsampling import Method, downsample
from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap

STALLED = Absence(AbsenceState.STALLED, "reading took too long")
STEPS = st.lists(st.integers(0, 1_000), min_size=1, max_size=400)
POINTS = st.integers(1, 120)
METHODS = st.sampled_from(Method)


@st.composite
def chunks(draw: st.DrawFn, values: st.SearchStrategy[float] | None = None) -> Chunk:
    times = np.cumsum(draw(STEPS))
    finite = st.floats(allow_nan=False, allow_infinity=False) if values is None else values
    return Chunk.of(times, draw(st.lists(finite, min_size=len(times), max_size=len(times))))


@st.composite
def chunks_with_gaps(draw: st.DrawFn) -> tuple[Chunk, tuple[Gap, ...]]:
    """A chunk with times that all differ, and gaps between some neighbours."""
    chunk = draw(chunks())
    chunk = Chunk(chunk.time_ns + np.arange(len(chunk)), chunk.value)
    befores = draw(st.sets(st.integers(0, max(0, len(chunk) - 2)), max_size=8)) if len(chunk) > 1 else set()
    times = chunk.time_ns.tolist()
    return chunk, tuple(Gap(times[i], times[i + 1], STALLED) for i in sorted(befores))


def samples_of(chunk: Chunk) -> list[tuple[int, bytes]]:
    return [(time, value.tobytes()) for time, value in zip(chunk.time_ns.tolist(), chunk.value, strict=True)]


@given(chunks(), POINTS, METHODS)
def test_what_is_kept_are_samples_in_their_order_and_not_many_more_than_asked_for(
    chunk: Chunk, points: int, method: Method
) -> None:
    kept = downsample(chunk, points, method)
    left = iter(samples_of(chunk))
    assert all(sample in left for sample in samples_of(kept)), "a subsequence of the samples"
    assert len(kept) <= max(points, 4), "both ends and both extremes stay, however few are asked for"


@given(chunks(), POINTS, METHODS)
def test_fewer_samples_than_points_come_back_as_they_are(chunk: Chunk, points: int, method: Method) -> None:
    assume(len(chunk) <= points)
    assert downsample(chunk, points, method) is chunk


@given(chunks(), POINTS, st.sampled_from([Method.MIN_MAX, Method.MIN_MAX_LTTB]))
def test_the_extremes_of_the_whole_are_kept(chunk: Chunk, points: int, method: Method) -> None:
    kept = downsample(chunk, points, method)
    assert (kept.value.min(), kept.value.max()) == (chunk.value.min(), chunk.value.max())


@given(chunks_with_gaps(), POINTS, METHODS)
def test_both_sides_of_each_gap_are_kept(given_: tuple[Chunk, tuple[Gap, ...]], points: int, method: Method) -> None:
    chunk, gaps = given_
    kept = downsample(chunk, points, method, gaps=gaps)
    sides = {time for gap in gaps for time in (gap.start_ns, gap.end_ns)}
    ends = {int(chunk.time_ns[0]), int(chunk.time_ns[-1])}
    assert sides | ends <= set(kept.time_ns.tolist())
    assert len(kept) <= max(points, 4 + len(sides))


@given(chunks(st.sampled_from([0.0, 79.0])), POINTS, METHODS)
def test_events_are_never_left_out(chunk: Chunk, points: int, method: Method) -> None:
    assert downsample(chunk, points, method, kind=Kind.EVENT) is chunk


@given(st.sets(st.integers(1, 9_998), max_size=20), METHODS)
def test_each_change_of_a_flag_is_kept_while_there_is_room(changes: set[int], method: Method) -> None:
    value = np.zeros(10_000)
    for change in changes:
        value[change:] = 1 - value[change:]
    kept = downsample(Chunk.of(np.arange(10_000), value), 100, method, kind=Kind.FLAG)
    seen = {b for (a, b) in pairwise(range(len(kept))) if kept.value[a] != kept.value[b]}
    assert {int(kept.time_ns[i]) for i in seen} == changes, "at the very sample"
    assert len(kept) <= 100


@given(st.integers(0, 2**32 - 1), st.floats(0.0005, 0.5))
def test_no_throttling_is_lost_from_a_flag_that_flickers(seed: int, share: float) -> None:
    value = (np.random.default_rng(seed).random(10_000) < share).astype(float)
    kept = downsample(Chunk.of(np.arange(10_000), value), 200, kind=Kind.FLAG)
    ones = kept.time_ns[kept.value == 1]
    bucket = 10_000 / (200 / 4)
    for time in np.flatnonzero(value):
        assert np.abs(ones - time).min() <= bucket, "a 1 is shown within a bucket of each 1"


def test_segments_share_the_points_by_their_lengths() -> None:
    rng = np.random.default_rng(1)
    chunk = Chunk.of(np.arange(10_000), rng.random(10_000))
    kept = downsample(chunk, 1_000, gaps=[Gap(999, 1_000, STALLED)])
    assert np.count_nonzero(kept.time_ns < 1_000) == pytest.approx(100, abs=6)
    assert np.count_nonzero(kept.time_ns >= 1_000) == pytest.approx(900, abs=6)
