"""Whether a run had its partition to itself: how its GPU is cut, and who computes there, before and after it.

A look before finds a partition that somebody else uses already, or that is gone; a look after finds what has changed.
Either makes the run void. While the run has no process of its own on the device, whoever is listed there is somebody
else, so no process has to be told from another: a container's worker sees other numbers than the driver. What the
driver does not tell is not checked, and the report says why.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from migperf.errors import MigperfError
from migperf.gpus.driver import Driver
from migperf.gpus.gpu import ComputeInstance, Gpu, GpuInstance
from migperf.gpus.inventory import find_gpu
from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.processes import GpuUser, users_of, users_of_partition

T = TypeVar("T")
ANSWER_S = 5.0
"""A driver that takes longer to tell all of it does not answer; a run is not to hang on it, nor its lease to end."""
SETTLE_S = 2.0
"""For so long a driver may go on listing processes that have ended, those of the run before included."""
POLL_S = 0.1
SHARED = "the device is shared with the other runs of its group"
LAYOUT, PROCESSES, NEIGHBOURS = ALL = "layout", "processes", "neighbours"
"""What can be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the driver told of a partition at one time; ``untold`` says of the rest why it did not, by what it is."""

    gpu: Gpu | None = None
    users: tuple[GpuUser, ...] = ()
    """Processes on the partition."""
    neighbours: frozenset[str] = frozenset()
    """UUIDs of the other partitions of its GPU that processes are on."""
    untold: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of both looks. ``void`` says what changed that the run should have had to itself."""

    void: str | None = None
    recut: str | None = None
    """How the rest of its GPU was cut anew meanwhile."""
    neighbours: frozenset[str] = frozenset()
    """UUIDs of other partitions of its GPU that somebody was on before or after the run."""
    not_checked: dict[str, str] = field(default_factory=dict)
    """Why it is not known, by what it is: ``layout``, ``processes``, ``neighbours``."""


class Isolation:
    """Looks at a partition before and after one run. What is no part of a GPU has nothing to look at."""

    def __init__(self, driver: Driver | None, partition: Partition) -> None:
        self._driver, self._partition, self._shared = driver, partition.whole, partition.share is not None
        self._before = Sight()

    def before(self) -> Report:
        """Look, before the run has any process. Takes at most ``ANSWER_S``."""
        self._before = self._look()
        return Report(
            void=_unfit(self._partition, self._before),
            neighbours=self._before.neighbours,
            not_checked=self._before.untold,
        )

    def after(self) -> Report:
        """Look again, when every process of the run has ended, and compare. Takes at most ``ANSWER_S``."""
        return compare(self._partition, self._before, self._look())

    def _look(self) -> Sight:
        driver, partition = self._driver, self._partition
        if partition.gpu_uuid is None:
            return Sight()
        if driver is None:
            return Sight(untold=dict.fromkeys(ALL, "there is no driver to ask"))
        try:
            return self._without_company(_within(ANSWER_S, lambda: look(driver, partition)))
        except TimeoutError:
            silence = f"the driver did not answer within {ANSWER_S:g} s"
            return Sight(untold=dict.fromkeys(ALL, silence))

    def _without_company(self, sight: Sight) -> Sight:
        """Whoever else computes on a shared device may be of the same group: processes there tell nothing."""
        return replace(sight, users=(), untold=sight.untold | {PROCESSES: SHARED}) if self._shared else sight


def look(driver: Driver, partition: Partition) -> Sight:
    """Return what the driver tells of a partition of a GPU now; processes are given ``SETTLE_S`` to vanish."""
    untold: dict[str, str] = {}
    gpu = _told(untold, LAYOUT, lambda: find_gpu(driver, partition.gpu_uuid or partition.uuid))
    if gpu is not None and _is_gone(partition, gpu):
        return Sight(gpu=gpu, untold=untold)
    users = _told(untold, PROCESSES, lambda: _settled(driver, partition.uuid))
    return Sight(gpu=gpu, users=users or (), neighbours=_neighbours(driver, partition, gpu, untold), untold=untold)


