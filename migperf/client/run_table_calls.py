"""The part of the client that is about many runs as one table."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, Unpack

from migperf.client.files import format_of
from migperf.client.query import RunSelection, selection_parameters
from migperf.client.series_calls import save
from migperf.client.transport import Query, Transport


class _Connected(Protocol):
    _transport: Transport


class RunTableCalls:
    """What a client can do with the table of runs."""

    def export_runs(
        self: _Connected,
        file: Path | str | BinaryIO,
        format: str | None = None,  # noqa: A002 - what the service calls it
        figures: Iterable[str] = (),
        **selection: Unpack[RunSelection],
    ) -> int:
        """Write all runs that the filters leave to a file, a row each, and return how many bytes that were.

        ``figures`` names those of their results to write; left out, the service takes the usual ones. ``format`` is
        ``csv``, ``arrow``, ``parquet`` or ``json-lines``; left out, the file's name tells it. A file that is named
        appears when it is whole.
        """
        target = Path(file) if isinstance(file, str) else file
        asked: Query = [
            ("format", format_of(target, format)),
            *(("figure", figure) for figure in figures),
            *selection_parameters(selection),
        ]
        return save(self._transport, "/v1/runs/table", asked, target)
