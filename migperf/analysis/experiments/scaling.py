"""Scaling efficiency: the throughput of n equal pieces of a device together, beside one that is whole. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from migperf.analysis.experiments.cells import CellResult
from migperf.analysis.experiments.observations import THROUGHPUT
from migperf.analysis.experiments.places import Place
from migperf.analysis.experiments.ratios import Ratio, ratio_of
from migperf.experiments.group import Role
from migperf.gpus.partition import PartitionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Pieces beside the whole: ``ratio`` is 1 where dividing the device costs nothing; or ``absent`` says why not.

    ``pieces`` is how many pieces the total is of. ``together`` tells whether they were measured at the same time; else
    it is that many times what one alone does, which leaves out what the pieces do to each other.
    """

    cell: CellResult
    whole: CellResult
    pieces: int
    piece: str
    whole_name: str
    fitting: int | None
    together: bool
    ratio: Ratio | None
    absent: str | None

    @property
    def way(self) -> str:
        """How the total was come by, for people."""
        beside = f" (of {self.fitting} that fit)" if self.fitting and self.fitting > self.pieces else ""
        if self.together:
            return f"{self.pieces} × {self.piece}{beside}, measured together"
        return f"{self.pieces} × one {self.piece} measured alone"


def scaling(cells: Sequence[CellResult]) -> tuple[Scaling, ...]:
    """Return each cell of equal pieces beside the cell of the same work on a whole device of that model, if any."""
    wholes = sorted(filter(_is_whole, cells), key=lambda cell: _is_cut(_places(cell)[0]))
    pairs = ((cell, _whole_for(cell, wholes)) for cell in cells if _is_pieces(cell))
    return tuple(_scaling(cell, whole) for cell, whole in pairs if whole is not None)


def _scaling(cell: CellResult, whole: CellResult) -> Scaling:
    place, together = _places(cell)[0], cell.clients > 1
    pieces = cell.clients if together else place.fitting or 1
    figure, reference = cell.headline(THROUGHPUT), whole.headline(THROUGHPUT)
    found: Ratio | str = "one of the two has no throughput"
    if figure is not None and reference is not None:
        found = ratio_of(figure, reference, scale=1.0 if together else float(pieces))
    return Scaling(
        cell=cell,
        whole=whole,
        pieces=pieces,
        piece=place.name,
        whole_name=_places(whole)[0].name,
        fitting=place.fitting,
        together=together,
        ratio=found if isinstance(found, Ratio) else None,
        absent=found if isinstance(found, str) else None,
    )


def _places(cell: CellResult) -> list[Place]:
    return [run.place for repeat in cell.repeats for run in repeat.clients if run.place is not None]


def _is_whole(cell: CellResult) -> bool:
    places = _places(cell)
    return bool(places) and cell.clients == 1 and not cell.neighbours and all(place.is_whole for place in places)


def _is_pieces(cell: CellResult) -> bool:
    """Tell whether all clients have pieces of one kind, and there are or could be several."""
    places = _places(cell)
    if not places or cell.neighbours or any(place.is_whole for place in places):
        return False
    alike = len({(place.name, place.partition.model) for place in places}) == 1
    return alike and (cell.clients > 1 or (places[0].fitting or 1) > 1)


def _is_cut(place: Place) -> bool:
    return place.partition.kind is PartitionKind.MIG


def _whole_for(cell: CellResult, wholes: Sequence[CellResult]) -> CellResult | None:
    """Return the cell of the same work on a whole device of the same model; an uncut GPU comes before one instance."""
    model = _places(cell)[0].partition.model
    same = (whole for whole in wholes if _work(whole) == _work(cell) and _places(whole)[0].partition.model == model)
    return next(same, None)


def _work(cell: CellResult) -> str:
    members = () if cell.spec is None else cell.spec.members
    return next((member.benchmark.fingerprint() for member in members if member.role is Role.CLIENT), "")
