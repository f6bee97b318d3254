"""Telling by its content which tool wrote a file, and reading it."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from pydantic import JsonValue

from migperf.histories.importing import csv_rows, google_benchmark, migperf_histories, migperf_run, pytest_benchmark
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import MOST_POINTS, ImportedHistory
from migperf.histories.importing.json_text import read_json

MOST_CHARACTERS = 64 << 20


class FileFormat(StrEnum):
    """Whose results a file holds."""

    PYTEST_BENCHMARK = "pytest-benchmark"
    GOOGLE_BENCHMARK = "google-benchmark"
    MIGPERF_HISTORIES = "migperf-histories"
    MIGPERF_RUN = "migperf-run"
    CSV = "csv"


_OF_JSON: Mapping[FileFormat, Callable[[Mapping[str, JsonValue]], tuple[ImportedHistory, ...]]] = {
    FileFormat.MIGPERF_HISTORIES: migperf_histories.read,
    FileFormat.PYTEST_BENCHMARK: pytest_benchmark.read,
    FileFormat.GOOGLE_BENCHMARK: google_benchmark.read,
    FileFormat.MIGPERF_RUN: migperf_run.read,
}
_TOLD_BY: Mapping[FileFormat, frozenset[str]] = {
    FileFormat.MIGPERF_HISTORIES: frozenset({"format", "histories"}),
    FileFormat.PYTEST_BENCHMARK: frozenset({"machine_info", "benchmarks"}),
    FileFormat.GOOGLE_BENCHMARK: frozenset({"context", "benchmarks"}),
    FileFormat.MIGPERF_RUN: frozenset({"fingerprint", "partition", "figures"}),
}
_HYPERFINE = "this looks like hyperfine's; that does not say when it was measured: write the results as CSV, with times"
_UNKNOWN = f"it cannot be told whose results these are; known are {', '.join(FileFormat)}"


def read(text: str, file_format: FileFormat | None = None) -> tuple[ImportedHistory, ...]:
    """Return what a file says, of the format that it seems to have unless one is named. Raises ImportingError."""
    if len(text) > MOST_CHARACTERS:
        raise ImportingError([("", f"{len(text)} characters are more than the {MOST_CHARACTERS} that are read")])
    text = text.removeprefix("\ufeff")
    found = _read(text, file_format)
    points = sum(len(history.points) for history in found)
    if points > MOST_POINTS:
        raise ImportingError(
            [("", f"{points} points are more than the {MOST_POINTS} that are read at once: divide it")]
        )
    if not points and not any(history.left_out for history in found):
        raise ImportingError([("", "there is no result in it")])
    return found


def _read(text: str, file_format: FileFormat | None) -> tuple[ImportedHistory, ...]:
    if file_format is FileFormat.CSV or (file_format is None and _is_table(text)):
        return csv_rows.read(text)
    document = read_json(text)
    if not isinstance(document, dict):
        raise ImportingError([("", _UNKNOWN)])
    return _OF_JSON[file_format or _format_of(document)](document)


def _is_table(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    return not first.startswith(("{", "[")) and "," in first


def _format_of(document: Mapping[str, JsonValue]) -> FileFormat:
    for file_format, members in _TOLD_BY.items():
        if members <= document.keys():
            return file_format
    results = document.get("results")
    if isinstance(results, list) and results and isinstance(results[0], dict) and "command" in results[0]:
        raise ImportingError([("", _HYPERFINE)])
    raise ImportingError([("", _UNKNOWN)])
