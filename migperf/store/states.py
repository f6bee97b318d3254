"""The states of runs and of what else has some, and the transitions of a run: the one place that says what is legal.

The database enforces the same table by a trigger (see the migrations), so no code can step around it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from migperf.errors import ConflictError


class RunState(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    PLACED = "placed"
    """It has a lease on a partition; its node's worker has been woken but has not begun."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DOES_NOT_FIT = "does_not_fit"
    DOES_NOT_COMPILE = "does_not_compile"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    """Its leases were lost more often than its retry limit allows."""

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the run any more."""
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.PLACED, RunState.CANCELLED}),
    RunState.PLACED: frozenset({RunState.RUNNING, RunState.QUEUED, RunState.CANCELLED}),
    RunState.RUNNING: frozenset(
        {
            RunState.QUEUED,
            RunState.SUCCEEDED,
            RunState.DOES_NOT_FIT,
            RunState.DOES_NOT_COMPILE,
            RunState.FAILED,
            RunState.CANCELLED,
            RunState.TIMED_OUT,
            RunState.LOST,
        }
    ),
    RunState.SUCCEEDED: frozenset(),
    RunState.DOES_NOT_FIT: frozenset(),
    RunState.DOES_NOT_COMPILE: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.TIMED_OUT: frozenset(),
    RunState.LOST: frozenset(),
}

FINAL_STATES = frozenset(state for state, following in TRANSITIONS.items() if not following)


class IllegalTransitionError(ConflictError):
    """A run was asked to go where no way leads from its present state."""

    def __init__(self, run_id: str, from_state: RunState, to_state: RunState) -> None:
        super().__init__(f"run {run_id} is {from_state} and cannot become {to_state}")
        self.from_state = from_state
        self.to_state = to_state


def check_transition(run_id: str, from_state: RunState, to_state: RunState) -> None:
    """Raise IllegalTransitionError unless a run may go from the one state to the other."""
    if to_state not in TRANSITIONS[from_state]:
        raise IllegalTransitionError(run_id, from_state, to_state)


class ChangeState(StrEnum):
    """Where a change of layout is in its life."""

    QUEUED = "queued"
    """Waits until the GPU is idle."""
    PLACED = "placed"
    """Holds the GPU; its node has been woken."""
    RUNNING = "running"
    APPLIED = "applied"
    FAILED = "failed"
    """The GPU is cut as it was before, or ``reason`` says how it is."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the change any more."""
        return self in {ChangeState.APPLIED, ChangeState.FAILED, ChangeState.CANCELLED}


class GroupState(StrEnum):
    """What has become of a group of runs. But for ``open`` they are the states that its runs ended in."""

    OPEN = "open"
    """Some of its runs have not ended."""
    SUCCEEDED = "succeeded"
    DOES_NOT_FIT = "does_not_fit"
    DOES_NOT_COMPILE = "does_not_compile"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    CANCELLED = "cancelled"

    @classmethod
    def of(cls, states: Iterable[RunState]) -> "GroupState":
        """Return what the states of a group's runs come to: the one that says most of why it did not succeed.

        Where one run of a group does not fit, the others fail for want of company, and that is not the reason.
        """
        ended = set(states)
        if any(not state.is_final for state in ended):
            return cls.OPEN
        return next((state for state in _TELLING if RunState(state) in ended), cls.SUCCEEDED)

    @property
    def is_worth_another_try(self) -> bool:
        """Whether it might succeed if it were tried again as it is."""
        return self in {GroupState.FAILED, GroupState.TIMED_OUT, GroupState.LOST}


class DeliveryState(StrEnum):
    """What has become of an alert on its way to a channel."""

    PENDING = "pending"
    """It is to be sent, for the first time or again."""
    DELIVERED = "delivered"
    """The channel has taken it."""
    GIVEN_UP = "given_up"
    """It was tried as often as the settings allow, or trying again is of no use; ``last_error`` says why."""


_TELLING = (
    GroupState.DOES_NOT_FIT,
    GroupState.DOES_NOT_COMPILE,
    GroupState.TIMED_OUT,
    GroupState.LOST,
    GroupState.FAILED,
    GroupState.CANCELLED,
)
