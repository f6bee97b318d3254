"""Files of results as people import them: checked before they are sent, and what became of them printed."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from migperf.cli.output import as_data, emit_json, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import name_of, read_text
from migperf.client.import_models import ImportedHistoryView
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.reading import FileFormat, read

_MOST_TOLD = 20


def checked_text(path: Path, file_format: str | None) -> str:
    """Return the text of a file that holds results. Raises UsageProblem with places."""
    if file_format is not None and file_format not in {*FileFormat}:
        raise UsageProblem(f"there is no format {file_format!r}; there are {', '.join(FileFormat)}")
    text = read_text(path)
    try:
        read(text, None if file_format is None else FileFormat(file_format))
    except ImportingError as error:
        lines = [f"{place}: {problem}" if place else problem for place, problem in error.problems]
        raise UsageProblem(f"{name_of(path)} has no results that can be imported", lines) from error
    return text


def print_imported(files: Sequence[Path], found: Sequence[Sequence[ImportedHistoryView]], *, as_json: bool) -> None:
    """Print what became of each history of each file, and what was left out."""
    if as_json:
        return emit_json(
            [{"file": name_of(path), "items": as_data(items)} for path, items in zip(files, found, strict=True)]
        )
    made = table("history", "new", "known", "watched", "title", right=("new", "known"), whole=("history",))
    for items in found:
        for one in items:
            watched = "yes" if one.watched else "no"
            made.add_row(one.id or "–", str(one.new_points), str(one.known_points), watched, Text(one.title))
    out().print(made)
    for path, items in zip(files, found, strict=True):
        _say_left_out(path, items)
    return None


def _say_left_out(path: Path, items: Sequence[ImportedHistoryView]) -> None:
    left_out = [each for one in items for each in one.left_out]
    for each in left_out[:_MOST_TOLD]:
        remark(f"left out of {name_of(path)}: {each.place}: {each.reason}")
    if len(left_out) > _MOST_TOLD:
        remark(f"left out of {name_of(path)}: {len(left_out) - _MOST_TOLD} more; --json has them all")
