"""The boards that can be simulated, by the key that ``MIGPERF_GPUS=simulated:KEY,KEY`` names them by.

Sources: NVIDIA's MIG User Guide and published output of ``nvidia-smi mig -lgip``, ``-lgipp`` and ``-lcip``. What
neither gives was chosen, and the board's ``notes`` say what: a real GPU is always asked, never looked up here. SM
counts are as listed, not slices times a constant. Memory of whole boards is what ``nvidia-smi`` prints.

Left out: the integrated GPU of Thor. It has no memory of its own (every profile is ``0gb``) and its two instances are
told apart by use, compute and graphics, not by place: no grid can be stated for it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from migperf.errors import ConfigurationError
from migperf.gpus.driver import Architecture
from migperf.gpus.simulation import ampere, blackwell, hopper, rtx_pro
from migperf.gpus.simulation.board import Board

_WITHOUT_MIG = (
    Board(
        key="l40s-48gb",
        name="NVIDIA L40S",
        architecture=Architecture.ADA,
        compute_capability=(8, 9),
        sm_count=142,
        cores_per_sm=128,
        memory_mib=46_068,
        pci_device_id=0x26B910DE,
    ),
    Board(
        key="t4-16gb",
        name="Tesla T4",
        architecture=Architecture.TURING,
        compute_capability=(7, 5),
        sm_count=40,
        cores_per_sm=64,
        memory_mib=15_360,
        pci_device_id=0x1EB810DE,
    ),
)

BOARDS: Mapping[str, Board] = MappingProxyType(
    {board.key: board for board in (*ampere.BOARDS, *hopper.BOARDS, *blackwell.BOARDS, *rtx_pro.BOARDS, *_WITHOUT_MIG)}
)


def board_named(key: str) -> Board:
    """Return the board with this key. Raises ConfigurationError, which names those that there are."""
    board = BOARDS.get(key)
    if board is None:
        near = get_close_matches(key, BOARDS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(f"no simulated board is called {key!r}; {hint}there are: {', '.join(BOARDS)}")
    return board


def board_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a list such as ``a100-80gb,h100-80gb``, checked. Raises ConfigurationError."""
    return tuple(board_named(key.strip().lower()).key for key in text.split(","))
