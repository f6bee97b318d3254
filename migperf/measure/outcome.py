"""How a run ended, and everything that is known about it then."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from migperf.measure.events import Document, Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.hygiene.facts import Taint
from migperf.metrics.series import Series
from migperf.metrics.summary import SeriesSummary


class Ending(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    DOES_NOT_FIT = "does_not_fit"
    """Memory ran out: a result, not an error."""
    DOES_NOT_COMPILE = "does_not_compile"
    """What the workload was to be executed with cannot do it, or is not there: a result, not an error."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    """Ended from outside and not by the run's own doing: it can be run again."""


class Stop(StrEnum):
    """Why a watcher wants a run stopped."""

    CANCEL = "cancel"
    HAND_BACK = "hand_back"
    """The worker is stopping; another attempt takes its place."""
    GIVE_BACK = "give_back"
    """Somebody entitled needs the partition; another attempt takes its place."""
    LEFT_ALONE = "left_alone"
    """The group that it was to be measured in broke up."""
    LEASE_LOST = "lease_lost"
    """Somebody else may own the partition by now; nothing may be written any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt came to."""

    ending: Ending
    reason: str | None = None
    stop: Stop | None = None
    figures: tuple[ResultFigure, ...] = ()
    finished: Finished | None = None
    documents: tuple[Document, ...] = ()
    environment: dict[str, JsonValue] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    summaries: tuple[SeriesSummary, ...] = ()
    """What each series comes to within the measured window; none without one."""
    void: bool = False
    """The partition was not the run's own, so nothing that it came to counts."""
    taints: tuple[Taint, ...] | None = None
    """What spoils the figures; None where nobody looked, since there are none."""
    exit_code: int | None = None

    @property
    def spoiled(self) -> str | None:
        """Why another attempt might do better; None where this one is as good as any."""
        if self.void:
            return self.reason
        if not self.taints:
            return None
        return "tainted: " + "; ".join(f"{taint.rule} ({taint.seen})" for taint in self.taints)

    def left_behind(self) -> tuple[Document, ...]:
        """Return all documents, the payload's tables as JSON among them."""
        tables = self.finished.tables if self.finished is not None else {}
        return (*(Document.table(name, table) for name, table in tables.items()), *self.documents)
