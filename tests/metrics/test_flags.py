"""Several flags seen as one: set while any of them is, and unknown only while none of them was read."""

from hypothesis import given

from migperf.metrics.flags import any_of
from migperf.metrics.metric import Kind
from migperf.metrics.series import Gap, Series
from migperf.metrics.summary import Window, summarise_series
from tests.metrics.made_series import LOST, any_series, any_window, gap, made, metric, window

FLAG = metric(Kind.FLAG)


def test_it_is_set_while_any_of_them_is() -> None:
    joined = any_of(FLAG, [made(FLAG, [0, 1, 2, 3], [0, 1, 0, 0]), made(FLAG, [0, 1, 2, 3], [0, 0, 1, 0])])
    assert joined.chunk.value.tolist() == [0, 1, 1, 0]


def test_a_reason_that_cannot_be_read_here_leaves_what_the_others_tell() -> None:
    unsupported = Series(metric=FLAG, gaps=(Gap(0, None, LOST),))
    joined = any_of(FLAG, [unsupported, made(FLAG, [0, 1, 2, 3, 4], [0, 1, 0, 0, 0])])
    summary = summarise_series(joined, window(0, 4))
    assert (joined.gaps, summary.share, summary.covered) == ((), 0.25, 1)


def test_a_time_when_none_was_read_stays_a_gap() -> None:
    joined = any_of(FLAG, [made(FLAG, [0, 1, 5, 6], [0, 1, 0, 0], gap(1, 5))] * 2)
    assert joined.gaps == (gap(1, 5),)
    assert summarise_series(joined, window(0, 6)).share == 0


@given(any_series([Kind.FLAG]), any_window())
def test_a_flag_alone_stays_what_it_is(series: Series, of: Window) -> None:
    assert summarise_series(any_of(series.metric, [series]), of) == summarise_series(series, of)
