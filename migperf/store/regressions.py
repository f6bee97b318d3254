"""Regressions: opened, moved and resolved as their history is judged; found, triaged and commented on by people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, NotFoundError
from migperf.histories.environment import EnvironmentChange, changes_between
from migperf.histories.judging import Judged
from migperf.histories.regression import Entry, RegressionState, Resolution
from migperf.histories.wording import size_of
from migperf.histories.worsening import Shifted, Worsening, match, worsenings
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.store.history_tables import HistoryRow, PointRow, RegressionEntryRow, RegressionRow
from migperf.store.newest import NewestPage, newest_page

_STANDING = tuple(state for state in RegressionState if state.is_standing)


def reconcile(
    session: Session, history: HistoryRow, judged: Judged, rules: Mapping[str, MetricRule], now: datetime
) -> None:
    """Bring the regressions of a locked history into line with what was just said of it.

    One is opened for a change for the worse that is not over, if the history is watched. One that somebody called a
    false alarm stays one, and stands for its change for good.
    """
    found, known = worsenings(judged, rules), _known(session, history)
    matched = match({row.id: _number(session, row.first_bad_id) for row in known.values()}, found)
    for regression_id in matched.gone:
        _withdraw(session, known[regression_id], now)
    for regression_id, worsening in matched.known.items():
        _bring_up_to_date(session, history, known[regression_id], worsening, now)
    for worsening in matched.new:
        if history.watch is not None and worsening.over_at is None:
            _open(session, history, worsening, now)


def _known(session: Session, history: HistoryRow) -> dict[str, RegressionRow]:
    """Return the regressions that changes of the history may still stand for: not those that were withdrawn."""
    query = select(RegressionRow).where(RegressionRow.history_id == history.id)
    rows = session.scalars(query.order_by(RegressionRow.id)).unique()
    return {row.id: row for row in rows if row.resolution is not Resolution.WITHDRAWN}


def _number(session: Session, point_id: int) -> int:
    """Return the number of a point; of one that is not judged any more that of the next one that is."""
    point = session.get_one(PointRow, point_id)
    if point.number is not None:
        return point.number
    earlier = select(func.count()).select_from(PointRow).where(PointRow.history_id == point.history_id)
    return session.scalar(earlier.where(PointRow.number.is_not(None), PointRow.at < point.at)) or 0


def _open(session: Session, history: HistoryRow, worsening: Worsening, now: datetime) -> None:
    row = RegressionRow(
        id=str(uuid7()), history_id=history.id, state=RegressionState.OPEN, opened_at=now, changed_at=now
    )
    _describe(session, row, worsening)
    session.add(row)
    session.flush()
    session.refresh(row)
    note(session, row, Entry.OPENED, size_of(metrics_of(row)), now)


def _describe(session: Session, row: RegressionRow, worsening: Worsening) -> None:
    wanted = (worsening.place - 1, worsening.place, worsening.earliest, worsening.latest)
    query = select(PointRow).where(PointRow.history_id == row.history_id, PointRow.number.in_(wanted))
    points = {point.number: point for point in session.scalars(query)}
    good, bad, earliest, latest = (points[number] for number in wanted)
    row.last_good_id, row.first_bad_id, row.earliest_id, row.latest_id = good.id, bad.id, earliest.id, latest.id
    row.metrics = [[name, shifted_data(shifted)] for name, shifted in worsening.metrics.items()]
    row.environment = [change.model_dump() for change in changes_between(good.environment, bad.environment)]


def _bring_up_to_date(
    session: Session, history: HistoryRow, row: RegressionRow, worsening: Worsening, now: datetime
) -> None:
    first_bad = row.first_bad_id
    if row.state.is_standing or row.state is RegressionState.FALSE_ALARM:
        _describe(session, row, worsening)
    if row.first_bad_id != first_bad:
        session.flush()
        session.refresh(row, ["first_bad", "last_good"])
        note(session, row, Entry.MOVED, f"begins at another point now: {size_of(metrics_of(row))}", now)
    if not row.state.is_standing or worsening.over_at is None:
        return
    over = select(PointRow).where(PointRow.history_id == history.id, PointRow.number == worsening.over_at)
    row.over = session.scalars(over).one()
    _resolve(row, Resolution.RECOVERED, now)
    note(session, row, Entry.RECOVERED, "its metrics came back to where they had been", now)


def _withdraw(session: Session, row: RegressionRow, now: datetime) -> None:
    if row.state.is_standing:
        _resolve(row, Resolution.WITHDRAWN, now)
        note(session, row, Entry.WITHDRAWN, "what is known of the history by now does not show this change", now)


def _resolve(row: RegressionRow, resolution: Resolution, now: datetime) -> None:
    row.state, row.resolution, row.resolved_at, row.changed_at = RegressionState.RESOLVED, resolution, now, now


def note(
    session: Session, row: RegressionRow, kind: Entry, text: str, now: datetime, author: str | None = None
) -> None:
    """Add an entry to the record of a regression."""
    session.add(RegressionEntryRow(regression_id=row.id, at=now, kind=str(kind), author=author, text=text))


def get(session: Session, regression_id: str) -> RegressionRow:
    """Return a regression with its record. Raises NotFoundError."""
    query = select(RegressionRow).where(RegressionRow.id == regression_id).options(selectinload(RegressionRow.entries))
    row = session.scalars(query.execution_options(populate_existing=True)).unique().one_or_none()
    if row is None:
        raise NotFoundError("regression", regression_id)
    return row


def count_all_standing(session: Session) -> int:
    """Return how many regressions there are that somebody should still care about."""
    query = select(func.count()).select_from(RegressionRow).where(RegressionRow.state.in_(_STANDING))
    return session.scalar(query) or 0


def of_history(session: Session, history_id: str) -> Sequence[RegressionRow]:
    """Return all regressions of a history, the newest first."""
    query = select(RegressionRow).where(RegressionRow.history_id == history_id)
    return session.scalars(query.order_by(RegressionRow.id.desc())).unique().all()


def latest(
    session: Session,
    limit: int,
    before: str | None = None,
    states: Collection[RegressionState] = (),
    history_id: str | None = None,
) -> NewestPage[RegressionRow]:
    """Return at most ``limit`` regressions, newest first; with ``before`` those older than the one of that id."""
    query = select(RegressionRow)
    if states:
        query = query.where(RegressionRow.state.in_(states))
    if history_id is not None:
        query = query.where(RegressionRow.history_id == history_id)
    return newest_page(session, query, RegressionRow.id, limit, before)


def triage(
    session: Session,
    regression_id: str,
    state: RegressionState | None,
    comment: str | None,
    author: str | None,
    now: datetime,
) -> RegressionRow:
    """Change the state of a regression, comment on it, or both.

    Raises NotFoundError, and ConflictError for one that recovered or was withdrawn and is to be open again: its
    history says that it is over, and would open another if it came back.
    """
    query = select(RegressionRow).where(RegressionRow.id == regression_id).with_for_update(of=RegressionRow)
    row = session.scalars(query.execution_options(populate_existing=True)).unique().one_or_none()
    if row is None:
        raise NotFoundError("regression", regression_id)
    if state is not None and state is not row.state:
        _move(row, state, now)
        note(session, row, Entry.STATE, str(state), now, author)
    if comment is not None:
        note(session, row, Entry.COMMENT, comment, now, author)
        row.changed_at = now
    session.flush()
    return get(session, regression_id)


def _move(row: RegressionRow, state: RegressionState, now: datetime) -> None:
    if row.resolution in {Resolution.RECOVERED, Resolution.WITHDRAWN} and state.is_standing:
        raise ConflictError(
            f"regression {row.id} is over ({row.resolution}), as its history says; one is opened if it gets worse again"
        )
    if state is RegressionState.RESOLVED:
        _resolve(row, Resolution.BY_HAND, now)
    else:
        row.state, row.resolution, row.resolved_at, row.changed_at = state, None, None, now


def standing_of(session: Session, history_ids: Sequence[str]) -> Sequence[RegressionRow]:
    """Return the regressions of some histories that somebody should still care about."""
    query = select(RegressionRow).where(RegressionRow.history_id.in_(history_ids), RegressionRow.state.in_(_STANDING))
    return session.scalars(query.order_by(RegressionRow.id)).unique().all()


def count_standing(session: Session, history_ids: Sequence[str]) -> Mapping[str, int]:
    """Return how many regressions of each history somebody should still care about; nothing where there are none."""
    query = select(RegressionRow.history_id, func.count()).where(
        RegressionRow.history_id.in_(history_ids), RegressionRow.state.in_(_STANDING)
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(RegressionRow.history_id))}


def referred_to(row: RegressionRow) -> frozenset[int]:
    """Return the ids of the points that a regression and its confirmations refer to."""
    own = (row.earliest_id, row.latest_id, row.first_bad_id, row.last_good_id)
    return frozenset((*own, *(one.first_bad_id for one in row.confirmations)))


def shifted_data(shifted: Shifted) -> dict[str, Any]:
    """Return what is kept of how a metric moved."""
    return {name: getattr(shifted, name) for name in Shifted.__dataclass_fields__}


def metrics_of(row: RegressionRow) -> dict[str, Shifted]:
    """Return how the metrics of a regression moved, the surest first."""
    return {name: Shifted(**shifted) for name, shifted in row.metrics}


def environment_of(row: RegressionRow) -> tuple[EnvironmentChange, ...]:
    """Return in what the environments of the last good and the first bad point differ."""
    return tuple(EnvironmentChange.model_validate(change) for change in row.environment)
