"""The GPUs of this host as commands name them: by index, UUID or the beginning of one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from migperf.cli.output import remark
from migperf.cli.problems import UsageProblem
from migperf.gpus.driver import Driver
from migperf.gpus.drivers import open_driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import read_gpu
from migperf.gpus.nvml_errors import NvmlError
from migperf.settings import Settings

MIB_PER_GIB = 1024


@dataclass(frozen=True, slots=True)
class HostGpu:
    """A GPU and the driver's index of it."""

    index: int
    gpu: Gpu

    def __str__(self) -> str:
        simulated = ", simulated" if self.gpu.simulated else ""
        return f"GPU {self.index} ({self.gpu.model}{simulated}, {self.gpu.uuid})"

    def as_data(self) -> dict[str, Any]:
        """Return what names it in a JSON document."""
        return {
            "gpu": self.gpu.uuid,
            "index": self.index,
            "model": self.gpu.model,
            "simulated": self.gpu.simulated,
        }


@contextmanager
def opened_driver(settings: Settings) -> Iterator[Driver]:
    """The driver of this host's GPUs. Raises UsageProblem where there is none."""
    driver = open_driver(settings)
    if driver is None:
        raise UsageProblem(no_gpus(settings))
    try:
        yield driver
    finally:
        driver.close()


def no_gpus(settings: Settings) -> str:
    """Say that there are no GPUs here, and how there could be."""
    from migperf.gpus.simulation.boards import BOARDS

    return (
        f"this host has no GPUs (MIGPERF_GPUS={settings.gpus}). MIGPERF_GPUS can be auto (what NVIDIA's driver lists), "
        f"none, or simulated:BOARD,BOARD… with boards out of {', '.join(BOARDS)}"
    )


def host_gpus(driver: Driver) -> tuple[HostGpu, ...]:
    """Return the GPUs of this host. One that cannot even be named is left out, with a remark. Raises NvmlError."""
    return tuple(_each(driver))


def _each(driver: Driver) -> Iterator[HostGpu]:
    for index in range(driver.device_count()):
        try:
            yield HostGpu(index, read_gpu(driver, driver.device_by_index(index)))
        except NvmlError as error:
            remark(f"GPU {index} is left out: {error}")


def choose_gpu(found: Sequence[HostGpu], wanted: str | None) -> HostGpu:
    """Return the GPU that ``--gpu`` names, or the only one that can be cut. Raises UsageProblem."""
    if wanted is not None:
        return _named(found, wanted)
    cuttable = [one for one in found if one.gpu.mig is not None]
    if len(cuttable) == 1:
        return cuttable[0]
    if not cuttable:
        raise UsageProblem("no GPU of this host can be cut:", [_why_not(one) for one in found])
    raise UsageProblem(
        "several GPUs of this host can be cut; say with --gpu which one:", [str(one) for one in cuttable]
    )


def choose_gpus(found: Sequence[HostGpu], wanted: str | None) -> tuple[HostGpu, ...]:
    """Return the GPU that ``--gpu`` names, or without it every one that can be read. Raises UsageProblem."""
    if wanted is not None:
        return (_named(found, wanted),)
    for one in found:
        if one.gpu.problem is not None:
            remark(f"{one} is left out: {one.gpu.problem}")
    return tuple(one for one in found if one.gpu.problem is None)


def _named(found: Sequence[HostGpu], wanted: str) -> HostGpu:
    matching = [one for one in found if _goes_by(one, wanted)]
    if len(matching) == 1:
        return matching[0]
    what = "names several GPUs of this host:" if matching else "names none of this host's GPUs:"
    raise UsageProblem(f"--gpu {wanted} {what}", [str(one) for one in matching or found])


def _goes_by(one: HostGpu, wanted: str) -> bool:
    if wanted.isdecimal():
        return one.index == int(wanted)
    return bool(wanted) and one.gpu.uuid.lower().startswith(wanted.lower())


def _why_not(one: HostGpu) -> str:
    return f"{one}: {one.gpu.problem or 'has no MIG'}"


def heading(one: HostGpu) -> Text:
    """Return the two lines above what is said of a GPU."""
    simulated = " (simulated)" if one.gpu.simulated else ""
    return Text.assemble(
        (f"GPU {one.index}", "bold"), f" · {one.gpu.model}", (simulated, "yellow"), "\n", (one.gpu.uuid, "dim")
    )


def memory_text(memory_mib: int | None) -> str:
    """Return an amount of memory in GiB; a dash where it is not known."""
    return "–" if memory_mib is None else f"{memory_mib / MIB_PER_GIB:.1f} GiB"


def count_text(count: int | None) -> str:
    """Return a count; a dash where it is not known."""
    return "–" if count is None else str(count)


def mode_text(gpu: Gpu) -> str:
    """Return the MIG mode in words, or what it will be after a reset."""
    if gpu.mig is None:
        return "no MIG"
    mode = "MIG on" if gpu.mig.pending else "MIG off"
    return mode if gpu.mig.enabled == gpu.mig.pending else f"{mode} after reset"
