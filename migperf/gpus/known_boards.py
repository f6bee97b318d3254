"""Boards that are known without a driver: what a node with one of them would describe, from the simulated boards."""

from functools import lru_cache

from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import open_in_memory


@lru_cache(maxsize=64)
def gpu_of_board(key: str) -> Gpu:
    """Return a GPU of the board with this key, as it leaves the factory. Raises ConfigurationError."""
    (gpu,) = discover(open_in_memory([key]), offer_cpu=False).gpus
    return gpu


def board_key(name: str) -> str | None:
    """Return the key of a board by its key or its model name, such as ``NVIDIA H100 PCIe``; None if it is not known."""
    if name in BOARDS:
        return name
    return next((board.key for board in BOARDS.values() if board.name == name), None)
