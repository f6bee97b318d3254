"""The compatibility matrix: which framework does which task on which partition, by the runs that probed it.

Pure functions; the caller reads the runs and draws the matrix. Rows are frameworks and tasks, columns partitions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from workloads.frameworks.facts import COMPANIONS, DEVICE, FRAMEWORK, OBSTACLE, VERSION, Obstacle

_INCONCLUSIVE = frozenset({"queued", "placed", "running", "cancelled", "interrupted", "lost"})
"""States of runs that say nothing about what they probed: the run itself did not come about."""
_VOID = "void:"


class Verdict(StrEnum):
    """What is known of a framework on a partition."""

    WORKS = "works"
    FAILS = "fails"
    NOT_INSTALLED = "not_installed"
    NOT_OFFERED = "not_offered"
    """The framework has nothing of the kind, on whatever partition."""
    NOT_PROBED = "not_probed"
    """Nothing is known: no run, or none that could try; the reason says which."""


_BY_OBSTACLE = {
    Obstacle.NOT_INSTALLED: Verdict.NOT_INSTALLED,
    Obstacle.NOT_OFFERED: Verdict.NOT_OFFERED,
    Obstacle.NOT_REACHED: Verdict.NOT_PROBED,
}


class Column(NamedTuple):
    """What a column of the matrix is about: partitions of one name. Simulated ones have columns of their own."""

    partition: str
    simulated: bool = False


class Probed(NamedTuple):
    """What one cell of the matrix is about."""

    framework: str
    task: str
    column: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRun:
    """One run that probed something. ``environment`` is the run's own, with what the probe told of itself."""

    framework: str
    task: str
    partition: str
    state: str
    reason: str | None
    environment: Mapping[str, Any]
    simulated: bool = False
    """Whether the partition does not exist, so that the probe computed on a CPU."""

    @property
    def probed(self) -> Probed:
        """The cell of the matrix that it belongs to."""
        return Probed(self.framework, self.task, Column(self.partition, self.simulated))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is known of one framework and task on one partition.

    ``reason`` is None only where it works. ``probes`` counts the runs that stand behind the verdict, all of
    ``version``; ``device`` is where the last of them computed, in the framework's own words.
    """

    verdict: Verdict
    reason: str | None = None
    version: str | None = None
    companions: Mapping[str, str] | None = None
    device: str | None = None
    probes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One framework and task, with a cell for each column of the matrix, in its order."""

    framework: str
    task: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatibilityMatrix:
    """What is known of each framework and task in each column."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


UNTRIED = Cell(verdict=Verdict.NOT_PROBED, reason="no run has probed it")


def compatibility_matrix(runs: Iterable[ProbeRun], order: Iterable[Probed] = ()) -> CompatibilityMatrix:
    """Return the matrix of the runs, which come oldest first.

    Rows and columns come in the order in which they first come in ``order``, and then among the runs.
    """
    found: dict[Probed, list[ProbeRun]] = {probed: [] for probed in order}
    for run in runs:
        found.setdefault(run.probed, []).append(run)
    columns = tuple(dict.fromkeys(probed.column for probed in found))
    rows = tuple(
        Row(
            framework=framework,
            task=task,
            cells=tuple(cell(found.get(Probed(framework, task, column), ())) for column in columns),
        )
        for framework, task in dict.fromkeys((probed.framework, probed.task) for probed in found)
    )
    return CompatibilityMatrix(columns=columns, rows=rows)


def cell(runs: Sequence[ProbeRun]) -> Cell:
    """Return what the runs of one place say, oldest first.

    The newest run that tells anything decides which version it is about; of that version, one failure is enough for
    ``fails``, since what works now and then does not work.
    """
    telling = [run for run in runs if _told(run) is not Verdict.NOT_PROBED]
    if not telling:
        return UNTRIED if not runs else _cell(Verdict.NOT_PROBED, _why(runs[-1]), runs[-1], 0)
    newest = telling[-1]
    of_version = [run for run in telling if _about(run) == _about(newest)]
    failed = [run for run in of_version if _told(run) is Verdict.FAILS]
    if not failed:
        verdict = _told(newest)
        return _cell(verdict, None if verdict is Verdict.WORKS else _why(newest), newest, len(of_version))
    some = "" if len(failed) == len(of_version) else f"{len(failed)} of {len(of_version)} probes failed: "
    return _cell(Verdict.FAILS, some + _why(failed[-1]), newest, len(of_version))


def _told(run: ProbeRun) -> Verdict:
    """Return what one run says by itself."""
    if run.state in _INCONCLUSIVE or (run.reason or "").startswith(_VOID):
        return Verdict.NOT_PROBED
    if run.state == "succeeded":
        return Verdict.WORKS
    obstacle = run.environment.get(OBSTACLE)
    if obstacle in set(Obstacle):
        return _BY_OBSTACLE[Obstacle(obstacle)]
    # A run that ended before its probe began to speak failed by something else, such as a helper or a full disk.
    return Verdict.FAILS if FRAMEWORK in run.environment else Verdict.NOT_PROBED


def _about(run: ProbeRun) -> tuple[Any, Any]:
    """Return what a verdict is about: whether there was anything to try, and of which version."""
    return run.environment.get(OBSTACLE), run.environment.get(VERSION)


def _why(run: ProbeRun) -> str:
    return run.reason or f"the run is {run.state}"


def _cell(verdict: Verdict, reason: str | None, run: ProbeRun, probes: int) -> Cell:
    return Cell(
        verdict=verdict,
        reason=reason,
        version=run.environment.get(VERSION),
        companions=run.environment.get(COMPANIONS),
        device=run.environment.get(DEVICE),
        probes=probes,
    )
