"""Work beside the scheduler's passes: what may take long must not keep schedules from firing, and runs from placement.

Judging a history of 10,000 points anew takes tens of seconds of arithmetic.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger(__name__)
LEAVE_S = 5.0
"""So long a step under way may go on once the scheduler ends; then it is left behind, and done again the next time."""


class Beside:
    """Steps taken at an interval in a thread of their own, from entering to leaving.

    A database that is away is waited for. Anything else that a step raises sets ``stop``, so that the scheduler ends,
    and is raised again on leaving: nothing goes on without what it should do.
    """

    def __init__(self, steps: Sequence[Callable[[], object]], interval_s: float, stop: threading.Event) -> None:
        self._steps, self._interval_s, self._stop = tuple(steps), interval_s, stop
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside the passes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(LEAVE_S)
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._take_steps()
                self._stop.wait(self._interval_s)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that leaves
            self._failure = error
            self._stop.set()

    def _take_steps(self) -> None:
        for step in self._steps:
            if self._stop.is_set():
                return
            try:
                step()
            except SQLAlchemyError as error:
                _log.warning("judging waits for the database, next try in %g s: %s", self._interval_s, error)
                return
