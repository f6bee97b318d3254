"""How much memory the child took at most, and telling "does not fit" from other errors."""

import ctypes
import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING

from migperf.measure.events import AllocatorState
from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope

if TYPE_CHECKING:
    import torch

MIB = 1 << 20
_ALLOCATOR_REFUSALS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc")


def give_back(device: "torch.device") -> None:
    """Return memory that nothing uses to the device and to the host, so that later peaks do not stand on it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()


def reset_peaks(device: "torch.device") -> None:
    """Forget the peaks so far, so that what follows is the peak of the measured window."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def peak_figures(device: "torch.device") -> tuple[ResultFigure, ...]:
    """Return the peaks since the last reset, MiB, of this process: resident set, and the allocator's on a GPU."""
    resident = ResultFigure(name="peak_rss", unit="MiB", scope=Scope.PROCESS, value=peak_rss_mib())
    if device.type != "cuda":
        return (resident,)
    import torch

    allocated = torch.cuda.max_memory_allocated(device) / MIB
    reserved = torch.cuda.max_memory_reserved(device) / MIB
    return (
        resident,
        ResultFigure(name="peak_allocated", unit="MiB", scope=Scope.PROCESS, value=allocated),
        ResultFigure(name="peak_reserved", unit="MiB", scope=Scope.PROCESS, value=reserved),
    )


def allocator_state(device: "torch.device") -> AllocatorState | None:
    """Return what the allocator of a GPU holds now; None on the CPU, which has none. Waits for nothing."""
    if device.type != "cuda":
        return None
    import torch

    counted = torch.cuda.memory_stats(device)
    return AllocatorState(
        at_ns=time.monotonic_ns(),
        allocated_mib=counted.get("allocated_bytes.all.current", 0) / MIB,
        reserved_mib=counted.get("reserved_bytes.all.current", 0) / MIB,
        retries=counted.get("num_alloc_retries", 0),
    )


def peak_rss_mib() -> float:
    """Return the highest resident set of this process since the last reset, MiB (VmHWM of proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    raise LookupError("/proc/self/status has no VmHWM")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the error says that an allocation failed.

    torch raises torch.OutOfMemoryError on a GPU but a plain RuntimeError on the CPU, so the text has to decide there.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _ALLOCATOR_REFUSALS)
