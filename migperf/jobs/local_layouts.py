"""Changing how this host's GPUs are cut without asking a service, and still respecting the runs of one.

Where a service's database is at hand and knows the GPU, a change holds the GPU by a lease like any other change, so
nothing is put on it meanwhile and nothing that a run holds is destroyed. Where it is not, the controller's own checks
are all there is.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, MigperfError
from migperf.gpus.controller import LOCK_TIMEOUT_S, Change, Controller, GpuBusyError, LayoutLockedError
from migperf.gpus.driver import Driver
from migperf.gpus.drivers import layout_lock
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import find_gpu, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.control import Control
from migperf.jobs.layouts import LeasedGpus
from migperf.settings import Settings
from migperf.store import changes, gpus, leases, nodes, schema
from migperf.store.changes import Origin
from migperf.store.database import PLACEMENT, Database, lock_for_pass, now
from migperf.store.models import GpuRow
from migperf.store.nodes import Occupied


class ResetRefusedError(ConflictError):
    """Only simulated GPUs are reset here: a real reset ends every program on the GPU."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"migperf resets simulated GPUs only; end every program that uses this one, then run "
            f"`nvidia-smi --gpu-reset -i {uuid}` as root"
        )


@dataclass(frozen=True, slots=True)
class ModeChange:
    """What came of changing a MIG mode, or of a reset."""

    before: Gpu
    after: Gpu

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intent:
    """What is about to be done to a GPU."""

    uuid: str
    layout: Layout
    """How it will be cut then."""
    doomed: Collection[str]
    """UUIDs of the partitions that are destroyed on the way."""
    force: bool = False


class LocalLayouts:
    """Cuts GPUs of this host for whoever calls, under a lease of the service that knows them."""

    def __init__(self, settings: Settings, driver: Driver) -> None:
        self._settings = settings
        self._driver = driver

    def apply(self, uuid: str, layout: Layout, *, force: bool = False, dry_run: bool = False) -> Change:
        """Cut the GPU as wanted, as ``Controller.apply`` does; with ``dry_run`` only tell how, ``after`` is as before.

        Raises what ``Controller.apply`` raises; GpuBusyError also when a run holds what would be destroyed, whatever
        ``force`` says; SchemaError and MigperfError when there is a database but it cannot be used.
        """
        with self._service_of(uuid) as service:
            controller = self._controller(service)
            before = find_gpu(self._driver, uuid)
            plan = controller.plan(uuid, layout)
            if dry_run or not plan.steps:
                return Change(plan, before, before)
            if service is None:
                return controller.apply(uuid, layout, force=force)
            token = _begin(service, _Intent(uuid=uuid, layout=layout, doomed=plan.doomed, force=force))
            return service.make_change(token, lambda leased: leased.apply(uuid, layout, force=force))

    def set_mode(self, uuid: str, *, enabled: bool, force: bool = False) -> ModeChange:
        """Turn MIG on or off, as ``Controller.set_mode`` does. Errors as for ``apply``."""

        def turn(controller: Controller) -> ModeChange:
            return ModeChange(before, controller.set_mode(uuid, enabled=enabled, force=force))

        with self._service_of(uuid) as service:
            before = find_gpu(self._driver, uuid)
            mig = before.mig
            if service is None or mig is None or mig.enabled == mig.pending == enabled:
                return turn(self._controller(service))
            mode = enabled if mig.resetless else mig.enabled
            token = _begin(service, _Intent(uuid=uuid, layout=Layout(mig=mode), doomed=_all_of(before), force=force))
            return service.make_change(token, turn)

    def reset(self, uuid: str) -> ModeChange:
        """Reset a simulated GPU: its instances go, and the mode that waited for it is there.

        Raises ResetRefusedError for a real GPU, NvmlInUseError while processes use it; others as for ``apply``.
        """
        driver = self._driver
        if not isinstance(driver, Control):
            raise ResetRefusedError(uuid)

        def reset(controller: Controller) -> ModeChange:
            with _locked(controller):
                before = find_gpu(self._driver, uuid)
                driver.reset(self._driver.device_by_uuid(uuid))
                return ModeChange(before, find_gpu(self._driver, uuid))

        with self._service_of(uuid) as service:
            if service is None:
                return reset(self._controller(service))
            present = find_gpu(self._driver, uuid)
            after = Layout(mig=present.mig is not None and present.mig.pending)
            token = _begin(service, _Intent(uuid=uuid, layout=after, doomed=_all_of(present)))
            return service.make_change(token, reset)

    def _controller(self, service: LeasedGpus | None) -> Controller:
        if service is not None:
            return service.controller()
        return Controller(driver=self._driver, lock=layout_lock(self._driver, self._settings))

    @contextmanager
    def _service_of(self, uuid: str) -> Iterator[LeasedGpus | None]:
        """The node of the service that knows this GPU; None where there is no service, or it does not."""
        with _database_at_hand(self._settings) as database:
            node = None if database is None else _node_of(database, uuid)
            if database is None or node is None:
                yield None
            else:
                yield self._leased(database, node)

    def _leased(self, database: Database, node: str) -> LeasedGpus:
        hurry = threading.Event()
        hurry.set()
        return LeasedGpus(settings=self._settings, database=database, driver=self._driver, node=node, stopping=hurry)


