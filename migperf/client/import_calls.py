"""The part of the client that imports results which other tools wrote."""

from typing import Protocol

from migperf.client.import_models import ImportedHistoryView, ImportView
from migperf.client.transport import Query, Transport


class _Connected(Protocol):
    _transport: Transport


class ImportCalls:
    """Importing results into histories."""

    def import_histories(
        self: _Connected,
        text: str,
        *,
        file_format: str | None = None,
        watch: bool = False,
        into: str | None = None,
        benchmark: str | None = None,
    ) -> tuple[ImportedHistoryView, ...]:
        """Have the service keep the results of a file, given as its text; return what became of each history.

        What is known already is not doubled, so a broken connection has it sent again. Raises RequestRefusedError with
        places, ApiConflictError where the figures do not go with those of the history, and ApiNotFoundError.
        """
        given = {"format": file_format, "into": into, "benchmark": benchmark, "watch": "true" if watch else None}
        query: Query = [(name, value) for name, value in given.items() if value is not None]
        is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
        media_type = "application/json" if is_json else "text/csv"
        answer = self._transport.send_file("/v1/histories/import", text, media_type, query)
        return self._transport.parse(ImportView, answer).items
