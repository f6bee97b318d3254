"""What all calls of the simulated driver have in common: whether it is open, how it reads and how it changes state."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from migperf.gpus.nvml_errors import NvmlNoPermissionError, NvmlUninitializedError
from migperf.gpus.simulation.lookup import Found
from migperf.gpus.simulation.meters import BoardReadings, InstanceReadings, Meters
from migperf.gpus.simulation.state import Gpu, Host
from migperf.gpus.simulation.stores import Store

Answer = TypeVar("Answer")


class SimulatedCore:
    """A simulated host, opened by this process."""

    def __init__(
        self,
        store: Store,
        *,
        privileged: bool = True,
        meters: Meters | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Open the host that the store keeps.

        Without privilege, modes and instances cannot be changed, and a cut GPU does not tell what its instances do.
        ``meters`` are the readings, at times (ns) of ``clock``; without them there are none.
        """
        self._store = store
        self._privileged = privileged
        self._meters = meters
        self._clock = clock
        self._opened_by: int | None = os.getpid()

    @property
    def simulated(self) -> bool:
        """True: the hardware behind it does not exist."""
        return True

    @property
    def metered(self) -> bool:
        """Whether a test has given it meters."""
        return self._meters is not None

    def close(self) -> None:
        """Refuse every later call with NvmlUninitializedError."""
        self._opened_by = None

    def _host(self, call: str) -> Host:
        """Return the state as it is now. NvmlUninitializedError after close, and in a forked child."""
        if self._opened_by != os.getpid():
            raise NvmlUninitializedError(call)
        return self._store.read()

    def _board(self, found: Found) -> BoardReadings:
        """Return what the meters of a board show now; nothing without meters."""
        return BoardReadings() if self._meters is None else self._meters.board(found.gpu.uuid, self._clock())

    def _instance(self, found: Found, gpu_instance_id: int) -> InstanceReadings:
        """Return what a GPU instance of it shows now; nothing without meters."""
        if self._meters is None:
            return InstanceReadings()
        return self._meters.instance(found.gpu.uuid, gpu_instance_id, self._clock())

    def _require_privilege(self, call: str, on: str | None = None) -> None:
        if not self._privileged:
            raise NvmlNoPermissionError(call, on)

    def _recut(self, call: str, step: Callable[[Host], tuple[Gpu, Answer]]) -> Answer:
        """Change how one GPU is cut: ``step`` returns it as it shall be, and an answer. A change is a new revision."""
        self._host(call)
        self._require_privilege(call)

        def change(host: Host) -> tuple[Host, Answer]:
            gpu, answer = step(host)
            changed = host.with_gpu(gpu)
            return (host if changed == host else replace(changed, revision=host.revision + 1)), answer

        return self._store.change(change)
