"""Keeping imported results: histories are found or made, and get those points that they do not have yet.

Nothing watches a history for having been imported: nobody is to be alarmed about the past. It is judged all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.errors import ConflictError, NotFoundError
from migperf.histories.imported_metric import ImportedMetric, ImportedMetrics, metrics_data, metrics_from
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import MOST_METRICS, ImportedHistory
from migperf.histories.watch import Watch
from migperf.store import judging, watching
from migperf.store.history_tables import HistoryRow, PointRow
from migperf.store.new_points import NewHistory, NewPoint, add_points, history_of, is_newest

CLOCK_LEEWAY = timedelta(days=1)
"""By how much clocks of other hosts may be ahead. A point far in the future would be the newest for good."""
_LATEST_LOOKED_AT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of an imported history. ``row`` is None where it has no point."""

    imported: ImportedHistory
    row: HistoryRow | None = None
    new: int = 0

    @property
    def known(self) -> int:
        """How many points the history had already."""
        return len(self.imported.points) - self.new


def named(found: Sequence[ImportedHistory], name: str | None) -> Sequence[ImportedHistory]:
    """Return the histories of the benchmark of that name; all, if none is given. Raises NotFoundError."""
    if name is None:
        return found
    chosen = [history for history in found if history.name == name]
    if not chosen:
        raise NotFoundError("benchmark of the file", name, sorted({history.name for history in found})[:20])
    return chosen


def keep(session: Session, found: Iterable[ImportedHistory], now: datetime, *, watch: bool = False) -> list[Kept]:
    """Keep the points of histories, each in a history of its own; with ``watch`` these are watched from now on.

    One that is watched already stays as it is. Raises ImportingError and ConflictError.
    """
    found = list(found)
    # Locked in one order, so that two imports of the same do not wait for each other.
    ordered = sorted(found, key=lambda history: (history.fingerprint, history.hardware_key))
    kept = {id(history): _keep(session, history, now, watch=watch) for history in ordered}
    return [kept[id(history)] for history in found]


def keep_in(
    session: Session, found: Sequence[ImportedHistory], history_id: str, now: datetime, *, watch: bool = False
) -> list[Kept]:
    """Keep the points of the one benchmark of a file in a history that there is, as the past of it.

    Raises NotFoundError, ImportingError, and ConflictError if their figures are not of the same names and units.
    """
    if len(found) != 1:
        names = ", ".join(f"{history.title!r}" for history in found[:20])
        raise ConflictError(f"one history gets the points of one benchmark, and the file has {len(found)}: {names}")
    (imported,) = found
    _check_times(imported, now)
    row = judging.lock(session, history_id)
    if row is None:
        raise NotFoundError("history", history_id)
    _check_agreement(session, row, imported)
    return [_kept(session, row, imported, {"measured_by": imported.tool}, watch=watch)]


def _keep(session: Session, imported: ImportedHistory, now: datetime, *, watch: bool) -> Kept:
    if not imported.points:
        return Kept(imported=imported)
    _check_times(imported, now)
    new = NewHistory(
        fingerprint=imported.fingerprint,
        hardware_key=imported.hardware_key,
        hardware=imported.hardware,
        title=imported.title,
        workload=imported.workload,
        scenario=imported.scenario,
    )
    newest = max(point.at for point in imported.points)
    row = history_of(session, new, newest, now)
    if imported.benchmark is not None and is_newest(row, newest):
        row.benchmark = dict(imported.benchmark)
    if imported.metrics:
        row.imported_metrics = metrics_data(_together(row, imported))
    return _kept(session, row, imported, {}, watch=watch)


def _kept(
    session: Session, row: HistoryRow, imported: ImportedHistory, facts: Mapping[str, JsonValue], *, watch: bool
) -> Kept:
    points = [
        NewPoint(
            at=point.at,
            origin=imported.tool,
            key=point.key,
            figures=point.figures,
            environment={**point.environment, **facts},
            taints=point.taints,
        )
        for point in imported.points
    ]
    added = add_points(session, row, points)
    if watch and row.watch is None:
        watching.set_by_hand(row, Watch())
    return Kept(imported=imported, row=row, new=added)


def _check_times(imported: ImportedHistory, now: datetime) -> None:
    for point in imported.points:
        if point.at > now + CLOCK_LEEWAY:
            told = f"a result of {point.at.isoformat()} lies in the future; was the clock right, and the time zone?"
            raise ImportingError([(imported.name, told)])


def _together(row: HistoryRow, imported: ImportedHistory) -> ImportedMetrics:
    """Return the metrics of a history with those that come. Raises ConflictError where they contradict each other."""
    known = metrics_from(row.imported_metrics)
    for name, metric in imported.metrics.items():
        if name in known and known[name] != metric:
            raise ConflictError(
                f"{row.title}: {name} is {_shown(metric)} in the file and {_shown(known[name])} in history {row.id}; "
                f"convert it, or give it another name"
            )
    both = {**known, **imported.metrics}
    if len(both) > MOST_METRICS:
        raise ConflictError(f"{row.title}: a history has at most {MOST_METRICS} metrics; with these it had {len(both)}")
    return both


def _shown(metric: ImportedMetric) -> str:
    return f"in {metric.unit} and better {metric.better}"


def _check_agreement(session: Session, row: HistoryRow, imported: ImportedHistory) -> None:
    here, there = _units(session, row), dict(_units_of(imported))
    if not there.items() <= here.items():
        raise ConflictError(
            f"the figures do not agree: {imported.title} has {_listed(there)}; history {row.id} ({row.title}) has "
            f"{_listed(here)}. Give the file the names and units of the history"
        )


def _listed(units: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({unit})" for name, unit in sorted(units.items())) or "none"


def _units(session: Session, row: HistoryRow) -> dict[str, str]:
    """Return the units of the figures of a history, as its newest points have them."""
    query = select(PointRow.figures).where(PointRow.history_id == row.id)
    latest = session.scalars(query.order_by(PointRow.at.desc(), PointRow.id.desc()).limit(_LATEST_LOOKED_AT)).all()
    return {name: figure["unit"] for figures in reversed(latest) for name, figure in figures.items()}


def _units_of(imported: ImportedHistory) -> Iterable[tuple[str, str]]:
    for point in imported.points:
        yield from ((name, figure.unit) for name, figure in point.figures.items())
