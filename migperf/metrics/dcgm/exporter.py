"""Fetches a dcgm-exporter's page again and again while somebody wants to know, in a thread of its own.

So a slow exporter delays nobody who samples: what there is to say is what was fetched last.
"""

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.dcgm.page import Page, PageError, parse
from migperf.metrics.metric import NS_PER_S
from migperf.preemption import give_way

TIMEOUT_S = 5.0
MAX_BYTES = 16 << 20
"""A page of eight GPUs cut in seven, with every field that there is, has about a twentieth of this."""
_HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetch:
    """What came of one attempt: the page, or why there is none."""

    number: int
    outcome: Page | Absence


class Exporter:
    """One dcgm-exporter. Sources join and leave; there is no thread while nobody is there.

    ``period_s`` is to be the exporter's own interval (its option --collect-interval, 30 s unless it is set): a page
    does not tell when its values were measured. ``url`` may have a user and a password; ``Exporter.url``, which
    messages name, has not. Raises httpx.InvalidURL.
    """

    def __init__(self, url: str, period_s: float, timeout_s: float = TIMEOUT_S) -> None:
        given = httpx.URL(url)
        self.url = given.copy_with(userinfo=b"")
        self.period_ns = round(period_s * NS_PER_S)
        self._auth = (given.username, given.password) if given.userinfo else None
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._wanted: Counter[str] = Counter()
        self._number = 0
        self._latest: Fetch | None = None
        self._stop = threading.Event()

    def join(self, gpu_uuid: str) -> int:
        """Begin to want the rows of a GPU. Returns the number of the last attempt, which was not made for it."""
        with self._lock:
            if not self._wanted:
                self._latest, self._stop = None, threading.Event()
                threading.Thread(target=self._run, args=(self._stop,), name="dcgm-exporter", daemon=True).start()
            self._wanted[gpu_uuid] += 1
            return self._number

    def leave(self, gpu_uuid: str) -> None:
        """Undo one ``join``."""
        with self._lock:
            self._wanted = self._wanted - Counter([gpu_uuid])
            if not self._wanted:
                self._stop.set()

    def latest(self) -> Fetch | None:
        """Return what came of the last attempt; None before the first."""
        return self._latest

    def _run(self, stop: threading.Event) -> None:
        give_way()
        due_ns = time.monotonic_ns()
        with httpx.Client(
            auth=self._auth,
            timeout=self._timeout_s,
            headers=_HEADERS,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,  # the exporter is this node's: no proxy lies between
        ) as client:
            while not stop.is_set():
                self._publish(self._outcome(client), stop)
                now_ns = time.monotonic_ns()
                due_ns += self.period_ns * max(1, -(-(now_ns - due_ns) // self.period_ns))
                stop.wait((due_ns - now_ns) / NS_PER_S)

    def _publish(self, outcome: Page | Absence, stop: threading.Event) -> None:
        with self._lock:
            if stop.is_set():
                return
            before, self._number = self._latest, self._number + 1
            self._latest = Fetch(self._number, outcome)
        if isinstance(outcome, Absence) and (before is None or isinstance(before.outcome, Page)):
            _log.warning("%s", outcome.reason)

    def _outcome(self, client: httpx.Client) -> Page | Absence:
        try:
            return self._read(client)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one page, the next may be right
            cause = str(error) if isinstance(error, PageError) else f"{type(error).__name__}: {error}"
            return Absence(AbsenceState.FAILED, f"no page from {self.url}: {cause}")

    def _read(self, client: httpx.Client) -> Page:
        text = self._fetch(client)
        with self._lock:
            wanted = frozenset(self._wanted)
        return parse(text, wanted)

    def _fetch(self, client: httpx.Client) -> str:
        """Return the page's text. Its parts may each come in time and the whole still be too late or too much."""
        until_ns = time.monotonic_ns() + round(self._timeout_s * NS_PER_S)
        body = bytearray()
        with client.stream("GET", self.url) as response:
            if response.status_code != httpx.codes.OK:
                raise PageError(f"it answers {response.status_code} {response.reason_phrase}")
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise PageError(f"it is larger than {MAX_BYTES >> 20} MiB")
                if time.monotonic_ns() > until_ns:
                    raise PageError(f"it is not complete after {self._timeout_s:g} s")
        return body.decode()
