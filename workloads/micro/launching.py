"""Launching the kernels of a step at the scale at which launching itself can be seen.

Three ways, as nvbench has them too: plain launches; one CUDA graph that holds all kernels of a step; and a kernel that
blocks the stream until the step is queued. What has to happen before a step and is not part of it (overwriting the L2
cache, blocking the stream) is done when the step's batch is staged: of the harness's timings, the part ``compute``
excludes it, the whole step does not.

Only the ways that need no GPU can be taken on a CPU.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from workloads.micro.parameters import L2, KernelParameters, Launch

Work = Callable[[], object]

_HOLD_CYCLES, _HOLD_CYCLES_PER_KERNEL = 1_000_000, 40_000
"""Half a millisecond, and 20 µs for each launch, at 2 GHz: several times what queueing a step takes."""
_L2_OVERWRITTEN = 2
"""How much of the cache's size is overwritten."""


def require_device(parameters: KernelParameters, device: torch.device) -> None:
    """Raise ValueError naming the parameter that this device cannot do."""
    if device.type == "cuda":
        return
    if parameters.launch is not Launch.PLAIN:
        raise ValueError(f"launch = {parameters.launch} needs an NVIDIA GPU, and this is a {device.type}; use plain")
    if parameters.l2 is not L2.WARM:
        raise ValueError(f"l2 = {parameters.l2} needs an NVIDIA GPU, and this is a {device.type}; use warm")


class Launcher:
    """Launches the kernels of one step; ``work`` launches one kernel, allocates nothing and waits for nothing."""

    def __init__(self, work: Work, parameters: KernelParameters, device: torch.device) -> None:
        self._repetitions = parameters.repetitions
        self._work = work
        self._hold_cycles = 0
        if parameters.launch is Launch.BLOCKING_KERNEL:
            self._hold_cycles = _HOLD_CYCLES + _HOLD_CYCLES_PER_KERNEL * parameters.repetitions
        self._flush = _flush_buffer(device) if parameters.l2 is L2.FLUSHED else None
        self.launch: Work = _captured(self._launch_all) if parameters.launch is Launch.CUDA_GRAPH else self._launch_all
        """Launch every kernel of a step."""

    @property
    def flushed_bytes(self) -> int:
        """How much memory is overwritten before each step."""
        return 0 if self._flush is None else self._flush.nbytes

    def prepare(self) -> None:
        """Do what has to come before a step and does not belong to it. Waits for nothing."""
        if self._flush is not None:
            self._flush.zero_()
        if self._hold_cycles:
            torch.cuda._sleep(self._hold_cycles)

    def _launch_all(self) -> None:
        for _ in range(self._repetitions):
            self._work()


def _flush_buffer(device: torch.device) -> torch.Tensor:
    cache_bytes: int = torch.cuda.get_device_properties(device).L2_cache_size
    return torch.empty(_L2_OVERWRITTEN * cache_bytes, dtype=torch.uint8, device=device)


def _captured(work: Work) -> Work:
    """Return what replays the kernels of ``work`` as one graph (PyTorch's notes on CUDA graphs give the steps)."""
    with _side_stream():
        work()  # libraries allocate their workspaces at the first call, which a capture must not see
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


@contextmanager
def _side_stream() -> Iterator[None]:
    """Work on a stream of its own that begins after what was queued and ends before what will be."""
    outer, side = torch.cuda.current_stream(), torch.cuda.Stream()
    side.wait_stream(outer)
    with torch.cuda.stream(side):
        yield
    outer.wait_stream(side)
