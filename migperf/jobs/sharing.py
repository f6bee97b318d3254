"""What the worker sets up on a device that several runs share: an MPS daemon from the first of them to the last."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import JsonValue

from migperf.gpus.mps.client import client_environment, client_facts, limits_of
from migperf.gpus.mps.control import MpsError
from migperf.gpus.mps.daemon import MpsDaemon
from migperf.gpus.partition import Partition, PartitionKind
from migperf.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one run gets of a shared device: variables of its child, facts of its result."""

    environment: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    _daemon: MpsDaemon | None = None

    def problem(self) -> str | None:
        """Say, after the run, why it was not shared as it was to be; None where nothing is known against it."""
        return None if self._daemon is None else self._daemon.problem()


@dataclass(slots=True)
class _Device:
    lock: threading.Lock = field(default_factory=threading.Lock)
    daemon: MpsDaemon | None = None
    gang: str | None = None
    users: int = 0


class DeviceSharing:
    """Keeps the daemons of this worker's devices. Safe to use from several threads."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._lock = threading.Lock()
        self._devices: dict[str, _Device] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return that of a worker with these settings."""
        return cls(settings.mps_control, settings.mps_dir)

    @contextmanager
    def prepared(self, gang: str, partition: Partition) -> Iterator[Prepared]:
        """Set up what a run on this partition needs, for as long as the context lasts. Raises MpsError.

        ``gang`` is the same for the runs that share the device at the same time: the first of them starts its daemon,
        the last to leave stops it. Other partitions than real ones of MPS need nothing.
        """
        if partition.kind is not PartitionKind.MPS or partition.simulated:
            yield Prepared()
            return
        device = self._device(partition.whole.uuid)
        daemon = self._enter(device, gang, partition)
        try:
            environment, facts = client_environment(partition, daemon), client_facts(partition, daemon)
            yield Prepared(environment, facts, daemon)
        finally:
            _leave(device)

    def _device(self, uuid: str) -> _Device:
        with self._lock:
            return self._devices.setdefault(uuid, _Device())

    def _enter(self, device: _Device, gang: str, partition: Partition) -> MpsDaemon:
        with device.lock:
            if device.daemon is None:
                device.daemon, device.gang = self._started(partition), gang
            elif device.gang != gang:
                raise MpsError(f"{partition.whole.uuid} is still shared by the runs of {device.gang}")
            elif (problem := device.daemon.problem()) is not None:
                raise MpsError(problem)
            device.users += 1
            return device.daemon

    def _started(self, partition: Partition) -> MpsDaemon:
        daemon = MpsDaemon(partition.whole.uuid, self._folder, program=self._program, limits=limits_of(partition))
        daemon.start()
        return daemon


def _leave(device: _Device) -> None:
    with device.lock:
        device.users -= 1
        if device.users > 0 or device.daemon is None:
            return
        daemon, device.daemon, device.gang = device.daemon, None, None
        daemon.stop()
