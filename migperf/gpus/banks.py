"""Banks made of single readings, on whatever driver has those. The real driver has faster ones (``nvml/``)."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Bank, Device, GpmReader, Memory
from migperf.gpus.nvml_errors import NvmlError

Answers = tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]


class ReadsGpm(Protocol):
    """The part of a ``Driver`` that a bank of GPM needs."""

    def gpm_reader(self, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> GpmReader:
        """Return a reader."""
        ...


class ReadsMemory(Protocol):
    """The part of a ``Driver`` that a bank of memory needs."""

    def memory(self, device: Device) -> Memory:
        """Return how it is used."""
        ...


def gpm_bank(driver: ReadsGpm, metric_ids: Sequence[int], slots: int) -> Bank:
    """Return a bank of readers of GPM."""
    ids = tuple(metric_ids)
    return BankOfReaders(lambda device, instance_id: driver.gpm_reader(device, instance_id, ids), slots, len(ids))


def memory_bank(driver: ReadsMemory, slots: int) -> Bank:
    """Return a bank that asks for the memory of one device after another."""
    return BankOfReaders(lambda device, _: _MemoryReader(driver, device), slots, 3)


class BankOfReaders:
    """A ``Bank``: a reader to each slot, read one after another."""

    def __init__(self, open_reader: Callable[[Device, int | None], GpmReader], slots: int, numbers: int) -> None:
        """``open_reader`` opens the reader of a device or GPU instance, of so many ``numbers``."""
        self.failures: dict[int, NvmlError] = {}
        self.answered: Collection[int] = ()
        self._open_reader = open_reader
        self._readers: dict[int, GpmReader] = {}
        self._values: npt.NDArray[np.float64] = np.full((slots, numbers), np.nan)
        self._codes: npt.NDArray[np.int32] = np.zeros((slots, numbers), np.int32)

    def include(self, slot: int, device: Device, gpu_instance_id: int | None = None) -> None:
        """See Bank."""
        self.leave_out(slot)
        self._readers[slot] = self._open_reader(device, gpu_instance_id)

    def leave_out(self, slot: int) -> None:
        """See Bank."""
        reader = self._readers.pop(slot, None)
        if reader is not None:
            reader.close()

    def read(self) -> tuple[Sequence[float], Sequence[int]]:
        """See Bank."""
        self._values.fill(np.nan)
        self._codes.fill(0)
        self.failures = {}
        for slot, reader in self._readers.items():
            try:
                self._values[slot], self._codes[slot] = reader.read()
            except NvmlError as error:
                self.failures[slot] = error
        self.answered = np.flatnonzero((~np.isnan(self._values) | (self._codes != 0)).any(axis=1)).tolist()
        return self._values.ravel().tolist(), self._codes.ravel().tolist()

    def reel(self) -> None:
        """Return None: what is read one by one is looked at at once."""

    def close(self) -> None:
        """See Bank."""
        for slot in tuple(self._readers):
            self.leave_out(slot)


class _MemoryReader:
    """A device's memory reserved, free and used, bytes, read as GPM is."""

    def __init__(self, driver: ReadsMemory, device: Device) -> None:
        self._driver, self._device = driver, device
        self._codes: npt.NDArray[np.int32] = np.zeros(3, np.int32)

    def read(self) -> Answers:
        memory = self._driver.memory(self._device)
        return np.array((memory.reserved, memory.free, memory.used), np.float64), self._codes

    def close(self) -> None:
        """Nothing is held."""
