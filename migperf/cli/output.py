"""Where output goes and what it looks like: JSON and tables on standard output, words for people on standard error."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pydantic import BaseModel

STATE_STYLES = {
    "succeeded": "green",
    "does_not_fit": "yellow",
    "does_not_compile": "yellow",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "interrupted": "red",
    "cancelled": "magenta",
    "running": "cyan",
    "placed": "cyan",
}
WIDE = 110
"""From so many columns on, a table may have a column more."""
_AGES = ((86_400, "d"), (3600, "h"), (60, "m"))


def out() -> Console:
    """Return the console of standard output: results."""
    return Console(highlight=False)


def err() -> Console:
    """Return the console of standard error: progress, remarks and errors."""
    return Console(stderr=True, highlight=False)


def remark(text: str) -> None:
    """Say something to people, in one line."""
    err().print(Text(text, "dim"), soft_wrap=True)


@contextmanager
def saying_on_interrupt(says: str) -> Iterator[None]:
    """Say on Ctrl-C what becomes of what was waited for, then let it."""
    try:
        yield
    except KeyboardInterrupt:
        remark(says)
        raise


def as_data(document: "BaseModel | Iterable[BaseModel]") -> Any:  # noqa: ANN401 - JSON
    """Return models as what JSON is made of."""
    from pydantic import BaseModel

    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", by_alias=True)
    return [item.model_dump(mode="json", by_alias=True) for item in document]


def emit_json(document: Any) -> None:  # noqa: ANN401 - JSON
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def emit_line(document: Any) -> None:  # noqa: ANN401 - JSON
    """Print one line of JSON lines."""
    typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def table(*columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """Return an empty table; columns named in ``right`` are flush right, those in ``whole`` are never broken."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column in whole,
            overflow="fold",
        )
    return made


def facts_table(facts: Iterable[tuple[str, str]]) -> Table:
    """Return names and values side by side; values wrap, names do not."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts:
        made.add_row(name, Text(value))
    return made


def state_text(state: str) -> Text:
    """Return a state in its colour."""
    return Text(state, STATE_STYLES.get(state, ""))


def age(then: datetime, now: datetime) -> str:
    """Return how long ago a time is, in its largest unit: 12s, 3m, 2h, 5d."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in _AGES:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def moment(time: datetime | None) -> str:
    """Return a time in this host's time zone, to the second; a dash for none."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if time else "–"
