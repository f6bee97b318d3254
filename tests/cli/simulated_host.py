"""A host with simulated GPUs for the command line, and what happens on it from outside."""

from pathlib import Path

import pytest

from migperf.gpus.drivers import open_driver
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.settings import load_settings


def simulate(monkeypatch: pytest.MonkeyPatch, folder: Path, *boards: str) -> SimulatedDriver:
    """Give the commands of a test simulated GPUs, kept in a folder; return their driver."""
    monkeypatch.setenv("MIGPERF_DATA_DIR", str(folder))
    monkeypatch.setenv("MIGPERF_GPUS", f"simulated:{','.join(boards)}")
    driver = open_driver(load_settings())
    assert isinstance(driver, SimulatedDriver)
    return driver


def uuid_of(driver: SimulatedDriver, index: int = 0) -> str:
    """Return the UUID of a GPU."""
    return driver.uuid(driver.device_by_index(index))
