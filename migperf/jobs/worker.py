"""The node's worker: registers the node, keeps it alive, and lets Celery run one supervisor a leased run."""

import logging
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning
from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError
from uuid_utils.compat import uuid7

import migperf
from migperf.errors import ConflictError
from migperf.experiments.group import MAX_MEMBERS
from migperf.gpus.drivers import open_driver
from migperf.jobs.celery_app import queue_of, worker_app
from migperf.jobs.dispatch import Dispatcher
from migperf.jobs.execute import Executor
from migperf.jobs.heartbeat import Heart
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.node_metrics import NodeMetrics
from migperf.jobs.sharing import DeviceSharing
from migperf.measure.launchers import Launchers
from migperf.metrics.instruments import node_instruments
from migperf.preemption import give_way
from migperf.settings import Settings
from migperf.store import leases, nodes, schema
from migperf.store.database import Database, now

SPARE_THREADS = 2
"""Beyond one a partition, and one a run of a group that shares the CPU: a supervisor that stores its result must not
keep the next run waiting."""
_log = logging.getLogger(__name__)


def run_worker(settings: Settings) -> int:
    """Work until asked to stop (SIGTERM, SIGINT); runs under way are handed back. Return the exit status."""
    # Celery warns of root because of pickle; ours accepts JSON alone, and containers run as root.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    give_way()
    stopping = threading.Event()
    database = Database(settings.sqlalchemy_url)
    schema.require_head(database)
    with _only_worker(settings), Launchers(settings.environments) as launchers:
        launchers.wait_until_warm()
        node = WorkerNode(settings, database, launchers, stopping)
        try:
            node.start()
            return _consume(settings, node, stopping)
        finally:
            node.stop()
            database.close()


class WorkerNode:
    """What this process is to the others: a node with its partitions, alive as long as it says so."""

    def __init__(self, settings: Settings, database: Database, launchers: Launchers, stopping: threading.Event) -> None:
        self._launchers = launchers
        self._settings = settings
        self._database = database
        self._incarnation = str(uuid7())
        driver = open_driver(settings)
        self._gpus = NodeGpus(
            settings=settings,
            database=database,
            driver=driver,
            incarnation=self._incarnation,
            stopping=stopping,
        )
        self._dispatcher = Dispatcher(database, settings)
        instruments = node_instruments(settings, driver)
        self._executor = Executor(
            settings=settings,
            database=database,
            launchers=launchers,
            instruments=instruments,
            gpus=self._gpus,
            incarnation=self._incarnation,
            stopping=stopping,
            sharing=DeviceSharing.of(settings),
        )
        self._stopping = stopping
        self._heart = Heart(settings, database, self._gpus, self._incarnation, stopping, launchers.offers)
        self._metrics = NodeMetrics(settings, driver, lambda: self._heart.inventory, instruments)

    @property
    def concurrency(self) -> int:
        """How many supervisors may run at once."""
        partitions = sum(gpu.most_partitions for gpu in self._gpus.inventory().gpus)
        return MAX_MEMBERS + partitions + SPARE_THREADS

    def start(self) -> None:
        """Register, take back what an earlier worker of this name left behind, and begin to beat."""
        registration = nodes.Registration(
            name=self._settings.node_name,
            incarnation=self._incarnation,
            host=socket.gethostname(),
            version=migperf.__version__,
            inventory=self._gpus.inventory(),
            environments=self._launchers.offers(),
        )
        with self._database.write() as session:
            nodes.register(session, registration, now(session), self._settings.node_stale_s)
            lost = leases.reclaim(session, self._settings.node_name, self._incarnation, now(session))
        for one in lost:
            _log.warning("%s is %s: %s", one.holder, one.state, one.reason)
        self._heart.start()
        self._metrics.start()
        self._dispatcher.run_pass()

    def supervise(self, token: int) -> None:
        """Execute what the lease was granted for, then see whether something else waits for what it frees."""
        with self._database.read() as session:
            is_change = leases.is_for_change(session, token)
        if is_change:
            self._gpus.execute_change(token)
        run_id = None if is_change else self._executor.execute(token)
        if not self._stopping.is_set():
            self._dispatcher.run_pass()
        if run_id is not None:
            self._executor.tidy(run_id)

    def stop(self) -> None:
        """Sign off, so that no run is placed here any more."""
        self._stopping.set()
        try:
            with self._database.write() as session:
                nodes.sign_off(session, self._settings.node_name, self._incarnation, now(session))
                leases.withdraw(session, self._settings.node_name, now(session))
        except SQLAlchemyError as error:
            _log.warning("could not sign off (%s); the node counts as alive for some seconds more", error)
        self._metrics.close()
        self._dispatcher.close()


def _consume(settings: Settings, node: WorkerNode, stopping: threading.Event) -> int:
    """Run Celery's worker until it is asked to stop."""

    def begin_to_stop(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
        stopping.set()

    signals.worker_shutting_down.connect(begin_to_stop, weak=False)
    try:
        worker = _celery_worker(worker_app(settings, node.supervise), settings, node.concurrency)
        _log.info("node %s is ready", settings.node_name)
        worker.start()
    finally:
        signals.worker_shutting_down.disconnect(begin_to_stop)
    return 0 if stopping.is_set() else int(worker.exitcode or 0)


def _celery_worker(app: Celery, settings: Settings, concurrency: int) -> Any:  # noqa: ANN401 - Celery has no types
    return app.Worker(
        hostname=f"migperf@{settings.node_name}",
        queues=[queue_of(settings.node_name)],
        pool="threads",
        concurrency=concurrency,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )


@contextmanager
def _only_worker(settings: Settings) -> Iterator[None]:
    """Hold the lock that at most one worker of this name on this host can hold."""
    lock = FileLock(Path(settings.data_dir) / f"worker-{settings.node_name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConflictError(f"a worker of node {settings.node_name!r} is running already on this host") from error
    with lock:
        yield
