"""Devices that experiments of tests are worked out for."""

from migperf.experiments.target import Target
from migperf.gpus.inventory import discover
from migperf.gpus.simulation.driver import SimulatedDriver, open_in_memory
from tests.builders import partition

CPU = Target(cpu=partition("CPU-1", cpus=(0, 1, 2, 3)))


def board(key: str, *, mig: bool = False) -> Target:
    """Return a board as it comes, or with MIG turned on."""
    driver = open_in_memory([key])
    if mig:
        turn_on(driver)
    return Target(gpu=discover(driver).gpus[0])


def turn_on(driver: SimulatedDriver) -> None:
    """Turn MIG of the first GPU on, with a reset where the board needs one."""
    device = driver.device_by_index(0)
    if driver.set_mig_mode(device, enabled=True) is not None:
        driver.reset(device)
