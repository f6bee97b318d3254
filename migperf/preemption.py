"""Which of our threads may interrupt a payload on its core: those of the service must not (sched(7)).

A payload whose threads meet at barriers loses far more than the millisecond that a thread of ours needs when one of
them is put off its core at once; threads under SCHED_BATCH wait for the end of the payload's turn instead.
"""

import logging
import os

_log = logging.getLogger(__name__)


def give_way() -> None:
    """Keep this thread, and the threads and processes that it starts from now on, from preempting a payload."""
    _set(os.SCHED_BATCH)


def take_turns_as_usual() -> None:
    """Undo ``give_way`` for this thread: a payload is scheduled like any program."""
    _set(os.SCHED_OTHER)


def _set(policy: int) -> None:
    try:
        os.sched_setscheduler(0, policy, os.sched_param(0))
    except PermissionError:
        _log.warning("not allowed to choose a scheduling policy; the service may slow down what it measures on a CPU")
