"""Judging: new results become points, histories with new points are judged, and schedules hear what they measured.

It is done by the scheduler beside its passes, within a second of a result, and never when somebody looks at a page.
"""

import logging

from migperf.store import hearing, judging, points
from migperf.store.database import Database, now

_log = logging.getLogger(__name__)


class Judge:
    """Judges what is new. Several of them do no harm: each point is made once, and each history is locked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def step(self) -> None:
        """See to everything that is new."""
        with self._database.read() as session:
            is_waiting = points.is_waiting(session)
        if is_waiting:
            with self._database.write() as session:
                points.gather(session, now(session))
        with self._database.read() as session:
            pending = judging.pending(session)
        for history_id in pending:
            self._judge(history_id)
        with self._database.read() as session:
            is_unheard = hearing.is_waiting(session)
        if is_unheard:
            with self._database.write() as session:
                hearing.hear(session, now(session))

    def _judge(self, history_id: str) -> None:
        try:
            judging.judge_history(self._database, history_id)
        except ValueError:  # a history that cannot be judged must not keep others from it
            _log.exception("history %s cannot be judged; it is tried again with its next point", history_id)
            with self._database.write() as session:
                judging.put_off(session, history_id)
