"""What the explorer of layouts shows: a board or a GPU, a layout at its places, what could be added, and why not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.links import Links
from api.slices import ComputePart, Drawing, Grid, InstancePart, SliceState, draw
from migperf.errors import NotFoundError
from migperf.gpus.geometry import Geometry, Placed
from migperf.gpus.gpu import Gpu
from migperf.gpus.known_boards import board_key, gpu_of_board
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.legal_layouts import legal_layouts
from migperf.gpus.legality import Legality, Move, PlacedInstance, legality, moves
from migperf.gpus.objection import Objection
from migperf.gpus.placement import Placement
from migperf.gpus.profile import Profile
from migperf.gpus.simulation.boards import BOARDS
from migperf.store import gpus

FIRST_BOARD = "h100-80gb"
BOARD_NAMES = tuple((board.key, board.name) for board in BOARDS.values() if board.has_mig)


class LayoutPageQuery(BaseModel):
    """What the address of the explorer holds, which is all of its state."""

    board: str | None = Field(default=None, max_length=255)
    """Key or model name of a board."""
    gpu: str | None = Field(default=None, max_length=128)
    """UUID of a GPU of the service; goes before a board."""
    layout: str | None = Field(default=None, max_length=512)
    tried: str | None = Field(default=None, max_length=64, alias="try")
    """A place of which is asked why it cannot be taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a profile has, and whether it can be taken now."""

    at: str
    """Such as ``3g.40gb@4``."""
    start: int
    end: int
    link: str
    """The layout with it; where it cannot be taken, the same layout with the reason."""
    objection: str | None


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A profile and its places."""

    profile: Profile
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """Partitions of one profile that a layout offers."""

    profile: str
    count: int
    memory_mib: int | None
    sm_count: int | None
    """None where a compute instance has a part of its GPU instance's."""


@dataclass(frozen=True, slots=True)
class ListedLayout:
    """A legal layout to which nothing can be added."""

    layout: str
    link: str
    instances: int
    slices_left: int
    drawing: Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutPage:
    """The explorer at one layout of one board or GPU."""

    gpu: Gpu
    board: str | None
    """Key of the board; None where a GPU of the service was chosen."""
    text: str
    """The layout with places, or what was typed where that is no layout of this GPU."""
    objection: str | None
    """Why the layout that was typed, or the place that was tried, cannot be had."""
    drawing: Drawing
    profiles: tuple[ProfileRow, ...]
    served: tuple[Served, ...]
    slices_left: int
    units: int
    slices: int
    full: bool
    listed: tuple[ListedLayout, ...]
    legal: int
    """How many legal layouts there are, told apart by what there is."""
    empty: str
    """Address of the empty layout."""

    @classmethod
    def of(cls, session: Session, links: Links, query: LayoutPageQuery) -> Self:
        """Gather it. Raises NotFoundError for a board or GPU that is not known or cannot be cut."""
        uuid, text = query.gpu, query.layout
        gpu, key = _subject(session, query.board, uuid)
        geometry = gpu.geometry
        if geometry is None:
            raise NotFoundError("GPU that can be cut", gpu.uuid if uuid else str(key))
        address = _Address(links, key, uuid)
        found, objection = _legality(gpu, _first_text(gpu, uuid) if text is None else text)
        if query.tried is not None and objection is None:
            objection = _why_not(gpu, geometry, found, query.tried)
        every = legal_layouts(geometry)
        maximal = [legal for legal in every if legal.full]
        offered = moves(geometry, found.placed)
        return cls(
            gpu=gpu,
            board=key,
            text=str(found.layout) if text is None or found.instances or not objection else text,
            objection=objection,
            drawing=_drawing(gpu, [(i, address.to(_without(found.layout, i.spec))) for i in found.instances]),
            profiles=tuple(_rows(geometry, found.layout, offered, address)),
            served=tuple(_served(geometry, found)),
            slices_left=geometry.slices - sum(instance.slices for instance in found.instances),
            units=geometry.units,
            slices=geometry.slices,
            full=not any(move.objection is None for move in offered),
            listed=tuple(
                ListedLayout(
                    str(legal.layout),
                    address.to(legal.example()),
                    len(legal.placed),
                    legal.slices_left,
                    draw(Grid(geometry.units, geometry.slices), [_part(geometry, placed) for placed in legal.placed]),
                )
                for legal in maximal
            ),
            legal=len(every),
            empty=address.to(Layout()),
        )


