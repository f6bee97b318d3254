"""How many runs and changes of layout are in which state: for whoever watches the service as a whole."""

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from migperf.store.models import LayoutChange, Run
from migperf.store.states import ChangeState, RunState

State = TypeVar("State", RunState, ChangeState)


def runs_by_state(session: Session) -> Mapping[RunState, int]:
    """Return the number of runs in every state, also of those in which there are none."""
    return dict.fromkeys(RunState, 0) | _counted(session, Run.state)


def changes_by_state(session: Session) -> Mapping[ChangeState, int]:
    """Return the number of changes of layout in every state, also of those in which there are none."""
    return dict.fromkeys(ChangeState, 0) | _counted(session, LayoutChange.state)


def _counted(session: Session, column: InstrumentedAttribute[State]) -> dict[State, int]:
    rows = session.execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}
