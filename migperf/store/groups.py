"""Groups of runs: settling those whose runs have ended, and ending those that cannot be measured together any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from migperf.measure.rendezvous import BrokenUp
from migperf.store import runs
from migperf.store.models import GroupRow, Lease, Run
from migperf.store.states import FINAL_STATES, GroupState, RunState

_END_OF_REASON = "\n\n"
_NOT_BEGUN = (RunState.QUEUED, RunState.PLACED)


def unsettled() -> ColumnElement[bool]:
    """Return the condition that a group is open although some of its runs have ended."""
    ended = exists().where(Run.group_id == GroupRow.id, Run.state.in_(FINAL_STATES))
    return (GroupRow.state == GroupState.OPEN) & ended


def settle(session: Session, now: datetime) -> list[GroupRow]:
    """Write down what has become of each group whose runs have all ended; return those groups.

    Where one run of a group that is measured together has ended without success, those that wait are cancelled.
    """
    candidates = session.scalars(select(GroupRow).where(unsettled()).with_for_update(of=GroupRow)).all()
    return [group for group in candidates if _settle(session, group, now)]


def members(session: Session, group_id: str) -> Sequence[Run]:
    """Return the runs of a group in the order of their places in it."""
    return session.scalars(select(Run).where(Run.group_id == group_id).order_by(Run.member)).all()


def others_missing(session: Session, gang: str, size: int) -> BrokenUp | None:
    """Say which of the runs that were placed in one step will not come, and why; None while all hold their places.

    A run that ended by its own doing ends the others as well. One that lost its place is queued, or was cancelled, and
    the others are to be where it is: queued again, and cancelled if it was.
    """
    held = session.scalars(select(Lease.run_id).where(Lease.gang == gang, Lease.released_at.is_(None))).all()
    if len(held) >= size:
        return None
    gone = session.scalars(
        select(Run).join(Lease, Lease.run_id == Run.id).where(Lease.gang == gang, Lease.released_at.is_not(None))
    ).all()
    if (ended := next((run for run in gone if _ended_by_itself(run)), None)) is not None:
        return BrokenUp(_ending(ended), again=False)
    named = "; ".join(_ending(run) if run.state.is_final else f"run {run.id} lost its place{_why(run)}" for run in gone)
    return BrokenUp(named or f"{size - len(held)} of its {size} runs are not there any more", again=True)


def _settle(session: Session, group: GroupRow, now: datetime) -> bool:
    of_group = members(session, group.id)
    if group.together and (ended := _first_to_end(of_group)) is not None:
        for run in of_group:
            if run.state in _NOT_BEGUN:
                reason = f"its group broke up: {_ending(ended)}"
                runs.cancel_waiting(session, runs.lock(session, run.id), now, reason)
    state = _come_to(of_group)
    if state is GroupState.OPEN:
        return False
    group.state, group.settled_at = state, now
    return True


def _first_to_end(of_group: Sequence[Run]) -> Run | None:
    """Return a run after whose end the others cannot be measured with it; where there are several, one that says why.

    That is also one that succeeded: a run that waits while another of its group has its result was lost at the end.
    """
    ended = [run for run in of_group if run.state.is_final]
    return min(ended, key=lambda run: run.state is RunState.SUCCEEDED, default=None)


def _come_to(of_group: Sequence[Run]) -> GroupState:
    """Return what the states of the runs come to.

    Where some succeeded and the others were cancelled for no more than having been lost at the end, the group was lost.
    """
    state = GroupState.of(run.state for run in of_group)
    left_behind = state is GroupState.CANCELLED and any(run.state is RunState.SUCCEEDED for run in of_group)
    if left_behind and not any(run.cancel_requested_at for run in of_group):
        return GroupState.LOST
    return state


def _ended_by_itself(run: Run) -> bool:
    return run.state.is_final and run.state is not RunState.CANCELLED


def _ending(run: Run) -> str:
    return f"run {run.id} ended as {run.state}{_why(run)}"


def _why(run: Run) -> str:
    """Return the run's reason without the end of its log, which follows after an empty line."""
    return f": {run.reason.partition(_END_OF_REASON)[0]}" if run.reason else ""