@dataclass(frozen=True, slots=True)
class _Address:
    links: Links
    board: str | None
    uuid: str | None

    def to(self, layout: Layout, tried: Placed | None = None) -> str:
        subject = {"gpu": self.uuid} if self.uuid else {"board": self.board}
        more = {} if tried is None else {"try": str(tried)}
        return self.links.to("/layouts?" + urlencode({**subject, "layout": str(layout), **more}, safe="@()"))


def _subject(session: Session, board: str | None, uuid: str | None) -> tuple[Gpu, str | None]:
    if uuid:
        return gpus.describe(gpus.get(session, uuid)), None
    key = board_key(board or FIRST_BOARD)
    if key is None:
        raise NotFoundError("board", str(board), BOARDS)
    return gpu_of_board(key), key


def _first_text(gpu: Gpu, uuid: str | None) -> str:
    """A GPU is shown as it is cut now, a board empty."""
    return str(gpu.layout) if uuid and gpu.layout.instances else "empty"


def _legality(gpu: Gpu, text: str) -> tuple[Legality, str | None]:
    """Return what is shown, and why that is not what was typed."""
    try:
        found = legality(gpu, Layout.parse(text))
    except ValueError as error:  # the syntax of layouts, or a profile's name
        return Legality(Layout(), None), str(error)
    if found.objection is not None:
        return Legality(Layout(), None), str(found.objection)
    return found, None


def _why_not(gpu: Gpu, geometry: Geometry, found: Legality, tried: str) -> str | None:
    for move in moves(geometry, found.placed):
        if str(move.placed) == tried:
            return _text(move.objection)
    try:
        return _text(legality(gpu, Layout.parse(tried)).objection)
    except ValueError as error:  # the syntax of layouts, or a profile's name
        return str(error)


def _text(objection: Objection | None) -> str | None:
    return None if objection is None else str(objection)


def _without(layout: Layout, spec: InstanceSpec) -> Layout:
    rest = list(layout.instances)
    rest.remove(spec)
    return Layout.of(rest)


def _rows(geometry: Geometry, layout: Layout, offered: tuple[Move, ...], address: _Address) -> Iterator[ProfileRow]:
    for profile in geometry.profiles:
        own = [move for move in offered if move.placed.profile == profile.name]
        yield ProfileRow(profile, tuple(_place(move.placed, _text(move.objection), layout, address) for move in own))


def _place(placed: Placed, objection: str | None, layout: Layout, address: _Address) -> Place:
    added = Layout.of([*layout.instances, InstanceSpec(placed.profile, placed.placement.start)])
    link = address.to(added) if objection is None else address.to(layout, placed)
    return Place(str(placed), placed.placement.start, placed.placement.end - 1, link, objection)


def _served(geometry: Geometry, found: Legality) -> Iterator[Served]:
    of: dict[str, Profile] = {
        name: geometry.by_name[spec.profile] for spec in found.layout.instances for name in spec.partition_profiles
    }
    for name, count in Counter(found.layout.partition_profiles).items():
        profile = of[name]
        yield Served(name, count, profile.memory_mib, profile.sm_count if name == profile.name else None)


def _drawing(gpu: Gpu, instances: list[tuple[PlacedInstance, str]]) -> Drawing:
    if gpu.geometry is None:
        raise AssertionError("only a GPU that can be cut is drawn here")
    parts = (
        InstancePart(
            instance.placed.profile,
            instance.placed.placement,
            instance.slices,
            tuple(ComputePart(place, SliceState.PLACED) for place in instance.compute),
            SliceState.PLACED,
            link,
            "Take it away",
        )
        for instance, link in instances
    )
    return draw(Grid(gpu.geometry.units, gpu.geometry.slices), parts)


def _part(geometry: Geometry, placed: Placed) -> InstancePart:
    return part_of(placed, geometry.by_name[placed.profile].slices)


def part_of(placed: Placed, slices: int) -> InstancePart:
    """Return an instance of a layout that is only thought of, one compute instance filling it."""
    whole = (ComputePart(Placement(0, slices), SliceState.PLACED),)
    return InstancePart(placed.profile, placed.placement, slices, whole, SliceState.PLACED)
