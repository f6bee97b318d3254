"""A large buffer copied, written or read within its device: the most bytes a second that its memory delivers.

Bytes are those that the operation has to move. A processor that reads a line before it overwrites it moves more.
"""

import torch
from torch import Tensor

from workloads.base import Context, Figure, StepCost, Workload, WrongAnswerError
from workloads.micro.buffers import MIB, buffer_mib
from workloads.micro.bus_copy import BusCopy
from workloads.micro.kernel import KernelPayload
from workloads.micro.launching import require_device
from workloads.micro.parameters import CopyMode, Direction, MemoryCopyParameters

PATTERN, COLUMNS = 256, 1 << 16
"""Rows of 256 KiB that hold 0 to 255 again and again: float32 sums one exactly, in whatever order."""
WRITTEN = 3.0
"""What ``write`` fills the buffer with."""

_TIMES_MOVED = {CopyMode.COPY: 2, CopyMode.WRITE: 1, CopyMode.READ: 1}


class MemoryCopy(KernelPayload):
    """Moves a buffer of float32; a sample is one pass over it. Raises WrongAnswerError if the first pass is wrong."""

    sample_unit = "pass"

    def __init__(self, parameters: MemoryCopyParameters, context: Context) -> None:
        device, self._mode = context.device, parameters.mode
        require_device(parameters, device)
        self.mib = buffer_mib(parameters, device)
        pattern = torch.arange(PATTERN, dtype=torch.float32, device=device)
        self.buffer = pattern.repeat(self.mib * MIB // (4 * COLUMNS), COLUMNS // PATTERN)
        self.target = torch.zeros_like(self.buffer) if self._mode is CopyMode.COPY else self.buffer
        self.sums = torch.zeros(len(self.buffer), device=device)
        super().__init__(parameters, device)
        self._check()

    def run_kernel(self) -> Tensor:
        """Pass over the buffer once."""
        match self._mode:
            case CopyMode.COPY:
                return self.target.copy_(self.buffer)
            case CopyMode.WRITE:
                return self.target.fill_(WRITTEN)
            case CopyMode.READ:
                return torch.sum(self.buffer, dim=1, out=self.sums)

    def kernel_cost(self) -> StepCost:
        """Return the bytes that are read and those that are written; additions of a sum are not counted."""
        moved = _TIMES_MOVED[self._mode] * self.buffer.nbytes
        return StepCost(flops=0, bytes=moved, least_bytes=moved)

    def findings(self) -> tuple[Figure, ...]:
        """Return the size of the buffer."""
        return (Figure(name="buffer_size", value=float(self.mib), unit="MiB"),)

    def _check(self) -> None:
        """Pass over the buffer once and look at the outcome. Waits for the device."""
        self._launcher.launch()
        if not self._is_right():
            raise WrongAnswerError(f"memory-copy with mode = {self._mode} left wrong values in {self.mib} MiB")

    def _is_right(self) -> bool:
        match self._mode:
            case CopyMode.COPY:
                return torch.equal(self.target, self.buffer)
            case CopyMode.WRITE:
                return bool((self.target == WRITTEN).all())
            case CopyMode.READ:
                return bool((self.sums == (PATTERN - 1) / 2 * COLUMNS).all())


class MemoryCopyWorkload(Workload):
    """Offers inference only."""

    def inference(self, parameters: MemoryCopyParameters, context: Context) -> KernelPayload:
        """Return a payload whose first pass was checked.

        Raises ValueError for what the device cannot do, and CannotExecuteError where it has no bus to copy over.
        """
        if parameters.direction is Direction.DEVICE:
            return MemoryCopy(parameters, context)
        return BusCopy(parameters, context)
