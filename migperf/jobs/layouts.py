"""Cutting this node's GPUs under a lease: for a change of layout, and for a run that has a layout of its own."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.gpus.controller import Change, Controller
from migperf.gpus.driver import Driver
from migperf.gpus.drivers import layout_lock
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory, discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.jobs.keep_alive import KeepAlive, write_when_possible
from migperf.settings import Settings
from migperf.store import changes, leases, nodes
from migperf.store.changes import ChangeLeaseLostError
from migperf.store.database import Database, now
from migperf.store.models import LayoutChange
from migperf.store.states import ChangeState

_log = logging.getLogger(__name__)


class NoDriverError(MigperfError):
    """The node has no driver for GPUs (any more), so it cannot cut any."""

    def __init__(self) -> None:
        super().__init__("this node has no driver for GPUs; see what MIGPERF_GPUS says, and the worker's log")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGpus:
    """The GPUs of this worker's node: what they are, and changes of how they are cut."""

    settings: Settings
    database: Database
    driver: Driver | None
    incarnation: str
    stopping: threading.Event

    def inventory(self) -> Inventory:
        """Return what this node has now."""
        return discover(self.driver)

    def execute_change(self, token: int) -> None:
        """Make the change that the lease was granted for. Ends at once if it has begun, or the lease is lost."""
        change = self._claim(token)
        if change is None:
            return
        _log.info("layout change %s: cutting %s as %s", change.id, change.gpu, change.layout)
        try:
            with self._kept_alive(lambda session: self._renew_change(session, token)) as alive:
                made = self._controller(alive).apply(change.gpu, Layout.parse(change.layout), force=change.force)
        except MigperfError as error:
            _log.warning("layout change %s failed: %s", change.id, error)
            self._finish(token, ChangeState.FAILED, reason=str(error))
        else:
            self._finish(token, ChangeState.APPLIED, made=made)

    def cut_for_run(self, token: int, uuid: str, layout: Layout, where: Selector) -> Partition:
        """Cut a GPU for the run that holds it; return the partition that the run gets, the largest that it selects.

        Raises LeaseLostError, and MigperfError when the GPU cannot be cut so.
        """
        with self._kept_alive(lambda session: self._renew_run(session, token)) as alive:
            after = self._controller(alive).apply(uuid, layout).after
        chosen = self._choose(after, layout, where)
        inventory = self.inventory()
        with self.database.write() as session:
            nodes.store_inventory(session, self.settings.node_name, inventory, now(session))
            leases.occupy(session, token, chosen.uuid)
        return chosen

    def _choose(self, gpu: Gpu, layout: Layout, where: Selector) -> Partition:
        suitable = [p for p in partitions_of(gpu) if where.matches(p, self.settings.node_name)]
        if not suitable:
            raise MigperfError(f"{gpu.uuid} was cut as {layout}, but nothing of it is what the run selects")
        return max(suitable, key=lambda partition: partition.sm_count or 0)

    def _claim(self, token: int) -> LayoutChange | None:
        if self.stopping.is_set():
            return None
        try:
            with self.database.write() as session:
                held = changes.claim(session, token, self.incarnation, now(session), self.settings.lease_s)
                return None if held is None else held.change
        except ChangeLeaseLostError:
            return None

    def _controller(self, alive: KeepAlive) -> Controller:
        if self.driver is None:
            raise NoDriverError
        return Controller(
            driver=self.driver,
            lock=layout_lock(self.driver, self.settings),
            holders=self._holders,
            checkpoint=alive.check,
        )

    def _holders(self, gpu: Gpu) -> dict[str, str]:
        mine = {partition.uuid for partition in partitions_of(gpu)}
        with self.database.read() as session:
            return {uuid: run for uuid, run in nodes.leased_runs(session).items() if uuid in mine}

    def _kept_alive(self, renew: Callable[[Session], None]) -> KeepAlive:
        def renew_now() -> None:
            with self.database.write() as session:
                renew(session)

        return KeepAlive(renew_now, self.settings.lease_renew_s)

    def _renew_change(self, session: Session, token: int) -> None:
        changes.renew(session, token, now(session), self.settings.lease_s)

    def _renew_run(self, session: Session, token: int) -> None:
        leases.renew(session, token, now(session), self.settings.lease_s)

    def _finish(self, token: int, state: ChangeState, *, made: Change | None = None, reason: str | None = None) -> None:
        """Report how the GPU is cut now and end the change, in one transaction."""
        inventory = self.inventory()

        def write(session: Session) -> None:
            nodes.store_inventory(session, self.settings.node_name, inventory, now(session))
            change = changes.finish(session, token, state, now(session), reason=reason)
            if made is not None:
                change.before, change.after = str(made.plan.before), str(made.plan.after)

        try:
            write_when_possible(self.database, self.stopping, write)
        except ChangeLeaseLostError:
            _log.warning("lease %s was lost before its change of layout could be stored", token)
