"""How MIG mode changes, and what resets and reboots leave of it. Pure functions.

Ampere: a change waits for a reset of the GPU, and the mode outlives a reboot. Hopper and later: it is effective at
once, and a reboot ends it. Instances outlive neither reset nor reboot.
"""

from dataclasses import replace

from migperf.gpus.nvml_errors import NvmlError, NvmlInUseError, NvmlResetRequiredError
from migperf.gpus.simulation.board import Board
from migperf.gpus.simulation.state import Gpu, Process

_SET = "nvmlDeviceSetMigMode"


def with_mode(board: Board, gpu: Gpu, users: tuple[Process, ...], *, enabled: bool) -> tuple[Gpu, NvmlError | None]:
    """Return the GPU after a request for a mode, and the activation status: why the mode is not active, or None."""
    if enabled == gpu.mig:
        return replace(gpu, mig_pending=enabled), None
    if users or gpu.gpu_instances:
        return gpu, NvmlInUseError(_SET, gpu.uuid)
    if board.resetless:
        return replace(gpu, mig=enabled, mig_pending=enabled), None
    return replace(gpu, mig_pending=enabled), NvmlResetRequiredError(_SET, gpu.uuid)


def after_reset(gpu: Gpu) -> Gpu:
    """Return the GPU after a reset: without instances, in the mode that was pending, back on the bus."""
    return replace(gpu.uncut(), mig=gpu.mig_pending, lost=False)


def after_reboot(board: Board, gpu: Gpu) -> Gpu:
    """Return the GPU after a reboot, which is a reset that also loses the mode on boards that change it at once."""
    kept = gpu.mig_pending and not board.resetless
    return after_reset(replace(gpu, mig_pending=kept))
