"""What is recorded of a source is what it said: samples as they were, and a gap with its reason where it had none."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.recording import Recording
from migperf.metrics.recording_reader import RecordingReader
from migperf.metrics.series import Chunk, Gap, Series
from migperf.metrics.series_log import SeriesLog

A, B = (Metric(name=name, unit="1", scope=Scope.GPU, source="test") for name in "ab")
LOST = Absence(AbsenceState.LOST, "fell off the bus")
DENIED = Absence(AbsenceState.NO_PERMISSION, "no right")
NAN = float("nan")
Answer = float | Absence | None


def record(*rows: tuple[int, Answer, Answer]) -> RecordingReader:
    reader = RecordingReader(Recording((A, B)), 0)
    for time_ns, *answers in rows:
        add(reader.recording, time_ns, answers)
    return reader


def add(recording: Recording, time_ns: int, answers: list[Answer]) -> None:
    row = np.array([answer if isinstance(answer, float) else NAN for answer in answers])
    recording.append(time_ns, row, lambda i: a if isinstance(a := answers[i], Absence) else None)


def test_a_gap_lasts_from_the_last_value_to_the_next() -> None:
    a, b = record((1, 1.0, 9.0), (2, LOST, 9.0), (3, LOST, 9.0), (4, 2.0, 9.0)).series()
    assert a.gaps == (Gap(1, 4, LOST),)
    assert a.chunk.time_ns.tolist() == [1, 4]
    assert a.absence is None
    assert b.gaps == ()


def test_a_metric_that_never_had_a_value_says_why_from_the_first_reading_on() -> None:
    a, _ = record((5, DENIED, 1.0), (6, DENIED, 1.0)).series()
    assert a.gaps == (Gap(5, None, DENIED),)
    assert a.absence == DENIED
    assert len(a) == 0


def test_too_early_is_no_gap_and_ends_none() -> None:
    a, b = record((1, None, 1.0), (2, 1.0, LOST), (3, 1.0, None), (4, 1.0, 2.0)).series()
    assert a.gaps == ()
    assert b.gaps == (Gap(1, 4, LOST),)


def test_another_kind_of_reason_begins_another_gap() -> None:
    a, _ = record((1, 1.0, 1.0), (2, DENIED, 1.0), (3, LOST, 1.0), (4, 1.0, 1.0)).series()
    assert a.gaps == (Gap(1, 3, DENIED), Gap(3, 4, LOST))


def test_what_is_no_number_is_missing_even_where_nobody_says_so() -> None:
    for row in ([np.inf, -np.inf], [np.inf, np.inf], [NAN, NAN]):
        reader = record()
        reader.recording.append(1, np.array(row), lambda _: LOST)
        assert [len(series) for series in reader.series()] == [0, 0]
        assert [series.absence for series in reader.series()] == [LOST, LOST]


def test_a_stall_is_a_gap_of_what_had_a_value_before_and_cannot_overlap_the_next() -> None:
    stalled = Absence(AbsenceState.STALLED, "slept")
    reader = record((1, 1.0, DENIED))
    reader.recording.stall(9, stalled)
    add(reader.recording, 9, [LOST, DENIED])
    add(reader.recording, 10, [1.0, DENIED])
    a, b = reader.series()
    assert a.gaps == (Gap(1, 9, stalled), Gap(9, 10, LOST))
    assert b.gaps == (Gap(1, None, DENIED),), "what was absent anyway has its own reason"


def test_an_end_that_was_not_expected_leaves_every_metric_with_a_reason() -> None:
    reader = record((1, 1.0, DENIED), (2, 2.0, DENIED))
    reader.close(50, LOST)
    a, b = reader.series()
    assert a.gaps == (Gap(2, None, LOST),)
    assert b.absence == DENIED
    assert [update.gaps for update in reader.take()] == [a.gaps, b.gaps]


def test_a_run_sees_nothing_from_before_it_began_or_after_it_ended() -> None:
    first = record((1, 1.0, LOST))
    second = RecordingReader(first.recording, 5)
    add(first.recording, 6, [2.0, LOST])
    second.close(7, None)
    add(first.recording, 8, [LOST, 3.0])
    a, b = second.series()
    assert a.chunk.time_ns.tolist() == [6]
    assert a.gaps == ()
    assert b.gaps == (Gap(5, None, LOST),), "the gap was there already, and for this run it began with the run"
    assert first.series()[1].gaps == (Gap(1, 8, LOST),)


def test_a_reader_of_some_columns_sees_no_others() -> None:
    recording = Recording((A, B))
    reader = RecordingReader(recording, 0, slice(1, 2))
    add(recording, 1, [LOST, 5.0])
    add(recording, 2, [LOST, DENIED])
    (b,) = reader.series()
    assert b.metric == B
    assert b.chunk.value.tolist() == [5.0]
    assert b.gaps == (Gap(1, None, DENIED),)
    assert [update.metric for update in reader.take()] == [B]


def test_of_columns_that_nobody_has_read_gaps_begin_anew() -> None:
    recording = Recording((A, B))
    whole_run = RecordingReader(recording, 0, slice(1, 2))
    first = RecordingReader(recording, 0, slice(0, 1))
    add(recording, 1, [LOST, 1.0])
    first.close(2, None)
    add(recording, 3, [1.0, 1.0])
    add(recording, 4, [DENIED, 1.0])
    second = RecordingReader(recording, 5, slice(0, 1))
    add(recording, 6, [2.0, 1.0])
    add(recording, 7, [DENIED, 1.0])
    assert first.series()[0].gaps == (Gap(1, None, LOST),)
    assert second.series()[0].gaps == (Gap(6, None, DENIED),)
    assert whole_run.series()[0].gaps == ()


def test_rows_that_are_like_the_one_before_are_not_looked_at() -> None:
    reader = record((1, 1.0, LOST))
    asked: list[int] = []
    for number in range(2, 5):
        reader.recording.append(number, np.array([float(number), NAN]), asked.append, steady=True)
    assert asked == []
    late = RecordingReader(reader.recording, 5)
    reader.recording.append(5, np.array([5.0, NAN]), lambda _: DENIED, steady=True)
    assert late.series()[1].absence == DENIED, "one who has come since must be told"
    assert reader.series()[0].chunk.value.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_rows_that_nobody_needs_are_forgotten_and_all_others_kept() -> None:
    old = record(*((number, 1.0, 2.0) for number in range(2_000)))
    young = RecordingReader(old.recording, 2_000)
    for number in range(2_000, 2_100):
        add(old.recording, number, [float(number), 0.0])
    old.close(2_100, None)
    old.recording.drop_before(young.first_row)
    for number in range(2_100, 2_200):
        add(old.recording, number, [float(number), 0.0])
    assert len(old.recording.columns(0)[0]) == 200
    assert young.series()[0].chunk.value.tolist() == list(range(2_000, 2_200))
    assert old.series()[0].chunk.time_ns.tolist() == list(range(2_100))


answers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([LOST, DENIED, None]))


@given(st.lists(st.tuples(answers, answers, st.booleans()), max_size=60))
def test_what_is_taken_piece_by_piece_is_the_whole(rows: list[tuple[Answer, Answer, bool]]) -> None:
    reader = record()
    samples: dict[str, list[Chunk]] = {"a": [], "b": []}
    gaps: dict[str, dict[int, Gap]] = {"a": {}, "b": {}}
    for number, (a, b, takes) in enumerate([*rows, (1.0, 1.0, True)]):
        add(reader.recording, 10 * number, [a, b])
        for update in reader.take() if takes else ():
            samples[update.metric.name].append(update.chunk)
            gaps[update.metric.name] |= {gap.start_ns: gap for gap in update.gaps}
    for series in reader.series():
        name = series.metric.name
        assert Chunk.joined(samples[name]).value.tolist() == series.chunk.value.tolist()
        assert tuple(gaps[name].values()) == series.gaps
        check_gaps(series)


def check_gaps(series: Series) -> None:
    """No sample lies inside a gap, gaps do not overlap, and each has an end, for the last value is there."""
    for gap in series.gaps:
        assert gap.end_ns is not None
        assert not len(series.chunk.between(gap.start_ns + 1, gap.end_ns - 1))
    for one, other in zip(series.gaps, series.gaps[1:], strict=False):
        assert one.end_ns is not None
        assert one.end_ns <= other.start_ns


@given(st.lists(st.lists(st.floats(allow_nan=False), max_size=5), max_size=8))
def test_a_log_of_chunks_gives_each_sample_once(parts: list[list[float]]) -> None:
    log, taken = SeriesLog(A), []
    for number, values in enumerate(parts):
        log.extend(Chunk.of(range(number, number + len(values)), values))
        taken += [update.chunk for update in log.take()]
    (whole,) = log.series()
    assert Chunk.joined(taken).value.tolist() == whole.chunk.value.tolist() == [v for part in parts for v in part]


def test_many_rows_are_kept_in_order() -> None:
    reader = record()
    for number in range(5_000):
        reader.recording.append(number, np.array([float(number), -number]), lambda _: None)
    a, b = reader.series()
    assert a.chunk.value.tolist() == list(range(5_000))
    assert b.chunk.value[-1] == -4_999
