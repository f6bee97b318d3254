"""Series through the client: typed, across dropped connections, and as files that are whole or not there."""

import io
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from migperf.client import (
    ApiNotFoundError,
    Client,
    EndEvent,
    GoneEvent,
    RequestRefusedError,
    RestartEvent,
    SamplesEvent,
    UnexpectedAnswerError,
    UnknownFormatError,
    UnreachableError,
)
from migperf.settings import Settings, load_settings
from migperf.store.database import Database
from tests.api import steps
from tests.client.documents import RUN_ID, run_document, samples_document
from tests.client.scripted_server import document, event, scripted, stream

END = event("end", run_document(state="succeeded", finished_at="2026-03-02T09:15:09Z"))
FIRST = f"id: one\n{event('samples', samples_document('power', [0.1], [200.0]))}"
SECOND = f"id: two\n{event('samples', samples_document('power', [0.2], [None], downsampled_from=9))}"
GAP = {"start_s": 0.2, "end_s": None, "state": "lost", "reason": "the GPU is lost"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which samples are looked for often."""
    return load_settings(data_dir=settings.data_dir, database_url=settings.database_url, samples_every_s=0.02)


def test_events_of_series_come_typed_and_go_on_behind_the_last_one_that_arrived() -> None:
    drops = (
        stream(FIRST, cut=True),
        stream(SECOND, event("news", {}), f"id: three\n{event('restart', {'attempt': 2})}"),
    )
    with scripted(*drops, stream(END)) as script, Client(script.url) as client:
        first, second, restart, end = client.follow_series(RUN_ID, ["power", "gract"], points=50)
    assert isinstance(first, SamplesEvent)
    assert (first.name, first.unit, first.scope, first.time_s, first.value) == ("power", "W", "gpu", (0.1,), (200.0,))
    assert isinstance(second, SamplesEvent)
    assert (second.value, second.downsampled_from) == ((None,), 9)
    assert isinstance(restart, RestartEvent)
    assert restart.attempt == 2
    assert isinstance(end, EndEvent)
    path = f"/v1/runs/{RUN_ID}/series/events?name=power&name=gract&points=50"
    assert [asked.path for asked in script.asked] == [path] * 3
    assert [asked.headers.get("last-event-id") for asked in script.asked] == [None, "one", "three"]


def test_gaps_come_with_their_reason_and_a_deleted_run_ends_the_stream() -> None:
    gapped = event("samples", samples_document("power", [], [], gaps=[GAP]))
    with scripted(stream(gapped, event("gone", {"run_id": RUN_ID}))) as script, Client(script.url) as client:
        samples, gone = client.follow_series(RUN_ID)
    assert isinstance(samples, SamplesEvent)
    assert [g.model_dump() for g in samples.gaps] == [GAP]
    assert isinstance(gone, GoneEvent)


def test_samples_of_another_form_are_an_unexpected_answer() -> None:
    odd = event("samples", {"name": "power"})
    with (
        scripted(stream(odd)) as script,
        Client(script.url) as client,
        pytest.raises(UnexpectedAnswerError, match="samples"),
    ):
        list(client.follow_series(RUN_ID))


def test_a_live_run_is_followed_to_its_end(client: Client, database: Database) -> None:
    run_id = steps.submitted(database)
    token = steps.begun(database, run_id)
    steps.watched(database, run_id, steps.POWER, {0.1: 200.0, 0.2: 201.0})

    def go_on() -> None:
        steps.watched(database, run_id, steps.POWER, {0.3: 202.0}, steps.gap(0.3, None, steps.LOST))
        steps.finished(database, token)

    seen: list[object] = []
    for one in client.follow_series(run_id, timeout_s=20):
        seen.append(one)
        if len(seen) == 1:
            going_on = threading.Thread(target=go_on)
            going_on.start()
    going_on.join()
    samples = [one for one in seen if isinstance(one, SamplesEvent)]
    assert [t for one in samples for t in one.time_s] == [0.1, 0.2, 0.3]
    assert [g.reason for one in samples for g in one.gaps] == [steps.LOST.reason]
    assert isinstance(seen[-1], EndEvent)


def test_series_come_with_kind_gaps_summary_and_window(client: Client, database: Database) -> None:
    run_id = steps.measured(database, simulated=True)
    gap = steps.gap(0.2, 0.4, steps.STALLED)
    steps.watched(database, run_id, steps.GRACT, {0.1: 90.0, 0.2: 91.0, 0.4: 92.0}, gap)
    listed = client.series_list(run_id)
    by_name = {item.name: item for item in listed.items}
    assert listed.simulated
    assert by_name["gract"].summary is None
    assert by_name["latency"].summary is not None
    assert by_name["latency"].summary.mean == 4.454
    assert by_name["power"].absent is not None
    assert (by_name["power"].absent.state, by_name["power"].absent.reason) == ("not_supported", steps.NO_SENSOR.reason)
    gract = client.series(run_id, "gract")
    assert (gract.kind, gract.period_ms, gract.downsampled_from, gract.simulated) == ("average", 100.0, None, True)
    assert [(g.start_s, g.end_s, g.state) for g in gract.gaps] == [(0.2, 0.4, "stalled")]


def test_a_series_can_be_had_downsampled(client: Client, database: Database) -> None:
    run_id = steps.submitted(database)
    steps.watched(database, run_id, steps.POWER, {i / 100: float(i == 700) for i in range(5000)})
    whole = client.series(run_id, "power")
    few = client.series(run_id, "power", points=50)
    assert (len(whole), whole.downsampled_from, whole.method) == (5000, None, None)
    assert len(few) <= 50
    assert (few.downsampled_from, few.method, few.value.max()) == (5000, "min_max", 1.0)
    part = client.series(run_id, "power", start_s=10, end_s=20, points=50, method="lttb")
    assert (part.downsampled_from, part.method) == (1001, "lttb")
    with pytest.raises(RequestRefusedError, match="method"):
        client.series(run_id, "power", method="lttb")


def test_a_run_is_exported_whole_in_the_format_that_the_name_tells(
    client: Client, database: Database, tmp_path: Path
) -> None:
    run_id = steps.measured(database)
    file = tmp_path / "samples.parquet"
    assert client.export(run_id, file) == file.stat().st_size
    table = parquet.read_table(file)
    assert table.num_rows == 101
    np.testing.assert_allclose(table["value"].to_pylist()[:100], np.linspace(4.0, 5.0, 100))
    assert client.export(run_id, str(tmp_path / "some.jsonl"), names=["power"]) > 0
    buffer = io.BytesIO()
    client.export_series(run_id, "latency", buffer, "arrow", [("end_s", "1")])
    assert pa.ipc.open_stream(pa.BufferReader(buffer.getvalue())).read_all().num_rows == 11
    assert sorted(path.name for path in tmp_path.glob("s*.*")) == ["samples.parquet", "some.jsonl"]


def test_a_file_whose_format_cannot_be_told_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with scripted() as script, Client(script.url) as client:
        for file in (tmp_path / "samples.xls", io.BytesIO()):
            with pytest.raises(UnknownFormatError, match=r"\.parquet"):
                client.export(RUN_ID, file)
    assert script.asked == []


def test_what_goes_wrong_leaves_no_file_behind(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ApiNotFoundError):
        client.export(RUN_ID, tmp_path / "samples.csv")

    def broken(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", "1000")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(b"half of it")  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]

    with scripted(broken) as script, Client(script.url) as other, pytest.raises(UnreachableError):
        other.export(RUN_ID, tmp_path / "samples.csv")
    assert list(tmp_path.glob("samples*")) == []


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "samples.csv"
    file.write_text("old")
    with scripted(document(b"new", 200, "text/csv")) as script, Client(script.url) as client:
        assert client.export(RUN_ID, file) == 3
    assert file.read_text() == "new"
