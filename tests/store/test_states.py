"""A run's state changes only as the one table of transitions allows, in the code and in the database."""

from datetime import UTC, datetime
from itertools import product

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from migperf.measure.outcome import Ending
from migperf.store import runs
from migperf.store.database import Database
from migperf.store.models import RunTransition
from migperf.store.states import FINAL_STATES, TRANSITIONS, IllegalTransitionError, RunState, check_transition
from tests.builders import submit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEGAL = {(a, b) for a, following in TRANSITIONS.items() for b in following}


def test_every_ending_of_an_attempt_is_a_final_state() -> None:
    assert {RunState(e) for e in Ending if e is not Ending.INTERRUPTED} <= FINAL_STATES


def test_nothing_leaves_a_final_state_and_every_state_can_reach_one() -> None:
    reachable = set(FINAL_STATES)
    for _ in RunState:
        reachable |= {a for a, b in LEGAL if b in reachable}
    assert reachable == set(RunState)
    assert not any(a in FINAL_STATES for a, _ in LEGAL)


def test_the_database_knows_the_same_transitions_as_the_code(database: Database) -> None:
    with database.read() as session:
        rows = session.scalars(select(RunTransition)).all()
    assert {(RunState(row.from_state), RunState(row.to_state)) for row in rows} == LEGAL


def test_the_database_refuses_exactly_the_illegal_transitions(database: Database) -> None:
    """Even SQL that goes round the code cannot make, say, a succeeded run fail."""
    refused = set()
    for from_state, to_state in product(RunState, RunState):
        with database.write() as session:
            run_id = submit(session, NOW).id
            session.execute(text("DELETE FROM run_transitions"))
            session.execute(text("INSERT INTO run_transitions VALUES ('queued', :s)"), {"s": from_state})
            session.execute(text("UPDATE runs SET state = :s WHERE id = :id"), {"s": from_state, "id": run_id})
            session.execute(text("DELETE FROM run_transitions"))
            for a, b in LEGAL:
                session.execute(text("INSERT INTO run_transitions VALUES (:a, :b)"), {"a": a, "b": b})
        try:
            with database.write() as session:
                session.execute(text("UPDATE runs SET state = :s WHERE id = :id"), {"s": to_state, "id": run_id})
        except DBAPIError:
            refused.add((from_state, to_state))
    staying = {(state, state) for state in RunState}
    assert refused == set(product(RunState, RunState)) - LEGAL - staying


def test_an_illegal_transition_names_both_states(database: Database) -> None:
    with database.write() as session:
        run = submit(session, NOW)
        with pytest.raises(IllegalTransitionError, match="is queued and cannot become succeeded"):
            runs.move(session, run, RunState.SUCCEEDED, NOW)
    with pytest.raises(IllegalTransitionError):
        check_transition("x", RunState.LOST, RunState.QUEUED)


def test_a_state_that_does_not_exist_cannot_be_stored(database: Database) -> None:
    with database.write() as session:
        run_id = submit(session, NOW).id
        update = text("UPDATE runs SET state = 'happy' WHERE id = :id")
        with pytest.raises(DBAPIError):
            session.execute(update, {"id": run_id})
        session.rollback()
