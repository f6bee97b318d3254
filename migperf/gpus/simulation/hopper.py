"""The Hopper generation: H100 in its sizes, H20, GH200 and H200. Their MIG mode changes at once."""

from functools import partial

from migperf.gpus.driver import Architecture
from migperf.gpus.simulation.board import Board, Engines
from migperf.gpus.simulation.seven_slices import seven_slices

_board = partial(Board, architecture=Architecture.HOPPER, compute_capability=(9, 0), cores_per_sm=128)
_profiles = partial(
    seven_slices,
    engines=(
        Engines(copy=1, decoders=1, jpeg=1),
        Engines(copy=1, decoders=1, jpeg=1, ofa=1),
        Engines(copy=1, decoders=1, jpeg=1),
        Engines(copy=2, decoders=2, jpeg=2),
        Engines(copy=3, decoders=3, jpeg=3),
        Engines(copy=4, decoders=4, jpeg=4),
        Engines(copy=8, decoders=7, jpeg=7, ofa=1),
    ),
)
_80gb = partial(_profiles, gb={1: 10, 2: 20, 4: 40, 8: 80}, gib={1: 9.75, 2: 19.62, 4: 39.50, 8: 79.25})
_96gb = partial(_profiles, gb={1: 12, 2: 24, 4: 48, 8: 96}, gib={1: 11.25, 2: 23.00, 4: 46.50, 8: 93.00})
_SMS = (16, 16, 26, 32, 60, 64, 132)
_96GB_NOTES = (
    "Memory of the 1g profiles is not in the tables: a little less than half of the 2g's, as on the relatives."
)

BOARDS = (
    _board(
        key="h100-80gb",
        name="NVIDIA H100 80GB HBM3",
        sm_count=132,
        memory_mib=81_559,
        pci_device_id=0x233010DE,
        profiles=_80gb(sms=_SMS),
    ),
    _board(
        key="h100-pcie-80gb",
        name="NVIDIA H100 PCIe",
        sm_count=114,
        memory_mib=81_559,
        pci_device_id=0x233110DE,
        profiles=_80gb(sms=(14, 14, 14, 30, 46, 62, 114)),
    ),
    _board(
        key="h100-94gb",
        name="NVIDIA H100 NVL",
        sm_count=132,
        memory_mib=95_830,
        pci_device_id=0x232110DE,
        profiles=_profiles(gb={1: 12, 2: 24, 4: 47, 8: 94}, gib={1: 10.75, 2: 21.62, 4: 46.38, 8: 93.12}, sms=_SMS),
    ),
    _board(
        key="h100-96gb",
        name="NVIDIA H100 96GB HBM3",
        sm_count=132,
        memory_mib=97_871,
        pci_device_id=0x233D10DE,
        profiles=_96gb(sms=_SMS),
        notes=f"{_96GB_NOTES} SM counts and memory are those of GH200 96 GB; the board's name was not seen.",
    ),
    _board(
        key="h20-96gb",
        name="NVIDIA H20",
        sm_count=78,
        memory_mib=97_871,
        pci_device_id=0x232910DE,
        profiles=_96gb(sms=(8, 8, 14, 18, 34, 36, 78)),
        notes=f"{_96GB_NOTES} SM counts of the profiles are those of H100 times 78/132, rounded down to even numbers.",
    ),
    _board(
        key="gh200-96gb",
        name="NVIDIA GH200 480GB",
        sm_count=132,
        memory_mib=97_871,
        pci_device_id=0x234210DE,
        profiles=_96gb(sms=_SMS),
        notes=_96GB_NOTES,
    ),
    _board(
        key="gh200-144gb",
        name="NVIDIA GH200 144G HBM3e",
        sm_count=132,
        memory_mib=147_456,
        pci_device_id=0x234810DE,
        profiles=_profiles(gb={1: 18, 2: 36, 4: 72, 8: 144}, gib={1: 17.50, 2: 35.25, 4: 70.75, 8: 142.00}, sms=_SMS),
        notes="Rows 4g and 7g were not seen; memory of 3g, 4g, 7g and of the board follows the smaller profiles.",
    ),
    _board(
        key="h200-141gb",
        name="NVIDIA H200",
        sm_count=132,
        memory_mib=143_771,
        pci_device_id=0x233510DE,
        profiles=_profiles(gb={1: 18, 2: 35, 4: 71, 8: 141}, gib={1: 16.00, 2: 32.25, 4: 69.50, 8: 139.75}, sms=_SMS),
        notes="Its list of placements was not seen: that of H100.",
    ),
)
