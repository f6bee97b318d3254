"""The part of the client that is about series: listing, reading, following and exporting them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from httpx_sse import ServerSentEvent

from migperf.client.errors import UnexpectedAnswerError
from migperf.client.events import EventStream, Followed, end_of, parsed
from migperf.client.files import format_of, written
from migperf.client.series import SeriesData, join_pages
from migperf.client.series_models import RestartEvent, SamplesEvent, SeriesEvent, SeriesList, SeriesPage
from migperf.client.transport import Query, Transport


class _Connected(Protocol):
    _transport: Transport
    _patience_s: float


class SeriesCalls:
    """What a client can do with the series of runs."""

    def series_list(self: _Connected, run_id: str) -> SeriesList:
        """Return what was watched over time and what it came to, without the samples."""
        return self._transport.get(SeriesList, run_path(run_id, "series"))

    def series(
        self: _Connected,
        run_id: str,
        name: str,
        start_s: float | None = None,
        end_s: float | None = None,
        *,
        points: int | None = None,
        method: str | None = None,
    ) -> SeriesData:
        """Return a series as arrays: all of it, or what lies between two times since the run started, seconds.

        With ``points`` it is downsampled to about so many samples, extremes kept: by ``method`` ``min_max`` (unless
        given), ``lttb`` or ``min_max_lttb``.
        """
        path = run_path(run_id, "series", name)
        asked = span_query(None, end_s, points, method)
        pages: list[SeriesPage] = []
        while True:
            page = self._transport.get(SeriesPage, path, [*span_query(start_s), *asked])
            pages.append(page)
            if page.next_start_s is None:
                return join_pages(pages)
            if start_s is not None and page.next_start_s <= start_s:
                raise UnexpectedAnswerError(self._transport.url + path, "the pages of the series do not advance")
            start_s = page.next_start_s

    def follow_series(
        self: _Connected,
        run_id: str,
        names: Iterable[str] = (),
        *,
        points: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[SeriesEvent]:
        """Iterate over what comes to the series of a run (or to those named) until its end, across dropped connections.

        What has come before is told first, downsampled to ``points`` where it is more. After a RestartEvent the run
        begins anew. The last event is an EndEvent, or a GoneEvent if the run is deleted. Raises WaitTimeoutError.
        """
        asked: Query = [*(("name", name) for name in names), *span_query(points=points)]
        path = run_path(run_id, "series", "events")
        url = self._transport.url + path

        def read(message: ServerSentEvent) -> SeriesEvent | None:
            match message.event:
                case "samples":
                    return parsed(SamplesEvent, message, url)
                case "restart":
                    return parsed(RestartEvent, message, url)
            return end_of(message, run_id, url)

        return iter(EventStream(self._transport, Followed(run_id, path, asked), read, self._patience_s, timeout_s))

    def export(
        self: _Connected,
        run_id: str,
        file: Path | str | BinaryIO,
        format: str | None = None,  # noqa: A002 - what the service calls it
        names: Iterable[str] = (),
    ) -> int:
        """Write all samples of a run, or those of some series, to a file, and return how many bytes that were.

        ``format`` is ``csv``, ``arrow``, ``parquet`` or ``json-lines``; left out, the file's name tells it. A file
        that is named appears when it is whole.
        """
        target = Path(file) if isinstance(file, str) else file
        asked: Query = [("format", format_of(target, format)), *(("name", name) for name in names)]
        return save(self._transport, run_path(run_id, "samples"), asked, target)

    def export_series(
        self: _Connected,
        run_id: str,
        name: str,
        file: Path | str | BinaryIO,
        format: str | None = None,  # noqa: A002 - what the service calls it
        query: Query = (),
    ) -> int:
        """Write one series to a file, as ``export`` does; ``query`` has what else the service is to be asked."""
        target = Path(file) if isinstance(file, str) else file
        asked: Query = [("format", format_of(target, format)), *query]
        return save(self._transport, run_path(run_id, "series", name), asked, target)


def run_path(run_id: str, *below: str) -> str:
    """Return the path of a run, or of what is below it."""
    return "/".join(("/v1/runs", *(quote(part, safe="") for part in (run_id, *below))))


def span_query(
    start_s: float | None = None, end_s: float | None = None, points: int | None = None, method: str | None = None
) -> list[tuple[str, str]]:
    """Return which samples are asked for, as the service wants it."""
    given = {"start_s": start_s, "end_s": end_s, "points": points, "method": method}
    return [(name, str(value)) for name, value in given.items() if value is not None]


def save(transport: Transport, path: str, query: Query, file: Path | BinaryIO) -> int:
    """Write what is at a path to a file and return its size, bytes."""
    size = 0
    with transport.stream(path, query) as pieces, written(file) as opened:
        for piece in pieces:
            size += opened.write(piece)
    return size
