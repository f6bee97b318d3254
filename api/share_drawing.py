"""How CPUs, and devices that a group of runs shares, are drawn: a lane for each share, as long as what it may have.

The coordinates are those of an SVG as wide as a GPU's drawing, which stands for the whole device. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.slices import HEIGHT, WIDTH, SliceState
from migperf.gpus.partition import Partition, PartitionKind

LOWEST_LANE = 14
MOST_LANES = 16
"""The last of so many stands for all others of a crowd."""
MOST_CORES_DRAWN = 64
"""The borders of more cores would be a grey area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one share may have of the device, from ``left`` on; ``text`` is inside, ``title`` says it in full."""

    left: float
    top: float
    width: float
    height: float
    state: SliceState
    text: str
    title: str

    @property
    def middle(self) -> tuple[float, float]:
        """Where its text stands."""
        return round(self.left + self.width / 2, 2), round(self.top + self.height / 2 + 3.5, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneDrawing:
    """A device as it is drawn that is not cut: its shares, or one lane for all of it."""

    lanes: tuple[Lane, ...]
    shares: int
    """How many there are, also where not each has a lane; 0 for a device that is not shared."""
    grid: str
    """SVG path of the borders of cores; empty for a GPU."""
    width: int = WIDTH
    height: float


@dataclass(frozen=True, slots=True)
class _Extent:
    """A part of the whole, both from 0 to 1."""

    start: float
    length: float


def draw_cpu(cpu: Partition, state: SliceState, shares: Sequence[Partition] = ()) -> LaneDrawing:
    """Return the drawing of a host's CPU; ``shares`` are what runs of a group have of it now."""
    cores = cpu.cpus or ()
    height = _height(shares)
    if not shares:
        text = f"{len(cores)} core{'' if len(cores) == 1 else 's'}" if cores else "CPU"
        whole = _lane(_Extent(0, 1), 0, height, state, text, f"{text}: {state}")
        return LaneDrawing(lanes=(whole,), shares=0, grid=_cores(len(cores), height), height=height)
    lanes = _lanes([(share, _of_cores(share, cores)) for share in shares], height)
    return LaneDrawing(lanes=lanes, shares=len(shares), grid=_cores(len(cores), height), height=height)


def draw_shared_gpu(shares: Sequence[Partition]) -> LaneDrawing:
    """Return the drawing of a GPU that the runs of a group share now; there is at least one share."""
    height = _height(shares)
    lanes = _lanes([(share, _of_gpu(share)) for share in shares], height)
    return LaneDrawing(lanes=lanes, shares=len(shares), grid="", height=height)


def share_words(partition: Partition) -> str:
    """Return what a share has of its device, in a few words."""
    share = partition.share
    if share is None:
        return "all of it"
    others = f"with {share.count - 1} other{'' if share.count == 2 else 's'}"  # noqa: PLR2004 - one other
    if partition.kind is PartitionKind.CPU_SHARE:
        cores = f"{share.cores} core{'' if share.cores == 1 else 's'}"
        return f"{cores} of its own" if share.mode == "pinned" else f"{cores} shared {others}"
    if partition.kind is PartitionKind.MPS:
        limits = ["MPS"]
        limits += [] if share.thread_pct is None else [f"at most {share.thread_pct} % of the multiprocessors"]
        limits += ["multiprocessors of its own"] if share.static else []
        limits += [] if share.memory_limit_mib is None else [f"at most {share.memory_limit_mib:,} MiB"]
        return ", ".join(limits)
    return f"turns on all of it {others}" if partition.kind is PartitionKind.TIME_SLICE else "green contexts"


def _height(shares: Sequence[Partition]) -> float:
    return max(HEIGHT, LOWEST_LANE * min(len(shares), MOST_LANES))


def _lanes(placed: Sequence[tuple[Partition, _Extent]], height: float) -> tuple[Lane, ...]:
    each = height / min(len(placed), MOST_LANES)
    drawn = placed if len(placed) <= MOST_LANES else placed[: MOST_LANES - 1]
    lanes = [
        _lane(extent, number * each, each, SliceState.LEASED, _short(share), f"{share_words(share)}: leased")
        for number, (share, extent) in enumerate(drawn)
    ]
    if others := len(placed) - len(drawn):
        told = f"and {others:,} more"
        lanes.append(_lane(_Extent(0, 1), height - each, each, SliceState.LEASED, told, f"{told} shares: leased"))
    return tuple(lanes)


def _lane(extent: _Extent, top: float, height: float, state: SliceState, text: str, title: str) -> Lane:
    left, width = round(extent.start * WIDTH, 2), round(extent.length * WIDTH, 2)
    return Lane(left=left, top=round(top, 2), width=width, height=round(height, 2), state=state, text=text, title=title)


def _short(partition: Partition) -> str:
    share = partition.share
    if share is None:
        return ""
    if share.cores is not None:
        return f"{share.cores} core{'' if share.cores == 1 else 's'}"
    return f"{share.thread_pct} %" if share.thread_pct is not None else str(share.mode).replace("_", " ")


def _of_cores(partition: Partition, cores: Sequence[int]) -> _Extent:
    """Return which of the cores a share may use; consecutive ones, as they are divided."""
    places = [cores.index(core) for core in partition.cpus or () if core in cores]
    if not places:
        return _Extent(0, 1)
    return _Extent(min(places) / len(cores), (max(places) - min(places) + 1) / len(cores))


def _of_gpu(partition: Partition) -> _Extent:
    """Return how much a share may have; MPS gives no place, so limits are drawn one behind the other where they fit."""
    share = partition.share
    if share is None or (share.thread_pct is None and not share.static):
        return _Extent(0, 1)
    length = 1 / share.count if share.thread_pct is None else share.thread_pct / 100
    return _Extent(min(share.index * length, 1 - length), length)


def _cores(count: int, height: float) -> str:
    if not 1 < count <= MOST_CORES_DRAWN:
        return ""
    return "".join(f"M{round(core * WIDTH / count, 2)},0v{height}" for core in range(1, count))
