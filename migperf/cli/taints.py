"""What spoils the figures of a run, as people see it: what was seen, what would be in order, and what helps."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from migperf.cli.output import facts_table
from migperf.client.models import MeasuredView

_INDENT = (0, 0, 0, 2)


class ShownTaint(Protocol):
    """A taint, whether of a run here or of a service's."""

    @property
    def rule(self) -> str:
        """Name of the rule that is broken."""
        ...

    @property
    def seen(self) -> str:
        """What was seen."""
        ...

    @property
    def threshold(self) -> str:
        """What would have been in order."""
        ...

    @property
    def remedy(self) -> str:
        """What helps."""
        ...


def print_taints(console: Console, taints: Sequence[ShownTaint] | None) -> None:
    """Print each rule that a run has broken; nothing where there is none."""
    if not taints:
        return
    console.print(Text("Tainted: the figures may be off", "bold yellow"))
    rows = ((t.rule, f"{t.seen} (threshold: {t.threshold})\n{t.remedy}") for t in taints)
    console.print(Padding(facts_table(rows), _INDENT))
    console.print()


def standing_of(tainted: bool | None) -> Text:
    """Return what to say of a run beside its state."""
    return Text(", tainted", "yellow") if tainted else Text("")


def how_well(measured: MeasuredView) -> Iterator[str]:
    """Yield in a line each what the rules of measuring and of warm-up found, where they looked."""
    if measured.measuring_note is not None:
        reached = "as precise as asked" if measured.converged else "less precise than asked"
        yield f"{reached}: {measured.measuring_note}"
    if measured.warmup_note is not None:
        yield f"warm-up: {measured.warmup_note}"
