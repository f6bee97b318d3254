"""The queue as placement sees it: single runs, and groups whose runs are placed in one step."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.gpus.layout import Layout
from migperf.gpus.selector import Selector
from migperf.gpus.sharing import Sharing
from migperf.jobs.placement import Together, Waiting
from migperf.store.queue import Queued, QueuedGroup, queued, queued_groups


@dataclass(frozen=True, slots=True)
class Seen:
    """A run that was read, and what tells the leases of its group from all others if they are granted now."""

    queued: Queued
    gang: str | None = None


class QueueReader:
    """Reads the queue of one pass, in parts, and remembers what it has read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.seen: dict[str, Seen] = {}

    def waiting(self) -> Generator[Waiting | Together, None, None]:
        """Yield what placement must know of each run, a group that is placed in one step where its first run stands."""
        with closing(queued(self._session)) as batches:
            for batch in batches:
                groups = queued_groups(self._session, {run.group_id for run in batch if run.group_id is not None})
                for run in batch:
                    if run.group_id is None or run.group_id not in groups:
                        self.seen[run.run_id] = Seen(run)
                        yield _waiting(run)
                    elif run.run_id not in self.seen and (group := groups[run.group_id]) is not None:
                        yield self._together(group)

    def _together(self, group: QueuedGroup) -> Together:
        gang = str(uuid7())
        self.seen |= {run.run_id: Seen(run, gang) for run in group.runs}
        return _together(group)


def asking_of(session: Session, run: Queued) -> Waiting | Together | None:
    """Return one queued run as a pass would read it, or the group that it is placed with.

    None where it is of a group not all of whose runs wait.
    """
    groups = {} if run.group_id is None else queued_groups(session, {run.group_id})
    if run.group_id is None or run.group_id not in groups:
        return _waiting(run)
    group = groups[run.group_id]
    return None if group is None else _together(group)


def _together(group: QueuedGroup) -> Together:
    sharing = None if group.sharing is None else Sharing.model_validate(group.sharing)
    return Together(tuple(_waiting(run) for run in group.runs), sharing, group.shares)


def _waiting(run: Queued) -> Waiting:
    layout = None if run.layout is None else Layout.parse(run.layout)
    environments = frozenset(() if run.environment is None else (run.environment,))
    return Waiting(run.run_id, Selector.model_validate(run.where), layout, environments)