def _neighbours(driver: Driver, partition: Partition, gpu: Gpu | None, untold: dict[str, str]) -> frozenset[str]:
    if partition.kind is not PartitionKind.MIG:
        return frozenset()
    if gpu is None:
        untold[NEIGHBOURS] = untold[LAYOUT]
        return frozenset()
    users = _told(untold, NEIGHBOURS, lambda: users_of(driver, gpu))
    return frozenset(user.partition for user in users or ()) - {partition.uuid}


def compare(partition: Partition, before: Sight, after: Sight) -> Report:
    """Return what two looks at a partition come to, one before and one after its run."""
    void = _unfit(partition, after)
    recut = None
    if before.gpu is not None and after.gpu is not None:
        void = _changed(partition, before.gpu, after.gpu) or void
        recut = None if void else _recut(before.gpu, after.gpu)
    return Report(
        void=void,
        recut=recut,
        neighbours=before.neighbours | after.neighbours,
        not_checked=before.untold | after.untold,
    )


def _unfit(partition: Partition, sight: Sight) -> str | None:
    """Say why a run cannot have the partition to itself; None where nothing is known against it."""
    if sight.gpu is not None and _is_gone(partition, sight.gpu):
        return f"{partition.uuid} is not there; its GPU is cut {sight.gpu.layout}"
    if sight.users:
        return f"{'; '.join(map(str, sight.users))}, which the run must have to itself; end what is no part of a run"
    return None


def _changed(partition: Partition, before: Gpu, after: Gpu) -> str | None:
    """Say what has become of the run's own part of the GPU, if it is not as it was."""
    cut = f"it was cut {before.layout} before the run and {after.layout} after it"
    if _mig_is_on(before) != _mig_is_on(after):
        return f"the MIG mode of {before.uuid} was changed: {cut}"
    if partition.kind is PartitionKind.MIG and _place_of(partition, before) != _place_of(partition, after):
        return f"{partition.uuid} is not what it was, since its GPU was cut anew: {cut}"
    return None


def _recut(before: Gpu, after: Gpu) -> str | None:
    uuids = [{c.uuid for i in gpu.instances for c in i.compute_instances} for gpu in (before, after)]
    if uuids[0] == uuids[1] and before.layout == after.layout:
        return None
    return f"{before.layout} before the run, {after.layout} after it"


def _is_gone(partition: Partition, gpu: Gpu) -> bool:
    if partition.kind is PartitionKind.MIG:
        return _place_of(partition, gpu) is None
    return _mig_is_on(gpu)


def _place_of(partition: Partition, gpu: Gpu) -> tuple[GpuInstance, ComputeInstance] | None:
    """Return the compute instance of the partition, and its GPU instance without what else that is cut into."""
    for instance in gpu.instances:
        for compute in instance.compute_instances:
            if compute.uuid == partition.uuid:
                return instance.model_copy(update={"compute_instances": ()}), compute
    return None


def _mig_is_on(gpu: Gpu) -> bool:
    return gpu.mig is not None and gpu.mig.enabled


def _settled(driver: Driver, uuid: str) -> tuple[GpuUser, ...]:
    until = time.monotonic() + SETTLE_S
    while (users := users_of_partition(driver, uuid)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return users


def _told(untold: dict[str, str], what: str, ask: Callable[[], T]) -> T | None:
    """Return the answer; None, and the reason in ``untold``, where the driver does not say."""
    try:
        return ask()
    except MigperfError as error:
        untold[what] = str(error)
        return None


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """Return the answer, or raise what asking raises. Raises TimeoutError if it takes longer; it is then left alone."""
    answers: SimpleQueue[T | Exception] = SimpleQueue()

    def work() -> None:
        try:
            answers.put(ask())
        except Exception as error:  # noqa: BLE001 - raised again where it was asked
            answers.put(error)

    thread = Thread(target=work, name="isolation", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    answer = answers.get()
    if isinstance(answer, Exception):
        raise answer
    return answer
