"""Confirming: the runs of a confirmation are made one after the other, and decided on when there are enough."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy.orm import Session

from migperf.histories.confirming import Finding
from migperf.histories.regression import ConfirmationState
from migperf.store import confirmations, confirming_runs, runs
from migperf.store.confirming_runs import Case
from migperf.store.database import Database, now
from migperf.store.states import RunState

PATIENCE = timedelta(hours=24)
"""So long the runs of a confirmation may take in all, waiting in the queue included."""
FURTHER = 2
"""A confirmation that is undecided, or tainted, goes on to so many times the rounds that were asked for."""
_END_OF_REASON = "\n\n"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class End:
    """What a confirmation came to."""

    state: ConfirmationState
    why: str
    findings: Mapping[str, Finding] = field(default_factory=dict)


class Confirming:
    """Drives the confirmations that have begun. Several of them do no harm: each is locked while it is seen to."""

    def __init__(self, database: Database, stale_s: float) -> None:
        self._database = database
        self._stale_s = stale_s

    def step(self) -> None:
        """See to every confirmation that has not ended; each has a transaction of its own."""
        with self._database.read() as session:
            waiting = confirmations.running(session)
        for confirmation_id in waiting:
            with self._database.write() as session:
                case = confirming_runs.case_of(session, confirmation_id)
                if case is not None:
                    self._see_to(session, case, now(session))

    def _see_to(self, session: Session, case: Case, at: datetime) -> None:
        end = _end_of(session, case, at)
        if end is None and all(run.state.is_final for run in case.made):
            try:
                confirming_runs.submit_next(session, case, at, self._stale_s)
            except ValidationError as error:
                why = f"its benchmark cannot be run again by this version: {error.errors()[0]['msg']}"
                end = End(ConfirmationState.IMPOSSIBLE, why)
        if end is not None:
            for run in case.made:
                if not run.state.is_final:
                    runs.request_cancel(session, run.id, at)
            confirmations.end(session, case.row, end.state, end.why, end.findings, at)
            _log.info("confirmation %s: %s, %s", case.row.id, end.state, end.why)


def _end_of(session: Session, case: Case, at: datetime) -> End | None:
    """Return what a confirmation has come to; None while it goes on."""
    if (why_not := _why_not(case, at)) is not None:
        return End(ConfirmationState.IMPOSSIBLE, why_not)
    if not all(run.state.is_final for run in case.made) or len(case.complete) < len(case.rounds):
        return None
    wanted, made = case.watch.confirm_runs or 1, len(case.complete)
    usable = [one for one in case.complete if one.counts(case.watch)]
    is_last = made >= FURTHER * wanted
    if not is_last and (not usable or len(usable) % wanted):
        return None
    if not usable:
        return End(ConfirmationState.UNDECIDED, f"all {made} rounds are tainted")
    decision = confirming_runs.evidence_of(session, case, usable).decide()
    if decision.state is ConfirmationState.UNDECIDED and not is_last:
        return None
    return End(decision.state, f"{decision.why}, {len(usable)} of {made} rounds", decision.findings)


def _why_not(case: Case, at: datetime) -> str | None:
    """Return why no more can come of a confirmation; None while something can."""
    for run in case.made:
        if run.state.is_final and run.state is not RunState.SUCCEEDED:
            reason = f": {run.reason.partition(_END_OF_REASON)[0]}" if run.reason else ""
            return f"run {run.id} ended as {run.state}{reason}"
    return f"its runs were not done within {PATIENCE}" if at - case.row.started_at > PATIENCE else None
