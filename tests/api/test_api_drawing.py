"""Numbers and lines on pages: as exact as can be defended, and no peak lost."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import formatting
from api.given import LIMIT, bounded
from api.sparkline import HEIGHT, WIDTH, draw
from migperf.measure.figures import Interval
from migperf.metrics.series import Chunk

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


@given(SAMPLES)
def test_a_line_stays_inside_its_drawing_and_reaches_both_extremes(samples: list[tuple[int, float]]) -> None:
    times, values = zip(*sorted(samples), strict=True)
    drawing = draw(Chunk(np.array(times), np.array(values)), (0, 10**13))
    assert drawing is not None
    points = [tuple(map(float, point.split(","))) for point in drawing.points.split()]
    assert (drawing.low, drawing.high) == (min(values), max(values))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    if drawing.high > drawing.low:
        heights = [y for _, y in points]
        assert (min(heights), max(heights)) == (2.0, HEIGHT - 2.0)
    assert drawing.window is not None
    assert 0 <= drawing.window[0] <= drawing.window[0] + drawing.window[1] <= WIDTH


def test_a_single_peak_in_many_samples_is_drawn() -> None:
    values = np.ones(100_000)
    values[54_321] = 100.0
    drawing = draw(Chunk(np.arange(100_000), values), None)
    assert drawing is not None
    assert ",2.0" in drawing.points
    assert len(drawing.points.split()) <= 2 * WIDTH


def test_what_is_no_number_is_left_out_of_the_line() -> None:
    drawing = draw(Chunk(np.arange(3), np.array([1.0, np.nan, np.inf])), None)
    assert drawing is not None
    assert drawing.points == f"0.0,{HEIGHT / 2}"
    assert draw(Chunk(np.arange(1), np.array([np.nan])), None) is None
    assert draw(Chunk(np.empty(0, np.int64), np.empty(0)), None) is None


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
