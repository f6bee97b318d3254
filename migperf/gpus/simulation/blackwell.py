"""The big boards of the Blackwell generation: B200, GB200, B300, GB300. They share the grid of A100."""

from functools import partial

from migperf.gpus.driver import Architecture
from migperf.gpus.simulation.board import Board, Engines
from migperf.gpus.simulation.seven_slices import seven_slices

_board = partial(Board, architecture=Architecture.BLACKWELL, cores_per_sm=128)
_profiles = partial(
    seven_slices,
    engines=(
        Engines(copy=2, decoders=1, jpeg=1),
        Engines(copy=2, decoders=1, jpeg=1, ofa=1),
        Engines(copy=2, decoders=1, jpeg=1),
        Engines(copy=4, decoders=2, jpeg=2),
        Engines(copy=6, decoders=3, jpeg=3),
        Engines(copy=8, decoders=4, jpeg=4),
        Engines(copy=16, decoders=7, jpeg=7, ofa=1),
    ),
)
_B200_SMS = (18, 18, 30, 36, 66, 72, 148)
_GB200_SMS = (18, 18, 32, 38, 70, 76, 152)
_UNSEEN = "The driver's output for 3g, 4g and 7g was not seen: SMs, memory, decoders and JPEG engines by H100's ratios."
_GUESSED = (
    "Only names and counts of its profiles are published. SMs and engines are those of the {relative}, memory is a "
    "little less than the eighths of the board that the names are made of."
)

BOARDS = (
    _board(
        key="b200-180gb",
        name="NVIDIA B200",
        compute_capability=(10, 0),
        sm_count=148,
        memory_mib=183_359,
        pci_device_id=0x290110DE,
        profiles=_profiles(
            gb={1: 23, 2: 45, 4: 90, 8: 180}, gib={1: 22.00, 2: 44.25, 4: 89.00, 8: 178.50}, sms=_B200_SMS
        ),
        notes=f"{_UNSEEN} Some drivers give the 1g 20.50 GiB.",
    ),
    _board(
        key="gb200-186gb",
        name="NVIDIA GB200",
        compute_capability=(10, 0),
        sm_count=152,
        memory_mib=189_471,
        pci_device_id=0x294110DE,
        profiles=_profiles(
            gb={1: 23, 2: 47, 4: 93, 8: 186}, gib={1: 22.00, 2: 45.50, 4: 92.00, 8: 184.50}, sms=_GB200_SMS
        ),
        notes=f"{_UNSEEN} Early boards name the profiles 1g.24gb, 3g.95gb and 7g.189gb.",
    ),
    _board(
        key="b300-269gb",
        name="NVIDIA B300 SXM6 AC",
        compute_capability=(10, 3),
        sm_count=148,
        memory_mib=275_040,
        pci_device_id=0x318210DE,
        profiles=_profiles(
            gb={1: 34, 2: 67, 4: 135, 8: 269}, gib={1: 33.25, 2: 66.75, 4: 134.00, 8: 268.50}, sms=_B200_SMS
        ),
        notes=_GUESSED.format(relative="B200"),
    ),
    _board(
        key="gb300-278gb",
        name="NVIDIA GB300",
        compute_capability=(10, 3),
        sm_count=152,
        memory_mib=284_208,
        pci_device_id=0x31C210DE,
        profiles=_profiles(
            gb={1: 35, 2: 70, 4: 139, 8: 278}, gib={1: 34.50, 2: 69.25, 4: 138.50, 8: 277.25}, sms=_GB200_SMS
        ),
        notes=_GUESSED.format(relative="GB200"),
    ),
)