@contextmanager
def _database_at_hand(settings: Settings) -> Iterator[Database | None]:
    """The database that the settings name; None where none was ever set up.

    Raises SchemaError where its schema is another version's, MigperfError where it cannot be reached: what runs hold
    would not be known.
    """
    if _is_missing_file(settings.sqlalchemy_url):
        yield None
        return
    database = Database(settings.sqlalchemy_url)
    try:
        yield database if _is_set_up(database) else None
    except OperationalError as error:
        why = " ".join(str(error.orig).split())
        raise MigperfError(
            f"the service's database {database.engine.url!r}, which says what its runs hold, cannot be used: "
            f"{why}; start it, or check MIGPERF_DATABASE_URL or --database-url"
        ) from error
    finally:
        database.close()


def _is_missing_file(database_url: str) -> bool:
    try:
        url = make_url(database_url)
    except ArgumentError:
        return False
    return url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).expanduser().exists())


def _is_set_up(database: Database) -> bool:
    if schema.current(database) is None:
        return False
    schema.require_head(database)
    return True


def _node_of(database: Database, uuid: str) -> str | None:
    """Return the node that the service knows the GPU by; None where it does not, or no longer."""
    with database.read() as session:
        row = session.get(GpuRow, uuid)
        return row.node if row is not None and row.retired_at is None else None


def _begin(service: LeasedGpus, intent: _Intent) -> int:
    """Take the GPU for a change that begins at once; return the token of its lease. Raises GpuBusyError.

    What is overdue is released first, for where no scheduler runs any more nobody else does that. No placement pass
    comes in between: it would put a run where this change was granted first, and fail.
    """
    lease_s = service.settings.lease_s
    with service.database.write() as session:
        lock_for_pass(session, PLACEMENT)
        time = now(session)
        leases.expire(session, time)
        change = changes.request(session, intent.uuid, intent.layout, time, origin=Origin.COMMAND, force=intent.force)
        gpus.lock(session, intent.uuid)
        _require_unheld(session, intent)
        lease = changes.grant(session, change, service.node, time, lease_s)
        changes.claim(session, lease.id, str(uuid7()), time, lease_s)
        return lease.id


def _require_unheld(session: Session, intent: _Intent) -> None:
    """Refuse when runs hold what will be destroyed, or the whole GPU, or its layout is being changed already."""
    held = [occupied for occupied in nodes.occupied(session) if occupied.gpu == intent.uuid]
    if any(occupied.run is None for occupied in held):
        raise GpuBusyError(f"the layout of {intent.uuid} is being changed already; try again when that is done")
    in_the_way = [f"run {o.run} holds {o.partition or o.gpu}" for o in held if _is_in_the_way(o, intent)]
    if in_the_way:
        raise GpuBusyError(
            f"{'; '.join(in_the_way)}; wait for it, or cancel it (`migperf runs cancel`). Runs of a service are only "
            f"interrupted by the service: PUT /v1/gpus/{intent.uuid}/layout with force"
        )


def _is_in_the_way(occupied: Occupied, intent: _Intent) -> bool:
    return occupied.closes_gpu or occupied.partition in intent.doomed


def _all_of(gpu: Gpu) -> frozenset[str]:
    return frozenset(partition.uuid for partition in partitions_of(gpu))


@contextmanager
def _locked(controller: Controller) -> Iterator[None]:
    try:
        with controller.lock.acquire(timeout=LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        raise LayoutLockedError("another program is changing the layout; try again when it is done") from error
