"""The heartbeat of a node: says at regular intervals, and when a layout changes, that it is alive and what it has."""

import logging
import os
import signal
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from migperf.gpus.driver import Driver
from migperf.gpus.inventory import Inventory
from migperf.gpus.nvml_errors import NvmlError
from migperf.jobs.layouts import NodeGpus
from migperf.settings import Settings
from migperf.store import nodes
from migperf.store.database import Database, now
from migperf.store.nodes import Environments

WATCH_S = 1.0
"""How long one wait for a change of layout lasts; then it is seen whether the worker is to stop."""
_log = logging.getLogger(__name__)


class Heart:
    """Beats from threads of its own until ``stopping`` is set. Ends the process when another takes its node's name."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        gpus: NodeGpus,
        incarnation: str,
        stopping: threading.Event,
        environments: Callable[[], Environments],
    ) -> None:
        self._settings = settings
        self._database = database
        self._gpus = gpus
        self._incarnation = incarnation
        self._stopping = stopping
        self._environments = environments
        self._news = threading.Event()
        self._latest: Inventory | None = None

    @property
    def inventory(self) -> Inventory:
        """What the node had at the last beat; asked of the driver only before the first one."""
        if self._latest is None:
            self._latest = self._gpus.inventory()
        return self._latest

    def start(self) -> None:
        """Begin to beat."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        if self._gpus.driver is not None:
            watch = threading.Thread(target=self._watch, args=(self._gpus.driver,), name="layout-watch", daemon=True)
            watch.start()

    def _beat(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(self._settings.node_heartbeat_s)
            self._news.clear()
            if not self._stopping.is_set() and not self._report():
                _log.error("another worker has taken the name %s; stopping", self._settings.node_name)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _report(self) -> bool:
        """Write one beat; False if another worker has taken this one's place."""
        inventory = self._latest = self._gpus.inventory()
        try:
            with self._database.write() as session:
                name = self._settings.node_name
                time, offered = now(session), self._environments()
                return nodes.heartbeat(session, name, self._incarnation, inventory, time, offered)
        except SQLAlchemyError as error:
            _log.warning("heartbeat not written: %s", error)
            return True

    def _watch(self, driver: Driver) -> None:
        """Have a beat at once when anybody, this worker or another program, changes how a GPU is cut."""
        while not self._stopping.is_set():
            try:
                self._watch_until_stopped(driver)
            except NvmlError as error:
                _log.warning("changes of layout are noticed at the next heartbeat only: %s", error)
                self._stopping.wait(self._settings.node_heartbeat_s)

    def _watch_until_stopped(self, driver: Driver) -> None:
        with driver.mig_changes() as changes:
            while not self._stopping.is_set():
                if changes.wait(WATCH_S):
                    self._news.set()
