"""Confirmations: begun when a benchmark seems to have become worse; and what is told to people when they have ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.alerts.alert import NewAlert
from migperf.histories.confirming import ConfirmingRun, Finding
from migperf.histories.hardware import HardwareClass
from migperf.histories.judging import Judged
from migperf.histories.regression import ConfirmationState, Entry
from migperf.histories.software import last_good_environment
from migperf.histories.watch import Watch
from migperf.histories.wording import size_of
from migperf.histories.worsening import Shifted
from migperf.statistics.detection.history import REACH
from migperf.store import alerts, channels, nodes, regressions, watching
from migperf.store.history_tables import ConfirmationRow, HistoryRow, PointRow, RegressionRow
from migperf.store.models import Node

MOST_REFUTED = 3
"""Confirmations of one regression that say no; after that nobody asks again."""
KIND = "regression"


def see_to(session: Session, history: HistoryRow, judged: Judged, now: datetime) -> None:
    """Begin what has to be confirmed of a history that was just judged, and tell people what needs no confirmation."""
    watch = watching.watch_of(history)
    if watch is None or not judged.points:
        return
    newest = _point(session, history.id, judged.points - 1)
    standing = regressions.standing_of(session, [history.id])
    for regression in standing:
        _adopt(session, regression)
        if regression.alerted_at is None:
            _pursue(session, history, watch, regression, newest, now)
    suspected = judged.suspected
    if suspected and watch.confirm_runs and not standing:
        place = min(suspected.values())
        if not _is_looked_into(session, history.id, place):
            metrics = {name: one.suspected.ratio for name in suspected if (one := judged.metrics[name]).suspected}
            begin(session, history, _point(session, history.id, place), newest, metrics, now)


def _pursue(
    session: Session, history: HistoryRow, watch: Watch, regression: RegressionRow, newest: PointRow, now: datetime
) -> None:
    """Confirm a regression that nobody was told of, or tell people."""
    session.refresh(regression, ["confirmations"])
    made = regression.confirmations
    if not watch.confirm_runs:
        announce(session, history, watch, regression, None, now)
        return
    last = made[-1] if made else None
    if last is not None and last.state.is_alarming:
        announce(session, history, watch, regression, last, now)
        return
    refuted = [one for one in made if one.state is ConfirmationState.REFUTED]
    is_again = last is not None and last.state is ConfirmationState.REFUTED and last.as_of_id != newest.id
    if last is None or (is_again and len(refuted) < MOST_REFUTED):
        metrics = {name: one.ratio for name, one in regressions.metrics_of(regression).items() if one.worse}
        row = begin(session, history, regression.first_bad, newest, metrics, now)
        row.regression_id = regression.id
        session.flush()
        if row.state.is_alarming:
            announce(session, history, watch, regression, row, now)


def _adopt(session: Session, regression: RegressionRow) -> None:
    """Give a regression the confirmations that were begun when it was suspected only."""
    query = select(ConfirmationRow).where(
        ConfirmationRow.history_id == regression.history_id, ConfirmationRow.regression_id.is_(None)
    )
    place = regression.first_bad.number or 0
    for row in session.scalars(query):
        first = session.get_one(PointRow, row.first_bad_id).number
        if first is not None and abs(first - place) <= REACH:
            row.regression_id = regression.id
    session.flush()


def _is_looked_into(session: Session, history_id: str, place: int) -> bool:
    """Tell whether somebody has looked, or looks, into a change about there."""
    firsts = select(PointRow.number).join(ConfirmationRow, ConfirmationRow.first_bad_id == PointRow.id)
    numbers = session.scalars(firsts.where(ConfirmationRow.history_id == history_id))
    return any(number is not None and abs(number - place) <= REACH for number in numbers)


def _point(session: Session, history_id: str, number: int) -> PointRow:
    query = select(PointRow).where(PointRow.history_id == history_id, PointRow.number == number)
    return session.scalars(query).one()


def begin(
    session: Session,
    history: HistoryRow,
    first_bad: PointRow,
    newest: PointRow,
    metrics: Mapping[str, float],
    now: datetime,
) -> ConfirmationRow:
    """Store a confirmation, whose runs are made by and by; one that cannot be had has ended at once."""
    why_not = _why_not(history)
    row = ConfirmationRow(
        id=str(uuid7()),
        history_id=history.id,
        first_bad_id=first_bad.id,
        as_of_id=newest.id,
        metrics=[[name, ratio] for name, ratio in metrics.items()],
        state=ConfirmationState.RUNNING if why_not is None else ConfirmationState.IMPOSSIBLE,
        why=why_not,
        started_at=now,
        ended_at=None if why_not is None else now,
        baseline=_baseline(session, history, first_bad, newest),
        runs=[],
        findings=[],
    )
    session.add(row)
    session.flush()
    return row


def _baseline(session: Session, history: HistoryRow, first_bad: PointRow, newest: PointRow) -> str | None:
    """Return the software environment that has the last good version, on the node that measured last."""
    node = session.get(Node, str(newest.environment.get("node", "")))
    if node is None or not first_bad.number:
        return None
    good = _point(session, history.id, first_bad.number - 1)
    return last_good_environment(good.environment, newest.environment, nodes.environments_of(node))


def _why_not(history: HistoryRow) -> str | None:
    """Return why the benchmark of a history cannot be run again as it was; None where it can."""
    if history.benchmark is None:
        return "its results come from another tool, which has to run it again"
    hardware = HardwareClass.model_validate(history.hardware)
    if hardware.company or hardware.kind.is_share:
        return "it was measured beside others or on a share of a device, for which its experiment has to be run again"
    return None


def running(session: Session) -> Sequence[str]:
    """Return the ids of confirmations that have not ended."""
    query = select(ConfirmationRow.id).where(ConfirmationRow.state == ConfirmationState.RUNNING)
    return session.scalars(query.order_by(ConfirmationRow.id)).all()


def end(
    session: Session,
    row: ConfirmationRow,
    state: ConfirmationState,
    why: str,
    findings: Mapping[str, Finding],
    now: datetime,
) -> None:
    """Write down what a locked confirmation came to, and tell people if that is what they waited for."""
    row.state, row.why, row.ended_at = state, why, now
    row.findings = [[name, finding.model_dump(mode="json")] for name, finding in findings.items()]
    session.flush()
    if row.regression_id is None:
        return
    regression = regressions.get(session, row.regression_id)
    regressions.note(session, regression, Entry.CONFIRMATION, f"{state}: {why}", now)
    watch = watching.watch_of(regression.history)
    if watch is not None and state.is_alarming and regression.state.is_standing and regression.alerted_at is None:
        announce(session, regression.history, watch, regression, row, now)


def announce(
    session: Session,
    history: HistoryRow,
    watch: Watch,
    regression: RegressionRow,
    confirmation: ConfirmationRow | None,
    now: datetime,
) -> None:
    """Raise the one alert of a regression."""
    metrics = regressions.metrics_of(regression)
    said = "not run again" if confirmation is None else f"{confirmation.state}: {confirmation.why}"
    new = NewAlert.model_validate(
        {
            "kind": KIND,
            "subject": regression.id,
            "title": _fitting(f"{history.title}: {size_of(metrics)}", 200),
            "text": _fitting(_text(regression, said), 10_000),
            "facts": dict(_facts(history, regression, metrics, said)),
            "link": f"/regressions/{regression.id}",
        }
    )
    chosen, missing = channels.chosen(session, watch.channels)
    alerts.raise_alert(session, new, now, chosen)
    regression.alerted_at = now
    told = f"there is no channel named {', '.join(missing)}" if missing else "people were told"
    regressions.note(session, regression, Entry.ALERTED, told, now)


def _text(regression: RegressionRow, said: str) -> str:
    changed = "; ".join(change.text for change in regressions.environment_of(regression))
    between = f"Between the last good point and the first bad one: {changed}." if changed else _NO_DIFFERENCE
    return f"Since {regression.first_bad.at:%Y-%m-%d %H:%M} UTC. {between} Run again: {said}."


_NO_DIFFERENCE = (
    "The last good point and the first bad one were measured in the same environment, as far as is recorded."
)


def _facts(
    history: HistoryRow, regression: RegressionRow, metrics: Mapping[str, Shifted], said: str
) -> Iterable[tuple[str, str]]:
    yield "history", _fitting(history.title, 500)
    for name, one in list(metrics.items())[:8]:
        followed = ", moved with the others" if one.followed else ""
        yield name, f"× {one.ratio:.4g} ({one.low:.4g} to {one.high:.4g}, {one.level:.0%}){followed}"
    yield "first bad run", regression.first_bad.run_id or regression.first_bad.key
    yield "last good run", regression.last_good.run_id or regression.last_good.key
    yield "run again", _fitting(said, 500)
    for change in regressions.environment_of(regression)[:12]:
        yield _fitting(change.name, 64), _fitting(change.text, 500)


def _fitting(text: str, most: int) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= most else f"{printable[: most - 1]}…"


def runs_of(row: ConfirmationRow) -> tuple[ConfirmingRun, ...]:
    """Return the runs that were made for a confirmation."""
    return tuple(ConfirmingRun.model_validate(run) for run in row.runs)
