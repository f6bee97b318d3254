"""Studies of company: what neighbours, and ways of sharing, do to a cell beside the same cell without them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from migperf.analysis.experiments.axes import Axis, key
from migperf.analysis.experiments.cells import CellResult
from migperf.analysis.experiments.observations import THROUGHPUT, TIMINGS, FigureKey, Of, headline_of
from migperf.analysis.experiments.ratios import Ratio, ratio_of
from migperf.analysis.experiments.values import CellFigure
from migperf.experiments.group import GroupSpec, Role
from migperf.gpus.sharing import SharingMode

COMPARED = (THROUGHPUT, *(f"{timing}_{statistic}" for timing in TIMINGS for statistic in ("p50", "p99")))


class StudyKind(StrEnum):
    """What differs between the cells of a study."""

    NEIGHBOURS = "neighbours"
    SHARING = "sharing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A figure of a cell beside the reference of its line; either ``ratio`` is there, or ``absent`` says why not.

    A throughput below 1 and a time above 1 mean slower.
    """

    cell: CellResult
    reference: CellResult
    figure: str
    of: Of
    ratio: Ratio | None
    absent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """An axis along which company changes, with the contrasts of all its lines.

    ``reference`` says in words which cell of each line the others are compared with.
    """

    kind: StudyKind
    axis: Axis
    reference: str
    contrasts: tuple[Contrast, ...]


def studies(cells: Sequence[CellResult], axes: Sequence[Axis]) -> tuple[Study, ...]:
    """Return the studies that an experiment contains: one for each axis along which neighbours or sharing change."""
    found = (_study(axis, cells, kind) for axis in axes if axis.varies for kind in StudyKind)
    return tuple(study for study in found if study is not None)


def _study(axis: Axis, cells: Sequence[CellResult], kind: StudyKind) -> Study | None:
    lines = [line for line in _lines(axis, cells) if _differs(line, kind)]
    if not lines:
        return None
    is_reference, words = _REFERENCE[kind]
    references = [next(filter(is_reference, line), None) for line in lines]
    contrasts = tuple(
        contrast
        for line, found in zip(lines, references, strict=True)
        for contrast in _contrasts(line, found or _first_asked(line))
    )
    fallback = f"the cell {words}, or the first of {axis.name} that could be measured where there is none"
    reference = f"the cell {words}" if None not in references else fallback
    return Study(kind=kind, axis=axis, reference=reference, contrasts=contrasts)


def _first_asked(line: Sequence[CellResult]) -> CellResult:
    """Return the first cell that was to be measured: nothing can be said beside one that was skipped."""
    return next((cell for cell in line if cell.spec is not None), line[0])


def _lines(axis: Axis, cells: Iterable[CellResult]) -> Iterator[list[CellResult]]:
    """Yield the cells that agree in all other coordinates, in the order of the axis."""
    lines: dict[str, list[CellResult]] = {}
    for cell in cells:
        others = {path: value for path, value in cell.coordinates.items() if path != axis.path}
        lines.setdefault(key(others), []).append(cell)
    for line in lines.values():
        yield sorted(line, key=lambda cell: axis.index(cell.coordinates))


def _differs(line: Sequence[CellResult], kind: StudyKind) -> bool:
    told = {key(_company(cell.spec, kind)) for cell in line if cell.spec is not None}
    return len(told) > 1


def _company(spec: GroupSpec, kind: StudyKind) -> object:
    """Return what the runs of a cell have about them; the seeds of neighbours, which differ anyway, do not count."""
    if kind is StudyKind.SHARING:
        return None if spec.sharing is None else spec.sharing.model_dump(mode="json")
    return sorted(m.benchmark.fingerprint() for m in spec.members if m.role is Role.NEIGHBOUR)


def _is_alone(cell: CellResult) -> bool:
    return cell.spec is not None and not cell.neighbours


def _is_undivided(cell: CellResult) -> bool:
    return cell.spec is not None and (cell.spec.sharing is None or cell.spec.sharing.mode is SharingMode.WHOLE)


_REFERENCE: Mapping[StudyKind, tuple[Callable[[CellResult], bool], str]] = {
    StudyKind.NEIGHBOURS: (_is_alone, "without neighbours"),
    StudyKind.SHARING: (_is_undivided, "whose one run has the whole device"),
}


def _contrasts(line: Sequence[CellResult], reference: CellResult) -> Iterator[Contrast]:
    names = [name for name in COMPARED if any(name in cell.names for cell in line)]
    for cell in line:
        if cell is reference or cell.spec is None:
            continue
        if not names:
            yield _contrast(cell, reference, THROUGHPUT, headline_of(THROUGHPUT, cell.clients))
        for name in names:
            for of in _whose(cell, name):
                yield _contrast(cell, reference, name, of)


def _whose(cell: CellResult, name: str) -> tuple[Of, ...]:
    """Return what of a cell is compared: its headline, and of the throughput of several clients what each has."""
    several = name == THROUGHPUT and cell.clients > 1
    return (headline_of(name, cell.clients), *((Of.MEAN,) if several else ()))


def _contrast(cell: CellResult, reference: CellResult, name: str, of: Of) -> Contrast:
    found = _ratio(cell, reference, name, of)
    ratio, absent = (found, None) if isinstance(found, Ratio) else (None, found)
    return Contrast(cell=cell, reference=reference, figure=name, of=of, ratio=ratio, absent=absent)


def _ratio(cell: CellResult, reference: CellResult, name: str, of: Of) -> Ratio | str:
    figure, beside = _figure(cell, name, of), _figure(reference, name, of)
    if figure is None:
        return "; ".join(cell.why) or f"it has no {name}"
    if beside is None:
        return f"the reference has no {name}: {'; '.join(reference.why) or 'its runs have no such figure'}"
    return ratio_of(figure, beside)


def _figure(cell: CellResult, name: str, of: Of) -> CellFigure | None:
    """Return the figure of that kind; of a single client its own, which is total, mean and worst in one."""
    if of is Of.MEAN and cell.clients > 1:
        return cell.figures.get(FigureKey(name, Of.MEAN))
    return cell.headline(name)
