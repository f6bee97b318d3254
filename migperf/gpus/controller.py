"""Cuts a GPU as wanted, or leaves it as it was: plans, checks, carries out, verifies, and rolls back.

The only module that changes how a GPU is cut. NVML has no lock, so every change holds one that all programs of this
host respect that go through migperf; the state is read again under it, so nothing is done on stale knowledge.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from filelock import BaseFileLock, Timeout

from migperf.errors import ConflictError, MigperfError
from migperf.gpus.driver import Driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import find_gpu
from migperf.gpus.layout import Layout
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.perform import perform
from migperf.gpus.plan import LayoutImpossibleError, Plan
from migperf.gpus.planning import make_plan
from migperf.gpus.processes import users_of

LOCK_TIMEOUT_S = 30.0
ROLL_BACK_ATTEMPTS = 3
_log = logging.getLogger(__name__)


class GpuBusyError(ConflictError):
    """Somebody uses what the change would destroy; the message says who."""


class LayoutLockedError(ConflictError):
    """Another program is changing how this host's GPUs are cut."""


class ChangeFailedError(MigperfError):
    """A change did not succeed, and the GPU is cut as it was before."""


class LayoutBrokenError(MigperfError):
    """A change did not succeed and could not be undone: the GPU is neither as it was nor as wanted.

    ``actual`` is how it is now, None where that cannot be read.
    """

    def __init__(self, message: str, actual: Gpu | None) -> None:
        super().__init__(message)
        self.actual = actual


