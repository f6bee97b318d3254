"""What the scheduler does beside its passes keeps nothing waiting, outlives its database, and never dies unseen."""

import threading

import pytest
from sqlalchemy.exc import OperationalError

from migperf.jobs import beside
from migperf.jobs.beside import Beside


def test_a_step_that_takes_long_keeps_neither_the_passes_nor_the_end_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "LEAVE_S", 0.1)
    stop, begun, released = threading.Event(), threading.Event(), threading.Event()

    def judge() -> None:
        begun.set()
        released.wait(60)

    with Beside((judge,), 0.01, stop):
        assert begun.wait(10), "this thread goes on meanwhile"
    assert stop.is_set()
    released.set()


def test_a_database_that_is_away_is_waited_for() -> None:
    stop, answered, later = threading.Event(), threading.Event(), []
    refusals = iter([OperationalError("SELECT", None, Exception("the database is away"))] * 3)

    def judge() -> None:
        if (error := next(refusals, None)) is not None:
            raise error
        answered.set()

    with Beside((judge, lambda: later.append(answered.is_set())), 0.01, stop):
        assert answered.wait(10)
    assert all(later), "what comes after a step is done after that step"


def test_a_step_that_fails_ends_the_scheduler_and_is_told() -> None:
    stop = threading.Event()

    def judge() -> None:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError, match="a defect"), Beside((judge,), 0.01, stop):
        assert stop.wait(10), "the passes end, since nothing would be judged any more"


def test_an_error_of_the_passes_is_not_hidden_by_one_beside_them() -> None:
    stop = threading.Event()

    def judge() -> None:
        raise ZeroDivisionError

    def keep_time() -> None:
        assert stop.wait(10)
        raise KeyError

    with pytest.raises(KeyError), Beside((judge,), 0.01, stop):
        keep_time()
