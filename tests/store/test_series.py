"""Series come back from the database as they went in, chunk by chunk, for any times and values."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.errors import NotFoundError
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk
from migperf.store import series
from migperf.store.chunks import CODEC, UnknownCodecError, decode, encode
from migperf.store.database import Database
from tests.builders import submit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RSS = Metric(name="rss", unit="MiB", scope=Scope.PROCESS_TREE, source="psutil")
TIMES = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=200).map(sorted)


@given(TIMES, st.data())
def test_a_chunk_survives_the_codec_bit_for_bit(times: list[int], data: st.DataObject) -> None:
    floats = st.floats(allow_nan=True, allow_infinity=True)
    values = data.draw(st.lists(floats, min_size=len(times), max_size=len(times)))
    chunk = Chunk.of(times, values)
    back = decode(encode(chunk), CODEC, len(times), times[0])
    assert np.array_equal(back.time_ns, chunk.time_ns)
    assert back.value.tobytes() == chunk.value.tobytes()


def test_a_regular_series_is_stored_in_a_fraction_of_its_size() -> None:
    times = np.arange(10_000) * 100_000_000
    chunk = Chunk.of(times, 500 + np.round(np.sin(times / 1e9)))
    assert len(encode(chunk)) < 0.05 * 16 * len(chunk)


def test_a_chunk_of_an_unknown_codec_is_refused() -> None:
    with pytest.raises(UnknownCodecError, match="future"):
        decode(b"", "future", 1, 0)


def test_appended_chunks_are_read_as_one_series(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MAX_CHUNK", 7)
    with database.write() as session:
        run_id = submit(session, NOW).id
        for start in (0, 10, 20):
            chunk = Chunk.of(np.arange(start, start + 10) + 1_000, np.arange(start, start + 10, dtype=float))
            series.append(session, run_id, RSS, chunk, clock_zero_ns=1_000)
    with database.read() as session:
        head = series.get(session, run_id, "rss")
        whole = series.read(session, head.id)
        part = series.read(session, head.id, start_ns=8, end_ns=23)
        assert series.list_series(session, run_id)[0][1] == 30
    assert whole.time_ns.tolist() == list(range(30))
    assert whole.value.tolist() == [float(i) for i in range(30)]
    assert part.time_ns.tolist() == list(range(8, 24)), "both ends of a window are in it"


def test_a_metric_without_samples_says_why(database: Database) -> None:
    with database.write() as session:
        run_id = submit(session, NOW).id
        series.mark_absent(session, run_id, RSS, "no permission")
    with database.read() as session:
        ((row, samples),) = series.list_series(session, run_id)
        assert (row.absent, samples) == ("no permission", 0)
        assert len(series.read(session, row.id)) == 0
        with pytest.raises(NotFoundError):
            series.get(session, run_id, "power")
