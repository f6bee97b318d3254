"""The postman: delivers what is in the outbox, in threads of its own, so that no pass waits for a receiver."""

import logging
import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from migperf.alerts.alert import Message
from migperf.alerts.back_off import pause_s
from migperf.alerts.channel import CHANNEL
from migperf.alerts.errors import DeliveryError, RefusedError
from migperf.alerts.guard import Allowed, Guard
from migperf.alerts.sending import Sender
from migperf.settings import Settings
from migperf.store import outbox
from migperf.store.database import Database, now

MOST_THREADS = 4
"""So many receivers can be silent before the others have to wait for them."""
LEASE_TIMEOUTS = 3
"""A claim outlasts so many times the longest try: what is left over is for the database."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Postman:
    """Delivers alerts. Several of them, in as many processes, do not deliver the same message twice."""

    database: Database
    settings: Settings
    sender: Sender
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, database: Database, settings: Settings) -> "Postman":
        """Return the postman that the settings describe. Raises ConfigurationError."""
        guard = Guard(Allowed.parse(settings.alert_allowed_hosts))
        return cls(database, settings, Sender(guard, settings.alert_timeout_s))

    def step(self) -> None:
        """See that somebody is at work on what is due; returns at once."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        idle = MOST_THREADS - len(self._threads)
        if not idle:
            return
        with self.database.read() as session:
            waiting = outbox.due(session, now(session), idle)
        for _ in range(waiting):
            # A daemon: what it has claimed comes back by itself if the process ends under it.
            thread = threading.Thread(target=self._deliver_all, daemon=True, name="postman")
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Begin no more deliveries, and wait for those under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(self.settings.alert_timeout_s)

    def deliver_one(self) -> bool:
        """Send the message that has been due for longest; False if none is due."""
        with self.database.write() as session:
            held = outbox.claim(session, now(session), LEASE_TIMEOUTS * self.settings.alert_timeout_s)
        if held is None:
            return False
        try:
            self._send(held)
        except DeliveryError as error:
            self._note_failure(held, error)
        else:
            with self.database.write() as session:
                outbox.deliver(session, held, now(session))
        return True

    def _deliver_all(self) -> None:
        try:
            while not self._stopping.is_set() and self.deliver_one():
                pass
        except SQLAlchemyError as error:
            _log.warning("alerts cannot be delivered at present: %s", error)

    def _send(self, held: outbox.Claim) -> None:
        if held.attempt > self.settings.alert_attempts:
            raise RefusedError("the last try broke off without saying why")
        try:
            channel = CHANNEL.validate_python(held.document)
        except ValidationError as error:
            what = f"channel {held.channel_id} is not of this version; set it anew ({error.error_count()} problems)"
            raise RefusedError(what) from None
        message = Message(id=held.message_id, alerts=held.alerts, base_url=self.settings.api_url)
        self.sender.send(channel, message)

    def _note_failure(self, held: outbox.Claim, error: DeliveryError) -> None:
        """Have it tried again later, or no more."""
        told = str(error)
        with self.database.write() as session:
            time = now(session)
            if error.final or held.attempt >= self.settings.alert_attempts:
                outbox.give_up(session, held, time, told)
                _log.error("alert %s is given up after %d tries: %s", held.message_id, held.attempt, told)
                return
            pause = pause_s(held.attempt, self.settings.alert_retry_s, random.SystemRandom())
            outbox.try_again(session, held, time + timedelta(seconds=pause), told)
        _log.warning("alert %s, try %d: %s; again in %.0f s", held.message_id, held.attempt, told, pause)
