"""A30 and A100: the first boards that could be cut. A change of their MIG mode waits for a reset."""

from functools import partial

from migperf.gpus.driver import Architecture
from migperf.gpus.simulation.board import Board, BoardProfile, Engines
from migperf.gpus.simulation.seven_slices import mib, seven_slices

_board = partial(Board, architecture=Architecture.AMPERE, compute_capability=(8, 0), cores_per_sm=64)
_a100 = partial(
    seven_slices,
    sms=(14, 14, 14, 28, 42, 56, 98),
    engines=(
        Engines(copy=1),
        Engines(copy=1, decoders=1, jpeg=1, ofa=1),
        Engines(copy=1, decoders=1),
        Engines(copy=2, decoders=1),
        Engines(copy=3, decoders=2),
        Engines(copy=4, decoders=2),
        Engines(copy=7, decoders=5, jpeg=1, ofa=1),
    ),
)
_quarter = partial(BoardProfile, slices=1, sm_count=14, memory_mib=mib(5.81), starts=(0, 1, 2, 3), size=1)
_half = partial(BoardProfile, slices=2, sm_count=28, memory_mib=mib(11.69), starts=(0, 2), size=2)

BOARDS = (
    _board(
        key="a30-24gb",
        name="NVIDIA A30",
        sm_count=56,
        memory_mib=24_576,
        pci_device_id=0x20B710DE,
        profiles=(
            _quarter(slot=0x0, id=14, name="1g.6gb", max_count=4, engines=Engines(copy=1)),
            _quarter(
                slot=0x7, id=21, name="1g.6gb+me", max_count=1, engines=Engines(copy=1, decoders=1, jpeg=1, ofa=1)
            ),
            _half(slot=0x1, id=5, name="2g.12gb", max_count=2, engines=Engines(copy=2, decoders=2)),
            _half(slot=0x8, id=6, name="2g.12gb+me", max_count=1, engines=Engines(copy=2, decoders=2, jpeg=1, ofa=1)),
            BoardProfile(
                slot=0x3,
                id=0,
                name="4g.24gb",
                slices=4,
                max_count=1,
                sm_count=56,
                memory_mib=mib(23.44),
                starts=(0,),
                size=4,
                engines=Engines(copy=4, decoders=4, jpeg=1, ofa=1),
            ),
        ),
    ),
    _board(
        key="a100-40gb",
        name="NVIDIA A100-SXM4-40GB",
        sm_count=108,
        memory_mib=40_960,
        pci_device_id=0x20B010DE,
        profiles=_a100(gb={1: 5, 2: 10, 4: 20, 8: 40}, gib={1: 4.75, 2: 9.625, 4: 19.50, 8: 39.25}),
    ),
    _board(
        key="a100-80gb",
        name="NVIDIA A100-SXM4-80GB",
        sm_count=108,
        memory_mib=81_920,
        pci_device_id=0x20B210DE,
        profiles=_a100(gb={1: 10, 2: 20, 4: 40, 8: 80}, gib={1: 9.50, 2: 19.50, 4: 39.25, 8: 79.00}),
    ),
)
