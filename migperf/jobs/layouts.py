"""Cutting this node's GPUs under a lease: for a change of layout, and for a run that has a layout of its own."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.gpus.controller import Controller
from migperf.gpus.driver import Driver
from migperf.gpus.drivers import layout_lock
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory, discover, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.placement import Placement
from migperf.gpus.selector import Selector
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
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


class Made(Protocol):
    """What came of changing a GPU: how it was cut, and how it is now."""

    @property
    def before(self) -> Gpu:
        """The GPU before."""
        ...

    @property
    def after(self) -> Gpu:
        """The GPU after it."""
        ...


MadeT = TypeVar("MadeT", bound=Made)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedGpus:
    """The GPUs of a node, for a process of its host that cuts them under leases: a worker, or a command."""

    settings: Settings
    database: Database
    driver: Driver | None
    node: str
    stopping: threading.Event
    """Once set, a database that is away is not waited for."""

    def inventory(self) -> Inventory:
        """Return what this node has now."""
        return discover(self.driver, offer_cpu=self.settings.offer_cpu)

    def controller(self, checkpoint: Callable[[], None] = lambda: None) -> Controller:
        """Return a controller that knows which runs hold what. Raises NoDriverError."""
        if self.driver is None:
            raise NoDriverError
        return Controller(
            driver=self.driver,
            lock=layout_lock(self.driver, self.settings),
            holders=self._holders,
            checkpoint=checkpoint,
        )

    @contextmanager
    def leased_controller(self, renew: Callable[[Session], None]) -> Iterator[Controller]:
        """A controller for as long as a lease is held; it abandons what it does once ``renew`` says it is lost."""

        def renew_now() -> None:
            with self.database.write() as session:
                renew(session)

        with KeepAlive(renew_now, self.settings.lease_renew_s) as alive:
            yield self.controller(alive.check)

    def make_change(self, token: int, cut: Callable[[Controller], MadeT]) -> MadeT:
        """Cut under the lease of a change that was claimed, and end the change, whatever comes of it.

        Raises what ``cut`` raises.
        """
        try:
            with self.leased_controller(lambda session: self._renew(session, token)) as controller:
                made = cut(controller)
        except (MigperfError, KeyboardInterrupt) as error:
            self._finish(token, ChangeState.FAILED, reason=str(error) or "interrupted by the user")
            raise
        self._finish(token, ChangeState.APPLIED, made=made)
        return made

    def _holders(self, gpu: Gpu) -> dict[str, str]:
        mine = {partition.uuid for partition in partitions_of(gpu)}
        with self.database.read() as session:
            return {uuid: run for uuid, run in nodes.leased_runs(session).items() if uuid in mine}

    def _renew(self, session: Session, token: int) -> None:
        changes.renew(session, token, now(session), self.settings.lease_s)

    def _finish(self, token: int, state: ChangeState, *, made: Made | None = None, reason: str | None = None) -> None:
        """Report how the GPU is cut now and end the change, in one transaction."""
        inventory = self.inventory()

        def write(session: Session) -> None:
            nodes.store_inventory(session, self.node, inventory, now(session))
            change = changes.finish(session, token, state, now(session), reason=reason)
            if made is not None:
                change.before, change.after = str(made.before.layout), str(made.after.layout)

        try:
            write_when_possible(self.database, self.stopping, write)
        except ChangeLeaseLostError:
            _log.warning("lease %s was lost before its change of layout could be stored", token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A run's place in a group that was placed in one step."""

    gang: str
    sharing: Sharing | None
    """None where each run gets a partition of its own."""
    shares: int
    member: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGpus:
    """The GPUs of this worker's node: what they are, and changes of how they are cut."""

    settings: Settings
    database: Database
    driver: Driver | None
    incarnation: str
    stopping: threading.Event
    _choosing: threading.Lock = field(default_factory=threading.Lock)

    def inventory(self) -> Inventory:
        """Return what this node has now."""
        return discover(self.driver, offer_cpu=self.settings.offer_cpu)

    def execute_change(self, token: int) -> None:
        """Make the change that the lease was granted for. Ends at once if it has begun, or the lease is lost."""
        change = self._claim(token)
        if change is None:
            return
        _log.info("layout change %s: cutting %s as %s", change.id, change.gpu, change.layout)
        layout = Layout.parse(change.layout)
        try:
            self._leased.make_change(token, lambda controller: controller.apply(change.gpu, layout, force=change.force))
        except MigperfError as error:
            _log.warning("layout change %s failed: %s", change.id, error)

    def cut_for_run(
        self, token: int, uuid: str, layout: Layout, where: Selector, shared: "Shared | None" = None
    ) -> Partition:
        """Cut a GPU for the run that holds it; return the partition that the run gets, the largest that it selects.

        The runs of a group find it cut by the first of them; each gets a partition that no other of them has, or its
        share of the one that they share. Raises LeaseLostError, and MigperfError when the GPU cannot be cut so.
        """
        try:
            with self._leased.leased_controller(lambda session: self._renew_run(session, token)) as controller:
                after = controller.apply(uuid, layout).after
            with self._choosing:  # runs of one group choose among the same partitions
                chosen = self._choose(after, layout, where, shared)
                self._report(lambda session: self._occupy(session, token, chosen))
        except MigperfError:
            self._report(lambda _session: None)  # before its lease ends: what is left is what the next run gets
            raise
        return chosen

    def _occupy(self, session: Session, token: int, chosen: Partition) -> None:
        if chosen.share is not None:
            nodes.store_share(session, self.settings.node_name, chosen, now(session))
        leases.occupy(session, token, chosen.uuid)

    def _report(self, also: Callable[[Session], object]) -> None:
        """Store how the GPUs are cut now, and do something else in the same transaction."""
        inventory = self.inventory()

        def write(session: Session) -> None:
            nodes.store_inventory(session, self.settings.node_name, inventory, now(session))
            also(session)

        write_when_possible(self.database, self.stopping, write)

    @property
    def _leased(self) -> LeasedGpus:
        return LeasedGpus(
            settings=self.settings,
            database=self.database,
            driver=self.driver,
            node=self.settings.node_name,
            stopping=self.stopping,
        )

    def _choose(self, gpu: Gpu, layout: Layout, where: Selector, shared: "Shared | None") -> Partition:
        suitable = [p for p in partitions_of(gpu) if where.matches(p, self.settings.node_name)]
        if not suitable:
            raise MigperfError(f"{gpu.uuid} was cut as {layout}, but nothing of it is what the run selects")
        largest_first = sorted(suitable, key=lambda p: (-(p.sm_count or 0), p.placement or Placement(0, 0)))
        if shared is None:
            return largest_first[0]
        if shared.sharing is not None:
            return divide(largest_first[0], shared.sharing, shared.shares)[shared.member]
        return self._next_free(largest_first, shared)

    def _next_free(self, suitable: list[Partition], shared: "Shared") -> Partition:
        """Return the first partition that no other run of the group has taken."""
        with self.database.read() as session:
            taken = leases.partitions_of_gang(session, shared.gang)
        free = [partition for partition in suitable if partition.uuid not in taken]
        if not free:
            raise MigperfError("its layout has fewer partitions than its group has runs that select them")
        return free[0]

    def _claim(self, token: int) -> LayoutChange | None:
        if self.stopping.is_set():
            return None
        try:
            with self.database.write() as session:
                held = changes.claim(session, token, self.incarnation, now(session), self.settings.lease_s)
                return None if held is None else held.change
        except ChangeLeaseLostError:
            return None

    def _renew_run(self, session: Session, token: int) -> None:
        leases.renew(session, token, now(session), self.settings.lease_s)
