"""What ``LAYOUT|FILE`` and ``--gpu`` mean on this host: which GPUs are to have which layout."""

from pathlib import Path

from migperf.cli.host_gpus import HostGpu, choose_gpu, host_gpus
from migperf.cli.layout_file import LayoutFile, layouts_for, read_layout_file
from migperf.cli.problems import UsageProblem
from migperf.gpus.driver import Driver
from migperf.gpus.layout import Layout

Target = tuple[HostGpu, Layout]


def targets(driver: Driver, wanted: str, gpu: str | None) -> tuple[Target, ...]:
    """Return what a change concerns: the GPUs that a file names, or one GPU. Raises UsageProblem, OSError."""
    meant = _read(wanted)
    found = host_gpus(driver)
    if isinstance(meant, LayoutFile):
        return _named_by(meant, found, gpu)
    return ((choose_gpu(found, gpu), meant),)


def every_target(driver: Driver, wanted: str, gpu: str | None) -> tuple[Target, ...]:
    """Return what a check concerns: the GPUs that a file names, or every one that can be cut or cannot even be read.

    Raises UsageProblem, OSError.
    """
    meant = _read(wanted)
    found = host_gpus(driver)
    if isinstance(meant, LayoutFile):
        return _named_by(meant, found, gpu)
    if gpu is not None:
        return ((choose_gpu(found, gpu), meant),)
    concerned = [one for one in found if one.gpu.mig is not None or one.gpu.problem is not None]
    return tuple((one, meant) for one in concerned or [choose_gpu(found, None)])


def _named_by(file: LayoutFile, found: tuple[HostGpu, ...], gpu: str | None) -> tuple[Target, ...]:
    if gpu is not None:
        raise UsageProblem("--gpu goes with a layout; a file says itself which GPUs it means")
    return layouts_for(file, found)


def _read(wanted: str) -> Layout | LayoutFile:
    """Return the layout, or else the file, that the text is or names. Raises UsageProblem, OSError."""
    try:
        return Layout.parse(wanted)
    except ValueError as error:
        file = Path(wanted)
        if wanted == "-" or file.exists():
            return read_layout_file(file)
        raise UsageProblem(f"{error}; and there is no file {wanted!r}") from error
