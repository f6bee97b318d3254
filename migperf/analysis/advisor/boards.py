"""The GPUs that advice is about: how many of each board, and every way to cut one, told apart by what there is."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Self

from migperf.analysis.advisor.demand import WHOLE, GpuStock
from migperf.analysis.advisor.errors import AdviceError
from migperf.gpus.geometry import Geometry, PlacedSet
from migperf.gpus.gpu import Gpu
from migperf.gpus.known_boards import gpu_of_board
from migperf.gpus.layout import OFF, InstanceSpec, Layout
from migperf.gpus.legal_layouts import legal_layouts
from migperf.gpus.simulation.boards import BOARDS

Content = tuple[tuple[str, int], ...]
"""Profiles and how many of each there are on one GPU; ``whole`` alone where it is not cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardStock:
    """GPUs that are alike. ``geometry`` is None for a board without MIG; ``uuids`` is empty where none is known."""

    model: str
    count: int
    geometry: Geometry | None
    memory_mib: int | None
    uuids: tuple[str, ...] = ()

    @classmethod
    def of(cls, gpus: Sequence[Gpu]) -> Self:
        """Return the stock of GPUs that are alike."""
        first = gpus[0]
        return cls(
            model=first.model,
            count=len(gpus),
            geometry=first.geometry,
            memory_mib=first.memory_mib,
            uuids=tuple(gpu.uuid for gpu in gpus),
        )

    @property
    def slices(self) -> int:
        """Compute slices of one GPU; 1 for a board without MIG."""
        return self.geometry.slices if self.geometry else 1

    @property
    def units(self) -> int:
        """Memory units of one GPU; 1 for a board without MIG."""
        return self.geometry.units if self.geometry else 1

    @property
    def profiles(self) -> tuple[str, ...]:
        """What an instance can be: the whole GPU, or one of its profiles, largest first."""
        cut = () if self.geometry is None else self.geometry.by_name
        return (WHOLE, *sorted(cut, key=lambda profile: InstanceSpec(profile).order))

    def slices_of(self, profile: str) -> int:
        """Return the compute slices of a profile; a whole GPU has them all."""
        return self.slices if profile == WHOLE or self.geometry is None else self.geometry.by_name[profile].slices

    def units_of(self, profile: str) -> int:
        """Return the memory units of a profile."""
        if profile == WHOLE or self.geometry is None:
            return self.units
        return self.geometry.by_name[profile].placements[0].size

    def memory_of(self, profile: str) -> int | None:
        """Return the memory of an instance, MiB; None where it is not known."""
        if profile == WHOLE or self.geometry is None:
            return self.memory_mib
        return self.geometry.by_name[profile].memory_mib

    def contents(self, useful: Collection[str]) -> tuple[Content, ...]:
        """Return what one GPU can be cut into, of these profiles alone, without what is part of something else."""
        cut: tuple[Content, ...] = () if self.geometry is None else _largest(self.geometry, frozenset(useful))
        return (((WHOLE, 1),), *cut) if WHOLE in useful else cut

    def example(self, profiles: Mapping[str, int]) -> tuple[str, str]:
        """Return the layout with these profiles, its places left open, and one with places.

        Every part of a legal layout is legal, so one is found wherever ``contents`` has one that holds it.
        """
        if self.geometry is None or WHOLE in profiles:
            return OFF, OFF
        placed = _placed(self.geometry, tuple(sorted(profiles.items())))
        layout = Layout.of(InstanceSpec(one.profile, one.placement.start) for one in placed)
        return str(layout.without_places()), str(layout)


def named_stock(stocks: Iterable[GpuStock]) -> tuple[BoardStock, ...]:
    """Return the boards that a demand names. Raises AdviceError for one that is not known, or is named twice."""
    found: dict[str, BoardStock] = {}
    for position, stock in enumerate(stocks):
        key = _board_key(stock.model, position)
        if key in found:
            raise AdviceError(("gpus", position, "model"), stock.model, "is named twice; add the counts up")
        gpu = gpu_of_board(key)
        found[key] = BoardStock(model=gpu.model, count=stock.count, geometry=gpu.geometry, memory_mib=gpu.memory_mib)
    return tuple(found.values())


def stock_at_hand(gpus: Iterable[Gpu]) -> tuple[BoardStock, ...]:
    """Return the GPUs of a service that can be used, board by board. Raises AdviceError if there are none."""
    known = tuple(gpus)
    usable: dict[tuple[str, Geometry | None], list[Gpu]] = {}
    for gpu in known:
        if gpu.problem is None and not gpu.simulated:
            usable.setdefault((gpu.model, gpu.geometry), []).append(gpu)
    if not usable:
        raise AdviceError(("gpus",), "at_hand", _none_usable(known))
    return tuple(BoardStock.of(alike) for alike in usable.values())


def _none_usable(known: Sequence[Gpu]) -> str:
    if not known:
        why = "this service knows no GPU"
    elif all(gpu.simulated for gpu in known):
        why = "this service knows simulated GPUs only"
    else:
        why = "no GPU of this service can be used now (`migperf gpus` says why)"
    return f"{why}; name boards, such as [{{model: A100-SXM4-80GB, count: 8}}]"


def _board_key(model: str, position: int) -> str:
    """Return the key of the board that is meant: by its key, or by its name with or without the maker's."""
    wanted = _plain(model)
    found = [key for key, board in BOARDS.items() if wanted in (key, _plain(board.name))]
    if not found and "*" in model:
        found = [key for key, board in BOARDS.items() if fnmatchcase(_plain(board.name), wanted)]
    if len(found) != 1:
        names = ", ".join(_short(board.name) for board in BOARDS.values())
        problem = f"means {len(found)} boards" if found else "is no board known here"
        raise AdviceError(("gpus", position, "model"), model, f"{problem}; there are {names}")
    return found[0]


def same_board(model: str, other: str) -> bool:
    """Tell whether two names are of one board model; the maker's name and case do not count."""
    return _plain(model) == _plain(other)


def matches_board(pattern: str, model: str) -> bool:
    """Tell whether a pattern with * and ? means a board, with or without the maker's name."""
    return any(fnmatchcase(name, pattern.lower()) for name in (model.lower(), _plain(model)))


def _plain(name: str) -> str:
    return _short(name).lower()


def _short(name: str) -> str:
    return name.strip().removeprefix("NVIDIA ").removeprefix("nvidia ")


@lru_cache(maxsize=256)
def _largest(geometry: Geometry, useful: frozenset[str]) -> tuple[Content, ...]:
    every = {
        tuple(sorted(Counter(profile for profile in legal.profiles if profile in useful).items()))
        for legal in legal_layouts(geometry)
    }
    counted = {content: Counter(dict(content)) for content in every if content}
    largest = [
        content
        for content, has in counted.items()
        if not any(other is not content and has <= counts for other, counts in counted.items())
    ]
    return tuple(sorted(largest, key=lambda content: ([InstanceSpec(p).order for p, _ in content], content)))


@lru_cache(maxsize=1024)
def _placed(geometry: Geometry, wanted: Content) -> PlacedSet:
    """Return instances with these profiles where they may lie."""
    return next(legal.placed for legal in legal_layouts(geometry) if Counter(legal.profiles) == Counter(dict(wanted)))
