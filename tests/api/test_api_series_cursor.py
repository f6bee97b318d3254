"""The place of a watcher of series: it comes back as it was, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.series_cursor import BadSeriesCursorError, SeriesCursor, Told
from migperf.metrics.series import Chunk, Gap
from tests.api.steps import LOST

RUN = "019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"
TIMES = st.integers(-(2**62), 2**62)
TOLD = st.builds(Told, st.none() | TIMES, st.none() | TIMES, st.booleans())
CURSORS = st.builds(SeriesCursor, st.integers(0, 2**32 - 1), st.dictionaries(st.integers(1, 2**62), TOLD, max_size=80))


@given(CURSORS)
def test_a_place_comes_back_as_it_was(cursor: SeriesCursor) -> None:
    text = cursor.encode(RUN)
    assert text.isascii()
    assert "\n" not in text
    assert SeriesCursor.decode(text, RUN) == cursor


def test_sixty_series_read_together_fit_into_a_short_line() -> None:
    told = {100 + i: Told(12_345_678_901) for i in range(60)}
    assert len(SeriesCursor(1, told).encode(RUN)) < 200


@given(st.text() | st.text("abcXYZ019-_=", max_size=40))
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadSeriesCursorError):
        SeriesCursor.decode(text, RUN)


@given(CURSORS, st.data())
def test_a_damaged_place_is_refused_and_never_another_place(cursor: SeriesCursor, data: st.DataObject) -> None:
    text = cursor.encode(RUN)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.sampled_from("Aa0-_~")) + text[at + 1 :]
    for other in (damaged, text[:at]):
        try:
            assert SeriesCursor.decode(other, RUN) == cursor
        except BadSeriesCursorError:
            continue


def test_the_place_in_another_run_is_refused() -> None:
    with pytest.raises(BadSeriesCursorError):
        SeriesCursor.decode(SeriesCursor(1, {5: Told(7)}).encode(RUN), RUN.replace("0", "1"))


def test_a_gap_is_told_when_it_begins_and_when_it_ends_and_not_in_between() -> None:
    told = Told()
    first, ended, second = Gap(5, None, LOST), Gap(5, 9, LOST), Gap(12, None, LOST)
    seen = []
    for gaps in ([first], [first], [ended, second], [ended, second]):
        news = told.news(tuple(gaps))
        told = told.after(Chunk.joined(()), news)
        seen.append(news)
    assert seen == [(first,), (), (ended, second), ()]
