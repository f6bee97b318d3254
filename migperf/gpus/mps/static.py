"""Static partitions: equal numbers of multiprocessors for each client, nobody else's, handed out in chunks.

Source: NVIDIA's Multi-Process Service documentation, "Static SM partitioning"; the tables that ``lspart`` prints were
taken from public scripts that read them, of which two forms exist. None of it has met a real daemon.
"""

import os
import re
import time
from collections.abc import Iterator

from migperf.gpus.mps.control import MpsControl, MpsError
from migperf.gpus.mps.limits import StaticPartition

FIRST_VERSION = 13010
"""CUDA 13.1."""
SERVER_S = 15.0
POLL_S = 0.05
DEVICE = re.compile(r"^(GPU|MIG)-")
PARTITION_ID = re.compile(r"\b(?:GPU|MIG)-\S+?/\S+")


def require_version(version: int | None) -> None:
    """Raise MpsError if a control program of this version has no static partitions."""
    if version is None or version < FIRST_VERSION:
        told = "does not tell its version" if version is None else f"is of version {version}"
        raise MpsError(
            f"static partitions need an MPS control program of version {FIRST_VERSION} on (driver for CUDA 13.1), "
            f"and this one {told}. Update the driver, or leave sharing.static out"
        )


def divide_statically(control: MpsControl, shares: int) -> tuple[StaticPartition, ...]:
    """Make that many equal partitions. Chunks that cannot be divided stay unused. Raises MpsError."""
    control.ask(f"start_server -uid {os.getuid()}", SERVER_S)
    free = _free_chunks(control)
    each = free // shares
    if each < 1:
        raise MpsError(f"{control.device} has {free} chunks of multiprocessors, too few for {shares} runs")
    made = [_add(control, each) for _ in range(shares)]
    sizes = dict(sm_counts(control.ask("lspart")))
    return tuple(StaticPartition(one, each, _sm_count(sizes, one)) for one in made)


def _free_chunks(control: MpsControl) -> int:
    """Wait until the daemon knows its device's chunks: it does when its server has started."""
    until = time.monotonic() + SERVER_S
    while (free := free_chunks(table := control.ask("lspart"))) is None:
        if time.monotonic() > until:
            raise MpsError(f"the MPS daemon of {control.device} tells no chunks of SMs: {table or 'nothing'}")
        time.sleep(POLL_S)
    return free


def _add(control: MpsControl, chunks: int) -> str:
    answer = control.ask(f"sm_partition add {control.device} {chunks}")
    found = PARTITION_ID.search(answer)
    if found is None:
        raise MpsError(f"the MPS daemon of {control.device} makes no partition of {chunks} chunks: {answer}")
    return found[0]


def free_chunks(table: str) -> int | None:
    """Return how many chunks of the one device nobody has, by ``lspart``; None where that cannot be read."""
    for name, numbers in _rows(table):
        match name, numbers:
            case None, [free_chunks, _used_chunks, _free_sms, _used_sms]:
                return free_chunks
    return None


def sm_counts(table: str) -> Iterator[tuple[str, int]]:
    """Yield the multiprocessors of each partition that ``lspart`` lists, by the partition's name there."""
    for name, numbers in _rows(table):
        match name, numbers:
            case str(), [_chunks, sms]:
                yield name, sms


def _rows(table: str) -> Iterator[tuple[str | None, list[int]]]:
    """Yield the partition (None: the device itself) and the numbers of each line that begins with a device."""
    for line in table.splitlines():
        match line.split():
            case [device, second, *others] if DEVICE.match(device):
                of_device = second == "-" or second.isdigit()
                numbers = [int(cell) for cell in (second, *others) if cell.isdigit()]
                yield (None if of_device else second), numbers


def _sm_count(sizes: dict[str, int], partition: str) -> int | None:
    """Return the size of a partition, whose id is ``DEVICE/NAME``; the list may give the name alone, or shortened."""
    name = partition.partition("/")[2]
    return next((sms for listed, sms in sizes.items() if name.startswith(listed.rpartition("/")[2])), None)
