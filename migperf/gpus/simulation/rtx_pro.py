"""The RTX PRO boards of the Blackwell generation: quarters or halves, with profiles for graphics and media.

RTX PRO 6000 is placed on 12 memory units with 4 compute slices: "8 units" is not a law.
"""

from functools import partial

from migperf.gpus.driver import Architecture
from migperf.gpus.simulation.board import Board, BoardProfile, Engines
from migperf.gpus.simulation.seven_slices import mib

_board = partial(Board, architecture=Architecture.BLACKWELL, compute_capability=(12, 0), cores_per_sm=128)


def _media(copy: int, engines: int, jpeg: int | None = None, ofa: int = 0) -> Engines:
    """Decoders and encoders, and as many JPEG engines if not said otherwise."""
    return Engines(copy=copy, decoders=engines, encoders=engines, jpeg=engines if jpeg is None else jpeg, ofa=ofa)


_pro_6000_1g = partial(BoardProfile, slices=1, sm_count=46, memory_mib=mib(23.12), starts=(0, 3, 6, 9), size=3)
_pro_6000_2g = partial(BoardProfile, slices=2, sm_count=94, memory_mib=mib(46.50), starts=(0, 6), size=6)
_pro_6000_4g = partial(BoardProfile, slices=4, sm_count=188, memory_mib=mib(93.38), starts=(0,), size=12)
_pro_5000_1g = partial(BoardProfile, slices=1, sm_count=54, memory_mib=mib(23.12), starts=(0, 1), size=1)
_pro_5000_2g = partial(BoardProfile, slices=2, sm_count=110, memory_mib=mib(46.50), starts=(0,), size=2)
_pro_4500_1g = partial(BoardProfile, slices=1, sm_count=40, memory_mib=mib(15.25), starts=(0, 1), size=1)
_pro_4500_2g = partial(BoardProfile, slices=2, sm_count=82, memory_mib=mib(30.75), starts=(0,), size=2)
_HALVES_NOTES = (
    "The guide gives names, counts and engines. Not published: SMs of the halves and memory (chosen: about half), the "
    "grid (chosen: two units), ids (chosen: those of the same share of an RTX PRO 6000)."
)

BOARDS = (
    _board(
        key="rtx-pro-6000-96gb",
        name="NVIDIA RTX PRO 6000 Blackwell Server Edition",
        sm_count=188,
        memory_mib=97_887,
        pci_device_id=0x2BB510DE,
        profiles=(
            _pro_6000_1g(slot=0x0, id=14, name="1g.24gb", max_count=4, engines=_media(1, 1)),
            _pro_6000_1g(slot=0x7, id=21, name="1g.24gb+me", max_count=1, engines=_media(1, 1, ofa=1)),
            _pro_6000_1g(slot=0xA, id=47, name="1g.24gb+gfx", max_count=4, engines=_media(1, 1)),
            _pro_6000_1g(slot=0xF, id=65, name="1g.24gb+me.all", max_count=1, engines=_media(1, 4, ofa=1)),
            _pro_6000_1g(slot=0xD, id=67, name="1g.24gb-me", max_count=4, engines=_media(1, 0)),
            _pro_6000_2g(slot=0x1, id=5, name="2g.48gb", max_count=2, engines=_media(2, 2)),
            _pro_6000_2g(slot=0xB, id=35, name="2g.48gb+gfx", max_count=2, engines=_media(2, 2)),
            _pro_6000_2g(slot=0x10, id=64, name="2g.48gb+me.all", max_count=1, engines=_media(2, 4, ofa=1)),
            _pro_6000_2g(slot=0xE, id=66, name="2g.48gb-me", max_count=2, engines=_media(2, 0)),
            _pro_6000_4g(slot=0x3, id=0, name="4g.96gb", max_count=1, engines=_media(4, 4, ofa=1)),
            _pro_6000_4g(slot=0xC, id=32, name="4g.96gb+gfx", max_count=1, engines=_media(4, 4, ofa=1)),
        ),
    ),
    _board(
        key="rtx-pro-5000-48gb",
        name="NVIDIA RTX PRO 5000 Blackwell",
        sm_count=110,
        memory_mib=48_935,
        pci_device_id=0x2BB310DE,
        profiles=(
            _pro_5000_1g(slot=0x0, id=5, name="1g.24gb", max_count=2, engines=_media(1, 1, jpeg=0)),
            _pro_5000_1g(slot=0x7, id=6, name="1g.24gb+me", max_count=1, engines=_media(1, 1, ofa=1)),
            _pro_5000_1g(slot=0xA, id=35, name="1g.24gb+gfx", max_count=2, engines=_media(1, 1, jpeg=0)),
            _pro_5000_1g(slot=0xF, id=64, name="1g.24gb+me.all", max_count=1, engines=_media(1, 3, jpeg=1, ofa=1)),
            _pro_5000_1g(slot=0xD, id=66, name="1g.24gb-me", max_count=2, engines=_media(1, 0)),
            _pro_5000_2g(slot=0x1, id=0, name="2g.48gb", max_count=1, engines=_media(4, 3, jpeg=1, ofa=1)),
            _pro_5000_2g(slot=0xB, id=32, name="2g.48gb+gfx", max_count=1, engines=_media(4, 3, jpeg=1, ofa=1)),
        ),
        notes=_HALVES_NOTES,
    ),
    _board(
        key="rtx-pro-4500-32gb",
        name="NVIDIA RTX PRO 4500 Blackwell",
        sm_count=82,
        memory_mib=32_623,
        pci_device_id=0x2C3110DE,
        profiles=(
            _pro_4500_1g(slot=0x0, id=5, name="1g.16gb", max_count=2, engines=_media(1, 1)),
            _pro_4500_1g(slot=0xA, id=35, name="1g.16gb+gfx", max_count=2, engines=_media(1, 1)),
            _pro_4500_1g(slot=0xF, id=64, name="1g.16gb+me.all", max_count=1, engines=_media(1, 3, jpeg=2, ofa=1)),
            _pro_4500_1g(slot=0xD, id=66, name="1g.16gb-me", max_count=2, engines=_media(1, 0)),
            _pro_4500_2g(slot=0x1, id=0, name="2g.32gb", max_count=1, engines=_media(2, 3, jpeg=2, ofa=1)),
            _pro_4500_2g(slot=0xB, id=32, name="2g.32gb+gfx", max_count=1, engines=_media(2, 3, jpeg=2, ofa=1)),
        ),
        notes=_HALVES_NOTES,
    ),
)
