"""A large buffer copied between host and GPU: the most bytes a second that the bus between them carries.

The host's memory is page-locked, so that copy engines move it while the host goes on and nothing is copied twice. These
bytes are not those of a roofline, whose memory is the device's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from workloads.base import CannotExecuteError, Context, Figure, StepCost, UncountableError, WrongAnswerError
from workloads.micro.buffers import MIB, buffer_mib
from workloads.micro.kernel import KernelPayload
from workloads.micro.parameters import Direction, MemoryCopyParameters

ENTRY_BYTES = 8
"""Of int64: in no buffer does a number come twice."""
CHECKED_AT_ONCE = 1 << 23
"""Entries, 64 MiB: what checking takes of the target's memory beside the target."""

Memory = Callable[[int], Tensor]
"""Returns so many entries of int64, all 0, in a memory of its own."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One way over the bus: ``source`` holds ``first`` and the numbers after it; ``target`` is as long, elsewhere."""

    source: Tensor
    target: Tensor
    first: int

    @classmethod
    def between(cls, source: Tensor, target: Tensor, first: int) -> Self:
        """Number the entries of the source, in the current stream. ``first`` is not 0, which the target holds."""
        torch.arange(first, first + len(source), out=source)
        return cls(source, target, first)

    def copy(self) -> None:
        """Queue a copy of the source in the current stream."""
        self.target.copy_(self.source, non_blocking=True)

    def has_arrived(self, at_once: int = CHECKED_AT_ONCE) -> bool:
        """Tell whether each number is at its place, so many of them at once; the copy must have ended.

        The target is looked at where it is: what a copy back would bring could be wrong twice and look right.
        """
        first = self.first
        for part in self.target.split(at_once):
            if not torch.equal(part, torch.arange(first, first + len(part), device=part.device)):
                return False
            first += len(part)
        return True


class BusCopy(KernelPayload):
    """Copies a buffer one way, or one each way at once; a sample is one pass, over when the last copy is.

    Raises CannotExecuteError on a device without a bus, and WrongAnswerError if the first step is wrong.
    """

    sample_unit = "pass"

    def __init__(self, parameters: MemoryCopyParameters, context: Context) -> None:
        require_bus(parameters.direction, context.device)
        self._device = context.device
        self.mib = buffer_mib(parameters, self._device)
        self._passes = parameters.repetitions
        self.transfers = transfers_of(
            parameters.direction, self.mib * MIB // ENTRY_BYTES, on_host=_page_locked, on_device=self._on_device
        )
        # Made once: PyTorch hands streams out in turn, so one for each pass would some day be the current one.
        self._beside = [torch.cuda.Stream(self._device) for _ in range(len(self.transfers) - 1)]
        super().__init__(parameters, self._device)
        self._check()

    def run_kernel(self) -> None:
        """Queue a pass: the first copy in the current stream, another beside it, joined to it."""
        here = torch.cuda.current_stream(self._device)
        transfer, *others = self.transfers.values()
        for other, beside in zip(others, self._beside, strict=True):
            beside.wait_stream(here)
            with torch.cuda.stream(beside):
                other.copy()
        transfer.copy()
        for beside in self._beside:
            here.wait_stream(beside)

    def kernel_cost(self) -> StepCost:
        """Raise UncountableError: held against the device's memory, the bytes of a slower bus would mislead."""
        raise UncountableError(
            "a copy between host and device is limited by the bus, for which a roofline has no roof; "
            "bytes_to_device_per_step and bytes_to_host_per_step say what goes over it"
        )

    def findings(self) -> tuple[Figure, ...]:
        """Return the size of a buffer, and what a step copies each way."""
        return (
            Figure(name="buffer_size", value=float(self.mib), unit="MiB"),
            self._copied("bytes_to_device_per_step", Direction.HOST_TO_DEVICE),
            self._copied("bytes_to_host_per_step", Direction.DEVICE_TO_HOST),
        )

    def _copied(self, name: str, way: Direction) -> Figure:
        return Figure(name=name, value=float(self._passes * bytes_copied(self.transfers, way)), unit="B")

    def _on_device(self, entries: int) -> Tensor:
        return torch.zeros(entries, dtype=torch.int64, device=self._device)

    def _check(self) -> None:
        """Take a step and look at every target. Waits for the device."""
        self._launcher.launch()
        torch.cuda.synchronize(self._device)
        for way, transfer in self.transfers.items():
            if not transfer.has_arrived():
                raise WrongAnswerError(f"memory-copy from {way} left wrong values in {self.mib} MiB")


def require_bus(direction: Direction, device: torch.device) -> None:
    """Raise CannotExecuteError where host and device have the same memory.

    That is a result, unlike other choices that a CPU does not have: an experiment for GPUs that is tried out on a
    simulated one is to say so of this cell, and not to try it again.
    """
    if device.type != "cuda":
        raise CannotExecuteError(
            f"direction = {direction} copies between the memories of host and GPU, and a {device.type} has but one "
            "(simulated GPUs compute on it); run it on an NVIDIA GPU, or set direction to device"
        )


def transfers_of(
    direction: Direction, entries: int, *, on_host: Memory, on_device: Memory
) -> Mapping[Direction, Transfer]:
    """Return what a pass copies, by its way: host_to_device, device_to_host, or that and then this."""
    ends = {Direction.HOST_TO_DEVICE: (on_host, on_device), Direction.DEVICE_TO_HOST: (on_device, on_host)}
    ways = {way: both for way, both in ends.items() if direction in (way, Direction.BOTH)}
    return {
        way: Transfer.between(source(entries), target(entries), first=1 + number * entries)
        for number, (way, (source, target)) in enumerate(ways.items())
    }


def bytes_copied(transfers: Mapping[Direction, Transfer], way: Direction) -> int:
    """Return how many bytes a pass copies one way; 0 if it copies none that way."""
    return transfers[way].source.nbytes if way in transfers else 0


def _page_locked(entries: int) -> Tensor:
    return torch.zeros(entries, dtype=torch.int64, pin_memory=True)
