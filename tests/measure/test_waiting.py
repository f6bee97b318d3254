"""The waiting room at the borders: ties of time, and what a server is told to wait for."""

from collections.abc import Iterator
from itertools import count

from migperf.measure.load import Load
from migperf.measure.loops.waiting import Taken, WaitingRoom

MS = 1_000_000


def room(*arrivals_ms: int, **load: object) -> WaitingRoom:
    def planned() -> Iterator[int]:
        yield from (at_ms * MS for at_ms in arrivals_ms)
        yield from count(10**15, MS)

    return WaitingRoom(planned(), Load.model_validate({"rate_per_s": 1, **load}))


def test_who_arrives_as_another_is_given_up_finds_the_place_free() -> None:
    one = room(0, 5, queue_limit=1, timeout_ms=5)
    one.admit(5 * MS)
    assert (one.given_up, one.dropped, one.waiting()) == ([0], [], (5 * MS,))


def test_a_server_without_work_is_due_at_the_next_arrival() -> None:
    one = room(3)
    assert one.take(0) is None
    assert one.due_ns() == 3 * MS
    assert one.take(3 * MS) == Taken((3 * MS,), ready_ns=3 * MS)


def test_a_batch_is_due_when_it_is_full_or_its_first_has_waited_long_enough() -> None:
    one = room(0, 2, 9, max_batch=3, max_delay_ms=4)
    assert one.take(2 * MS) is None
    assert one.due_ns() == 4 * MS
    assert one.take(4 * MS) == Taken((0, 2 * MS), ready_ns=4 * MS)
    full = room(0, 1, 2, 3, max_batch=3, max_delay_ms=40)
    assert full.take(3 * MS) == Taken((0, MS, 2 * MS), ready_ns=2 * MS)
    assert full.waiting() == (3 * MS,)


def test_who_waits_is_the_oldest_before_who_is_to_come() -> None:
    one = room(4, 6)
    assert one.oldest_ns == 4 * MS
    one.admit(5 * MS)
    assert (one.oldest_ns, len(one)) == (4 * MS, 1)
