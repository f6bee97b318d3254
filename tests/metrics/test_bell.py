"""A bell wakes the one that waits, and is never forgotten."""

import threading
import time

from migperf.metrics.bell import Bell


def test_a_bell_that_nobody_rings_is_waited_for_so_long_and_no_longer() -> None:
    began = time.monotonic()
    assert Bell().wait(0.05) is False
    assert 0.05 <= time.monotonic() - began < 2


def test_a_bell_that_was_rung_before_is_heard_once() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    assert bell.wait(0) is True
    assert bell.wait(0) is False


def test_a_time_that_is_over_already_does_not_wait() -> None:
    assert Bell().wait(-1.0) is False


def test_ringing_wakes_the_one_that_waits() -> None:
    bell, heard = Bell(), threading.Event()

    def listen() -> None:
        if bell.wait(30):
            heard.set()

    thread = threading.Thread(target=listen)
    thread.start()
    bell.ring()
    assert heard.wait(10)
    thread.join()
