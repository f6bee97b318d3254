"""Numbers and lines on pages: as exact as can be defended, and no peak lost."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import formatting
from api.given import LIMIT, bounded
from api.sparkline import HEIGHT, WIDTH, Axis, Sparkline, draw
from migperf.measure.figures import Interval
from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap
from migperf.metrics.summary import Window
from tests.api.steps import LOST, STALLED

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@pytest.mark.parametrize(
    ("value", "half_width", "shown"),
    [
        (4.51832, 0.0161, "4.518"),
        (4.51832, 0.5, "4.52"),
        (123_456.7, 812.0, "123,460"),
        (4.51832, None, "4.518"),
        (1234.5678, None, "1,235"),
        (0.0123461, None, "0.01235"),
        (0.0, None, "0"),
        (1.5e-7, None, "1.500e-07"),
        (98765432.1, None, "98,770,000"),
    ],
)
def test_numbers_show_the_digits_that_can_be_defended(value: float, half_width: float | None, shown: str) -> None:
    interval = None
    if half_width is not None:
        interval = Interval(low=value - half_width, high=value + half_width, level=0.95, method="batch means")
    assert formatting.number(value, interval) == shown


@given(FLOATS, st.one_of(st.none(), st.floats(0, 1e6)))
def test_any_number_can_be_shown_and_stays_near(value: float, half_width: float | None) -> None:
    interval = Interval(low=value, high=value + 2 * half_width, level=0.95, method="m") if half_width else None
    shown = float(formatting.number(value, interval).replace(",", ""))
    assert math.isclose(shown, value, rel_tol=1e-3, abs_tol=half_width or 0)


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB")])
def test_sizes_come_in_a_fitting_unit(count: int, shown: str) -> None:
    assert formatting.size(count) == shown


SAMPLES = st.lists(st.tuples(st.integers(0, 10**13), FLOATS), min_size=1, max_size=400)


def strokes(path: str) -> list[list[tuple[float, float]]]:
    """Return the lines of a path as lists of points; a dot is a line of one."""
    lines = path.removeprefix("M").split("M")
    return [[tuple(map(float, p.split(","))) for p in line.replace("h0", "").split(" L")] for line in lines]  # type: ignore[misc]


def drawn(chunk: Chunk, *gaps: Gap, kind: Kind = Kind.GAUGE, window: Window | None = None) -> Sparkline:
    drawing = draw(chunk, gaps, Axis.over([(chunk, gaps)]), window, kind)
    assert drawing is not None
    return drawing


@given(SAMPLES)
def test_a_line_stays_inside_its_drawing_and_reaches_both_extremes(samples: list[tuple[int, float]]) -> None:
    times, values = zip(*sorted(samples), strict=True)
    drawing = drawn(Chunk.of(times, values), window=Window(0, 10**13))
    [points] = strokes(drawing.path)
    assert (drawing.low, drawing.high) == (min(values), max(values))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    if drawing.high > drawing.low:
        heights = [y for _, y in points]
        assert (min(heights), max(heights)) == (2.0, HEIGHT - 2.0)
    assert drawing.window is not None
    assert 0 <= drawing.window.left <= drawing.window.left + drawing.window.width <= WIDTH


def test_what_is_no_number_is_left_out_of_the_line() -> None:
    chunk = Chunk.of([0, 1, 2], [1.0, np.nan, np.inf])
    assert drawn(chunk).path == f"M0.0,{HEIGHT / 2}h0"
    assert draw(Chunk.of([0], [np.nan]), (), Axis(0, 1), None, Kind.GAUGE) is None
    assert draw(Chunk.joined(()), (), Axis(0, 1), None, Kind.GAUGE) is None


def test_no_line_is_drawn_across_a_gap_and_the_gap_is_shaded_with_its_reason() -> None:
    chunk = Chunk.of([0, 10, 20, 60, 70, 100], [1, 2, 3, 4, 5, 6])
    drawing = drawn(chunk, Gap(20, 60, LOST), Gap(70, 100, STALLED))
    assert [[x for x, _ in line] for line in strokes(drawing.path)] == [[0, 24, 48], [144, 168], [240]]
    assert [(shade.left, shade.width) for shade in drawing.gaps] == [(48, 96), (168, 72)]
    assert drawing.gaps[0].meaning == f"lost: {LOST.reason}"


def test_a_gap_without_an_end_is_shaded_to_the_end_of_the_drawing() -> None:
    latency, power = Chunk.of([0, 100], [1, 2]), Chunk.of([0, 25], [1, 2])
    gaps = [Gap(25, None, LOST)]
    drawing = draw(power, gaps, Axis.over([(latency, ()), (power, gaps)]), None, Kind.GAUGE)
    assert drawing is not None
    assert [(shade.left, shade.width) for shade in drawing.gaps] == [(60, 180)]


def test_a_short_gap_can_be_seen_and_a_thousand_alike_are_one_shade_where_they_touch() -> None:
    chunk = Chunk.of([0, 10**6], [1, 2])
    assert [shade.width for shade in drawn(chunk, Gap(5, 6, LOST)).gaps] == [1.0]
    [shade] = drawn(chunk, *(Gap(t, t + 1, LOST) for t in range(0, 10**6, 1000))).gaps
    assert (shade.left, shade.width) == (0, 240)


def test_events_are_marks_that_no_line_joins() -> None:
    assert drawn(Chunk.of([0, 5, 10], [13, 31, 79]), kind=Kind.EVENT).path == "M0.0,36V0M120.0,36V0M240.0,36V0"


GAPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.booleans()), max_size=8)


@given(SAMPLES, GAPS)
def test_every_sample_is_drawn_once_whatever_the_gaps_and_shades_stay_inside(
    samples: list[tuple[int, float]], gaps: list[tuple[int, int, bool]]
) -> None:
    times, values = zip(*sorted(samples), strict=True)
    given_gaps = [Gap(start, None if is_open else start + length, LOST) for start, length, is_open in gaps]
    drawing = drawn(Chunk.of(times, values), *given_gaps)
    assert sum(map(len, strokes(drawing.path))) == len(times)
    assert all(s.left >= 0 and s.left + s.width <= WIDTH + 0.1 and s.width >= 0.9 for s in drawing.gaps)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(ANYTHING)
def test_whatever_was_given_can_be_shown_in_little_space(value: object) -> None:
    assert len(json.dumps(bounded(value), allow_nan=False)) <= 6 * LIMIT + 10


def test_small_values_are_shown_as_they_are() -> None:
    assert bounded({"a": [1, None, "ü"]}) == {"a": [1, None, "ü"]}
    assert bounded(float("nan")) == "NaN"
    assert bounded(b"bytes") == "b'bytes'"
