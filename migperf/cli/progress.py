"""Showing how far a run has come: a bar on a terminal, else one line a phase. Always on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from migperf.cli.output import err, remark

REFRESH_HZ = 4.0
"""Drawing takes time on the processor that may be measured, so it is done seldom."""
_WORDS = {
    "queued": "queued: waiting for a free partition",
    "placed": "placed: waking the worker",
    "running": "running",
    "starting": "starting",
    "preparing": "preparing",
    "warming_up": "warming up",
    "measuring": "measuring",
    "finishing": "finishing",
    "profiling": "profiling some more steps",
}


class Reporter(Protocol):
    """Shows one run at a time."""

    def phase(self, name: str) -> None:
        """The run is in this phase or state; said again while it stays there."""
        ...

    def progress(self, fraction: float, detail: str = "") -> None:
        """The phase has come so far, 0 to 1."""
        ...


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Return what suits standard error; a bar vanishes at the end."""
    console = err()
    if not console.is_terminal:
        yield LineReporter()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", style="dim"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=REFRESH_HZ, expand=True) as bar:
        yield BarReporter(bar)


class LineReporter:
    """Says each phase once, for logs and pipes."""

    def __init__(self) -> None:
        self._said = ""

    def phase(self, name: str) -> None:
        """See Reporter."""
        if name != self._said:
            remark(_WORDS.get(name, name))
            self._said = name

    def progress(self, fraction: float, detail: str = "") -> None:
        """See Reporter. Progress within a phase would only fill a log."""


class BarReporter:
    """Moves a bar; a phase that cannot tell how far it has come pulses."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._shown = "starting"
        self._task = bar.add_task(self._shown, total=None, detail="")

    def phase(self, name: str) -> None:
        """See Reporter."""
        if name == self._shown:
            return
        self._shown = name
        # A task that has had a total cannot lose it again, so each phase has a task of its own.
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(_WORDS.get(name, name), total=None, detail="")

    def progress(self, fraction: float, detail: str = "") -> None:
        """See Reporter."""
        total = 1.0 if fraction > 0 else None
        self._bar.update(self._task, total=total, completed=fraction, detail=detail)
