"""Compares what a GPU tells with the tables that migperf simulates boards from: which board it is, what agrees."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from gpu_calls import Answer
from gpu_walk import Told

from migperf.gpus.driver import GpuInstanceProfile
from migperf.gpus.inventory import MIB
from migperf.gpus.nvml_errors import NvmlNotSupportedError
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.board import Board, BoardProfile

Figure = int | str
MEMORY_TOLERANCE = 0.02
"""Boards of one name differ by more than this; what a driver reserves is less."""
_ABSENT = NvmlNotSupportedError.__name__


@dataclass(frozen=True, slots=True)
class Agreement:
    """One figure that is the same in the table and on the GPU."""

    what: str
    value: Figure


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that is not. None where one side does not have the thing at all."""

    what: str
    table: Figure | None
    driver: Figure | None


@dataclass(frozen=True, slots=True)
class Untold:
    """One figure of the table that the driver did not tell, and why."""

    what: str
    table: Figure
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A GPU beside the table of its board; ``board`` is None where it was not recognised."""

    gpu: str
    board: str | None
    recognised_by: str
    notes: str
    """What of the table was not confirmed by a published source, in the table's own words."""
    agreements: tuple[Agreement, ...] = ()
    differences: tuple[Difference, ...] = ()
    untold: tuple[Untold, ...] = ()


Finding = Agreement | Difference | Untold


def compare(told: Told, boards: Collection[Board]) -> Comparison:
    """Set a GPU beside the one of these boards that it is."""
    board, how = recognise(told, boards)
    if board is None:
        return Comparison(gpu=told.label, board=None, recognised_by=how, notes="")
    findings = (*_board(told, board), *_profiles(told, board))
    return Comparison(
        gpu=told.label,
        board=board.key,
        recognised_by=how,
        notes=board.notes,
        agreements=tuple(f for f in findings if isinstance(f, Agreement)),
        differences=tuple(f for f in findings if isinstance(f, Difference)),
        untold=tuple(f for f in findings if isinstance(f, Untold)),
    )


def recognise(told: Told, boards: Collection[Board]) -> tuple[Board | None, str]:
    """Return the board, and how it was recognised: by its PCI device id, else by name and memory."""
    for board in boards:
        if board.pci_device_id == told.pci_device_id.value:
            return board, f"PCI device id {_hex(board.pci_device_id)}"
    if (name := told.name.value) is None:
        return None, f"no board has its PCI device id, and its name is not known: {told.name.why_not}"
    alike = [board for board in boards if _same_model(name, board.name) and _same_memory(told, board)]
    if not alike:
        return None, f"no board has its PCI device id, and none its name and memory: {name}"
    return max(alike, key=lambda board: SequenceMatcher(None, name, board.name).ratio()), "name and memory"


def _same_model(one: str, other: str) -> bool:
    return _model(one) == _model(other)


def _model(name: str) -> str | None:
    """Return the first word with a digit: ``H100`` of ``NVIDIA H100 80GB HBM3``, ``6000`` of ``RTX PRO 6000``."""
    words = name.replace("-", " ").split()
    return next((word for word in words if any(map(str.isdigit, word))), None)


def _same_memory(told: Told, board: Board) -> bool:
    """Tell whether the board has so much; a GPU that does not tell may be any."""
    if told.memory_bytes.value is None:
        return True
    return abs(told.memory_bytes.value / MIB / board.memory_mib - 1) < MEMORY_TOLERANCE


def _finding(what: str, table: Figure, driver: Answer[Figure]) -> Finding:
    if driver.value is None:
        return Untold(what, table, driver.why_not)
    return Agreement(what, table) if driver.value == table else Difference(what, table, driver.value)


def _board(told: Told, board: Board) -> Iterator[Finding]:
    """Compare the whole GPU."""
    yield _finding("name", board.name, told.name)
    yield _finding("PCI device id", _hex(board.pci_device_id), told.pci_device_id.then(_hex))
    yield _finding("architecture", board.architecture.name, told.architecture.then(lambda known: known.name))
    yield _finding("compute capability", _dotted(board.compute_capability), told.compute_capability.then(_dotted))
    yield _finding("memory, MiB", board.memory_mib, told.memory_bytes.then(lambda bytes_: bytes_ // MIB))
    yield _finding("SMs", board.sm_count, told.core_count.then(lambda cores: cores // board.cores_per_sm))


def _hex(number: int) -> str:
    return f"{number:#010x}"


def _dotted(pair: tuple[int, int]) -> str:
    return ".".join(map(str, pair))


def _profiles(told: Told, board: Board) -> Iterator[Finding]:
    """Compare the profiles slot by slot: their names and ids may differ, the slot says what is meant."""
    rows = {row.slot: row for row in board.profiles}
    for slot in sorted(rows.keys() | told.found.keys()):
        if (row := rows.get(slot)) is None:
            extra = told.found[slot]
            yield Difference(f"profile in slot {slot}", None, f"{extra.name}, id {extra.id}")
        elif (profile := told.found.get(slot)) is None:
            yield _missing(row, told.profiles.get(slot))
        else:
            yield from _profile(row, profile, told.placements[slot])


def _missing(row: BoardProfile, answer: Answer[GpuInstanceProfile] | None) -> Finding:
    """A row that the driver has not: not there, or not told."""
    what, table = f"profile in slot {row.slot}", f"{row.name}, id {row.id}"
    if answer is None or answer.failure is None or answer.failure.error == _ABSENT:
        return Difference(what, table, None)
    return Untold(what, table, answer.why_not)


def _profile(
    row: BoardProfile, profile: GpuInstanceProfile, places: Answer[tuple[Placement, ...]]
) -> Iterator[Finding]:
    engines = row.engines
    for what, table, driver in (
        ("name", row.name, profile.name),
        ("id", row.id, profile.id),
        ("compute slices", row.slices, profile.slice_count),
        ("most instances", row.max_count, profile.instance_count),
        ("SMs", row.sm_count, profile.sm_count),
        ("memory, MiB", row.memory_mib, profile.memory_mib),
        ("copy engines", engines.copy, profile.copy_engines),
        ("decoders", engines.decoders, profile.decoders),
        ("encoders", engines.encoders, profile.encoders),
        ("JPEG engines", engines.jpeg, profile.jpeg),
        ("optical-flow engines", engines.ofa, profile.ofa),
    ):
        yield _finding(f"{row.name}: {what}", table, Answer(driver, None))
    table_places = _listed(Placement(start, row.size) for start in row.starts)
    yield _finding(f"{row.name}: places", table_places, places.then(_listed))


def _listed(places: Iterable[Placement]) -> str:
    return " ".join(map(str, sorted(places)))
