"""Opening the driver that a process is to use: NVIDIA's, a simulated one, or none."""

import logging
import os
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock

from migperf.errors import ConfigurationError
from migperf.gpus.driver import Driver
from migperf.gpus.host_cpu import host_identity
from migperf.gpus.inventory import Inventory, discover
from migperf.gpus.nvml_errors import NvmlDriverNotLoadedError, NvmlError, NvmlLibraryNotFoundError
from migperf.settings import Settings

AUTO, NONE = "auto", "none"
SIMULATED = "simulated:"
_LOCK_FOLDERS = (Path("/run/lock"), Path(tempfile.gettempdir()))
_log = logging.getLogger(__name__)


def open_driver(settings: Settings) -> Driver | None:
    """Open what ``MIGPERF_GPUS`` names; None where the host has no GPUs, or is to use none.

    Open it in the process that uses it: it does not survive a fork. Raises ConfigurationError.
    """
    check_setting(settings)
    wanted = settings.gpus.strip()
    if wanted == NONE:
        return None
    return _open_nvml() if wanted == AUTO else _open_simulated(settings, wanted.removeprefix(SIMULATED))


def check_setting(settings: Settings) -> None:
    """Raise ConfigurationError where ``MIGPERF_GPUS`` cannot be understood; asks no driver."""
    wanted = settings.gpus.strip()
    if wanted.startswith(SIMULATED):
        from migperf.gpus.simulation.boards import board_keys

        board_keys(wanted.removeprefix(SIMULATED))
    elif wanted not in (AUTO, NONE):
        raise ConfigurationError(f"MIGPERF_GPUS is {wanted!r}; it is auto, none or simulated:BOARD,BOARD…")


def host_inventory(settings: Settings) -> Inventory:
    """Return what this host has now. Raises ConfigurationError."""
    driver = open_driver(settings)
    try:
        return discover(driver, offer_cpu=settings.offer_cpu)
    finally:
        if driver is not None:
            driver.close()


def layout_lock(driver: Driver, settings: Settings) -> BaseFileLock:
    """Return the lock that whoever changes a layout of this host holds, whichever user runs it.

    Simulated GPUs have one of their own in the data folder, as their state is there.
    """
    if driver.simulated:
        return FileLock(settings.simulated_host_file.with_suffix(".layout.lock"))
    folder = next(folder for folder in _LOCK_FOLDERS if os.access(folder, os.W_OK))
    return FileLock(folder / "migperf-layout.lock", mode=0o666)


def _open_simulated(settings: Settings, boards: str) -> Driver:
    from migperf.gpus.simulation.boards import board_keys
    from migperf.gpus.simulation.driver import open_file

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return open_file(settings.simulated_host_file, board_keys(boards), host_identity())


def _open_nvml() -> Driver | None:
    from migperf.gpus.nvml.backend import NvmlLibrary

    try:
        return NvmlLibrary.open()
    except (NvmlLibraryNotFoundError, NvmlDriverNotLoadedError) as error:
        _log.info("no GPUs: %s", error)
    except NvmlError as error:
        _log.warning("this host's GPUs cannot be used: %s", error)
    return None
