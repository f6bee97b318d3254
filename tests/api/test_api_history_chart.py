"""Charts of histories: everything is where its scale says, many points lose no outlier, and what is shown is said."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.content import ChartContent, ChartPoint, EnvironmentMark, Level, PointKind, Step, StepKind, Told
from api.charts.drawing import BOTTOM, LEFT, MOST_COLUMNS, MOST_SINGLE, RIGHT, TOP, Drawing, draw
from api.charts.reduction import columns
from api.charts.scales import Scale, label, spread, time_labels
from api.charts.span import Span

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
positive = st.floats(1e-9, 1e12)


def content(values: Sequence[float], begin: int = 0, **more: Any) -> ChartContent:
    points = [ChartPoint(place=place, value=value) for place, value in enumerate(values, begin)]
    times = [BEGIN + timedelta(hours=n) for n in range(len(values))]
    return ChartContent(
        **{
            "tell": lambda place: Told(f"at {place}"),
            "metric": "step_time_p50",
            "unit": "ms",
            "begin": begin,
            "times": times,
            "points": points,
        }
        | more
    )


def drawn(shown: ChartContent, first: int | None = None, last: int | None = None) -> Drawing:
    span = Span.of(shown.begin, shown.begin + len(shown.times), first, last)
    drawing = draw(shown, span, lambda zoomed: f"?{zoomed.query}")
    assert drawing is not None
    return drawing


@given(st.lists(positive, min_size=1, max_size=30))
def test_a_scale_keeps_the_order_of_values_and_holds_them_all_within(values: list[float]) -> None:
    scale = Scale.over(values, BOTTOM, TOP)
    places = [scale.place(value) for value in sorted(values)]
    assert places == sorted(places, reverse=True)
    assert all(TOP <= place <= BOTTOM for place in places)


@given(positive, st.floats(1e-6, 10))
def test_ticks_are_few_and_round_and_are_told_apart(low: float, spread_rel: float) -> None:
    scale = Scale.over([low, low * (1 + spread_rel)], BOTTOM, TOP)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 7
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert all(TOP <= tick.at <= BOTTOM for tick in ticks)
    read = [float(tick.label.replace(",", "")) for tick in ticks]
    assert [scale.place(value) for value in read] == pytest.approx([tick.at for tick in ticks], abs=0.2)


def test_ticks_have_no_more_digits_than_it_takes() -> None:
    assert [tick.label for tick in Scale.over([98.0, 122.0], BOTTOM, TOP).ticks()] == [
        "100",
        "105",
        "110",
        "115",
        "120",
    ]
    assert label(0.25, 0.05) == "0.25"
    assert label(12_000, 500) == "12,000"
    assert label(2.5e-8, 5e-9) == "2.5e-08"


def test_noise_of_a_thousandth_does_not_look_like_a_storm() -> None:
    drawing = drawn(content([100.0, 100.1, 99.9]))
    heights = [dot.y for dot in drawing.dots]
    assert max(heights) - min(heights) < 0.1 * (BOTTOM - TOP)


@given(st.integers(1, 2000), st.integers(1, 50))
def test_labels_are_spread_evenly_over_what_there_is(count: int, most: int) -> None:
    places = spread(count, most)
    assert len(places) == len(set(places)) == min(count, most)
    assert all(0 <= place < count for place in places)


def test_times_are_as_fine_as_it_takes() -> None:
    assert time_labels([BEGIN, BEGIN + timedelta(hours=3)]) == ["03-02 12:00", "03-02 15:00"]
    assert time_labels([BEGIN, BEGIN + timedelta(days=30)]) == ["2026-03-02", "2026-04-01"]
    near = [BEGIN + timedelta(seconds=20 * number) for number in range(3)]
    assert time_labels(near) == ["03-02 12:00:00", "03-02 12:00:20", "03-02 12:00:40"]
    assert time_labels([]) == []


@given(st.lists(positive, min_size=1, max_size=400), st.integers(1, 40), st.sets(st.integers(0, 399)))
def test_columns_have_every_point_once_and_lose_no_outlier(values: list[float], most: int, left_out: set[int]) -> None:
    points = [
        ChartPoint(place=n, value=value, kind=PointKind.LEFT_OUT if n in left_out else PointKind.JUDGED)
        for n, value in enumerate(values)
    ]
    made = list(columns(points, 0, len(points) - 1, most))
    assert len(made) <= most
    assert sum(column.count for column in made) == len(points)
    assert sum(column.left_out for column in made) == len(left_out & set(range(len(points))))
    assert all(before.last < after.first for before, after in pairwise(made))
    for column in made:
        part = points[column.first : column.last + 1]
        kept = [point.value for point in part if point.kind is PointKind.JUDGED] or [point.value for point in part]
        assert (column.low, column.high) == (min(kept), max(kept))


@given(st.integers(0, 50), st.integers(1, 3000), st.integers(0, 4000), st.integers(0, 4000))
def test_every_stretch_that_is_led_to_exists(begin: int, count: int, first: int, last: int) -> None:
    end = begin + count
    span = Span.of(begin, end, first, last)
    for one in (span, span.closer, span.wider, span.earlier, span.later, span.newest, span.all):
        if one is not None:
            assert begin <= one.first <= one.last < end
    assert span.wider is None or span.wider.count > span.count
    assert span.closer is None or span.closer.count < span.count
    assert (span.query == "") == span.is_all


def test_few_points_are_drawn_one_by_one_in_their_order() -> None:
    shown = content([100.0, 101.0, 99.0])
    drawing = drawn(shown)
    assert [dot.text for dot in drawing.dots] == ["at 0", "at 1", "at 2"]
    assert [dot.x for dot in drawing.dots] == sorted(dot.x for dot in drawing.dots)
    assert drawing.dots[1].y < drawing.dots[0].y < drawing.dots[2].y, "what is larger lies higher"
    assert drawing.shown == "all 3 points"
    assert drawing.label == "step time p50: 3 points from 99.00 to 101.0 ms"


def test_many_points_are_drawn_as_columns_that_say_so_and_lead_closer() -> None:
    values = [100.0 + n % 7 for n in range(10_000)]
    values[4321] = 250.0
    drawing = drawn(content(values))
    assert drawing.dots == ()
    assert len(drawing.bars) == MOST_COLUMNS
    assert drawing.shown.startswith(
        f"all 10,000 points in {MOST_COLUMNS} columns, each from the lowest to the highest of"
    )
    highest = min(drawing.bars, key=lambda bar: bar.top)
    assert "250.0 ms" in highest.text
    assert highest.href is not None
    first, last = (int(part.partition("=")[2]) for part in highest.href.removeprefix("?").split("&"))
    assert first <= 4321 <= last
    closer = drawn(content(values), first, last)
    assert len(closer.dots) == last - first + 1
    assert closer.shown == f"{last - first + 1} points of a stretch"


def test_the_number_that_is_drawn_one_by_one_is_bounded() -> None:
    assert len(drawn(content([1.0] * MOST_SINGLE)).dots) == MOST_SINGLE
    assert drawn(content([1.0] * (MOST_SINGLE + 1))).dots == ()


def test_levels_bands_and_steps_lie_where_the_points_do() -> None:
    values = [100.0] * 10 + [120.0] * 10
    levels = [Level(first=0, last=9, value=100.0), Level(first=10, last=19, value=120.0, low=118.0, high=122.0)]
    step = Step(place=10, earliest=9, latest=11, kind=StepKind.WORSE, text="worse")
    drawing = drawn(content(values, levels=levels, steps=[step], marked=10))
    before, after = drawing.lines
    assert (before.left, before.top) == (LEFT, None)
    assert before.right == after.left == drawing.jumps[0].x
    assert after.right == RIGHT
    assert (before.y, after.y) == (drawing.dots[0].y, drawing.dots[-1].y)
    assert after.top is not None
    assert after.bottom is not None
    assert after.top < after.y < after.bottom
    (jump,) = drawing.jumps
    assert jump.left == drawing.dots[8].x, "the change may lie behind the point before the earliest"
    assert jump.left + jump.width == pytest.approx(drawing.dots[11].x)
    assert drawing.marked is not None
    assert drawing.marked.x == drawing.dots[10].x


def test_a_stretch_has_the_parts_of_levels_and_steps_that_fall_into_it() -> None:
    levels = [Level(first=0, last=49, value=100.0), Level(first=50, last=99, value=120.0)]
    step = Step(place=50, earliest=50, latest=50, kind=StepKind.WORSE, text="worse")
    shown = content([100.0] * 50 + [120.0] * 50, levels=levels, steps=[step])
    early = drawn(shown, 0, 20)
    assert len(early.lines) == 1
    assert early.jumps == ()
    assert (early.lines[0].left, early.lines[0].right) == (LEFT, RIGHT)


def test_marks_of_the_environment_that_would_lie_upon_one_another_are_told_together() -> None:
    marks = [EnvironmentMark(place, f"change {place}") for place in range(0, 1000, 2)]
    flags = drawn(content([1.0] * 1000, environment=marks)).flags
    assert len(flags) < 200
    assert "change 0" in flags[0].text
    few = drawn(content([1.0] * 1000, environment=marks), 0, 9).flags
    assert [flag.text for flag in few] == [f"change {place}" for place in range(0, 10, 2)]


def test_an_interval_is_drawn_to_its_ends_but_a_huge_one_does_not_flatten_the_others() -> None:
    points = [
        ChartPoint(place=0, value=100.0, low=99.0, high=101.0),
        ChartPoint(place=1, value=104.0, low=1.0, high=900.0),
    ]
    drawing = drawn(content([0.0, 0.0], points=points))
    usual, huge = drawing.dots
    assert usual.top is not None
    assert usual.bottom is not None
    assert usual.top < usual.y < usual.bottom
    assert (huge.top, huge.bottom) == (TOP, BOTTOM), "it is cut where the chart ends"
    assert abs(usual.y - huge.y) > 0.1 * (BOTTOM - TOP)


def test_a_stretch_without_a_figure_is_not_drawn() -> None:
    assert draw(content([1.0, 2.0], points=[]), Span.of(0, 2), lambda _: "") is None


@given(st.lists(positive, min_size=1, max_size=600), st.integers(0, 600), st.integers(0, 600))
def test_whatever_is_drawn_lies_within_the_chart(values: list[float], first: int, last: int) -> None:
    drawing = drawn(content(values, begin=5), first, last)
    xs = [dot.x for dot in drawing.dots] + [bar.x for bar in drawing.bars] + [tick.at for tick in drawing.x_ticks]
    ys = [dot.y for dot in drawing.dots] + [y for bar in drawing.bars for y in (bar.top + 1, bar.bottom - 1)]
    assert all(math.isfinite(x) and LEFT <= x <= RIGHT for x in xs)
    assert all(math.isfinite(y) and TOP <= y <= BOTTOM for y in ys)
