"""Sentences about histories and regressions, for people: plain, and no surer than what was found."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from migperf.histories.environment import EnvironmentChange
from migperf.histories.regression import ConfirmationState
from migperf.histories.wording import percent
from migperf.histories.worsening import Shifted
from migperf.statistics.detection.judgement import Change
from migperf.statistics.detection.verdict import Revision
from migperf.store.history_tables import ConfirmationRow, PointRow

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_MOST_NAMED = 3
_REVISED = {
    Revision.ADDED: "a change before {first} was found",
    Revision.MOVED: "the change before {was} lies before {first} now",
    Revision.WITHDRAWN: "the change before {was} was withdrawn",
}


def words(name: str) -> str:
    """Return a name as it reads: ``step time p50``."""
    return name.replace("_", " ")


def age(since: datetime, now: datetime) -> str:
    """Return how long ago something was, in one unit: ``3 h``."""
    seconds = max(0.0, (now - since).total_seconds())
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {unit}"
    return "less than a minute"


def interval_of(shifted: Shifted | Change) -> str:
    """Return the bounds of a relative change with their level: ``+19.5 % to +20.8 %, 95 % confidence``."""
    bounds = shifted if isinstance(shifted, Shifted) else shifted.interval
    return f"{percent(bounds.low)} to {percent(bounds.high)}, {100 * bounds.level:g} % confidence"


def moved(name: str, shifted: Shifted | Change) -> str:
    """Return how a metric moved: ``step time p50 +20.1 % (+19.5 % to +20.8 %, 95 % confidence)``."""
    return f"{words(name)} {percent(shifted.ratio)} ({interval_of(shifted)})"


def rose(name: str, shifted: Shifted) -> str:
    """Return the same as a sentence has it: ``step time p50 rose by 20.1 % (…)``."""
    verb = "rose" if shifted.ratio > 1 else "fell"
    return f"{words(name)} {verb} by {100 * abs(shifted.ratio - 1):.3g} % ({interval_of(shifted)})"


def point_name(point: PointRow | None) -> str:
    """Return what a point is called: its run, or what it was imported as."""
    if point is None:
        return "a point that is gone"
    return f"run {point.run_id}" if point.run_id is not None else f"{point.key} ({point.origin})"


def environment(changes: Sequence[EnvironmentChange], most: int = _MOST_NAMED) -> str:
    """Return what differs, in short: ``torch 2.12 → 2.13, and 2 more``; empty where nothing does."""
    told = ", ".join(change.text for change in changes[:most])
    more = len(changes) - most
    return f"{told}, and {more} more" if more > 0 else told


def worse_most(metrics: Mapping[str, Shifted]) -> str:
    """Return the metric that shows best that it got worse; the surest comes first in what was stored."""
    return next((name for name, one in metrics.items() if one.worse), next(iter(metrics)))


def others(metrics: Mapping[str, Shifted]) -> str:
    """Return what else got worse there, in a sentence; empty where nothing did."""
    first = worse_most(metrics)
    also = [f"{words(name)} {percent(one.ratio)}" for name, one in metrics.items() if one.worse and name != first]
    return f"With it: {', '.join(also)}." if also else ""


def news(changes: Sequence[EnvironmentChange]) -> str:
    """Return what is new in the environment since the last good point, in a sentence."""
    if not changes:
        return "Nothing that is recorded of the environment differs from the last good point."
    return f"New since the last good point: {environment(changes, 6)}."


def confirmation(row: ConfirmationRow | None) -> str:
    """Return what running it again came to, in a sentence."""
    if row is None:
        return "It was not run again."
    times = "once" if len(row.runs) == 1 else f"{len(row.runs)} times"
    match row.state:
        case ConfirmationState.RUNNING:
            return f"It is being run again to make sure; {len(row.runs)} runs so far."
        case ConfirmationState.IMPOSSIBLE:
            return f"It could not be run again: {row.why}."
    return f"It was run again {times}, {row.state}: {row.why}."


def event(revision: str, first: PointRow | None, was: PointRow | None) -> str:
    """Return what became of a change."""
    form = _REVISED.get(Revision(revision)) if revision in set(Revision) else None
    return (form or "the change was {first}").format(first=point_name(first), was=point_name(was))