@dataclass(frozen=True, slots=True)
class Change:
    """What came of applying a layout."""

    plan: Plan
    before: Gpu
    after: Gpu

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return bool(self.plan.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Changes how GPUs of this host are cut.

    ``holders`` says which run holds each partition, by its UUID. ``checkpoint`` is called before every step and may
    raise to abandon the change, for example when the right to make it was lost; what was done is then undone.
    """

    driver: Driver
    lock: BaseFileLock
    holders: Callable[[Gpu], Mapping[str, str]] = field(default=lambda _gpu: {})
    checkpoint: Callable[[], None] = field(default=lambda: None)

    def plan(self, uuid: str, wanted: Layout) -> Plan:
        """Return what applying the layout would do now. Raises LayoutImpossibleError, NvmlError."""
        gpu = find_gpu(self.driver, uuid)
        return make_plan(gpu, wanted, self._busy(gpu))

    def apply(self, uuid: str, wanted: Layout, *, force: bool = False) -> Change:
        """Cut the GPU as wanted; does nothing where it is so already.

        Only what the plan destroys must be idle. ``force`` goes on although processes seem to use it: the driver still
        refuses to destroy what one really does. A run's lease is never broken. Raises before anything was touched:
        LayoutImpossibleError, GpuBusyError, LayoutLockedError, NvmlError. Raises ChangeFailedError when something was
        and has been put back, LayoutBrokenError when it could not be.
        """
        try:
            with self.lock.acquire(timeout=LOCK_TIMEOUT_S):
                return self._apply(uuid, wanted, force=force)
        except Timeout as error:
            raise _locked() from error

    def _apply(self, uuid: str, wanted: Layout, *, force: bool) -> Change:
        before = find_gpu(self.driver, uuid)
        plan = make_plan(before, wanted, self._busy(before))
        self._require_unused(before, plan.doomed.__contains__, force=force)
        try:
            for step in plan.steps:
                self.checkpoint()
                _log.info("%s: %s", uuid, step)
                perform(self.driver, uuid, step)
            after = find_gpu(self.driver, uuid)
            if after.layout != plan.after:
                raise ChangeFailedError(f"the driver cut {after.layout} where {plan.after} was wanted")
        except BaseException as error:
            self._roll_back(before, f"{uuid} could not be cut {plan.after}", error)
            raise
        return Change(plan, before, after)

    def set_mode(self, uuid: str, *, enabled: bool, force: bool = False) -> Gpu:
        """Turn MIG on or off; return the GPU as it is then.

        Where that needs a reset (Ampere), ``mig.pending`` of the answer differs from ``mig.enabled`` until there was
        one. Turning off destroys every instance first. Errors as for ``apply``.
        """
        try:
            with self.lock.acquire(timeout=LOCK_TIMEOUT_S):
                return self._set_mode(uuid, enabled=enabled, force=force)
        except Timeout as error:
            raise _locked() from error

    def _set_mode(self, uuid: str, *, enabled: bool, force: bool) -> Gpu:
        before = find_gpu(self.driver, uuid)
        if before.mig is None:
            raise LayoutImpossibleError(f"{before.model} ({uuid}) has no MIG; run on it whole")
        if before.mig.enabled == before.mig.pending == enabled:
            return before
        self._require_unused(before, lambda _uuid: True, force=force)
        clear = make_plan(before, Layout()) if before.mig.enabled else Plan.nothing(before)
        try:
            for step in clear.steps:
                self.checkpoint()
                perform(self.driver, uuid, step)
            status = self.driver.set_mig_mode(self.driver.device_by_uuid(uuid), enabled=enabled)
            after = find_gpu(self.driver, uuid)
            if after.mig is None or after.mig.pending != enabled:
                raise status or ChangeFailedError(f"{uuid}: the driver did not take the mode")
        except BaseException as error:
            self._roll_back(before, f"the MIG mode of {uuid} could not be changed", error)
            raise
        return after

    def _busy(self, gpu: Gpu) -> frozenset[str]:
        return frozenset(self.holders(gpu)) | {user.partition for user in users_of(self.driver, gpu)}

    def _require_unused(self, gpu: Gpu, concerned: Callable[[str], bool], *, force: bool) -> None:
        """Refuse when a run holds, or without force a process uses, a partition that the change concerns."""
        if held := [f"run {run} holds {uuid}" for uuid, run in self.holders(gpu).items() if concerned(uuid)]:
            raise GpuBusyError(f"{'; '.join(held)}; wait for it, or cancel it")
        if force:
            return
        if users := [str(user) for user in users_of(self.driver, gpu) if concerned(user.partition)]:
            raise GpuBusyError(f"{'; '.join(users)}; end it, or force the change")

    def _roll_back(self, before: Gpu, what: str, cause: BaseException) -> None:
        """Put the GPU back as it was. Raises ChangeFailedError when that is done, else LayoutBrokenError."""
        actual = None
        for _ in range(ROLL_BACK_ATTEMPTS):
            try:
                actual = self._put_back(before)
            except MigperfError as error:
                _log.warning("%s: putting it back: %s", before.uuid, error)
                continue
            if actual.layout == before.layout:
                raise ChangeFailedError(f"{what}: {_text(cause)}. It is cut as before: {before.layout}") from cause
        actual = self._look(before.uuid)
        state = f"it is cut {actual.layout} now" if actual else "how it is cut now cannot be read"
        raise LayoutBrokenError(
            f"{what}: {_text(cause)}. Putting back {before.layout} failed as well: {state}; look at the driver's log, "
            "then apply the layout that you want",
            actual,
        ) from cause

    def _put_back(self, before: Gpu) -> Gpu:
        for step in make_plan(find_gpu(self.driver, before.uuid), before.layout).steps:
            perform(self.driver, before.uuid, step)
        return find_gpu(self.driver, before.uuid)

    def _look(self, uuid: str) -> Gpu | None:
        try:
            return find_gpu(self.driver, uuid)
        except NvmlError:
            return None


def _locked() -> LayoutLockedError:
    return LayoutLockedError(
        f"another program has been changing the layout for {LOCK_TIMEOUT_S:g} s; try again when it is done"
    )


def _text(cause: BaseException) -> str:
    return str(cause) or type(cause).__name__
