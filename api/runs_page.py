"""What the table of runs shows, gathered from the store by a few queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.runs_query import RunsPageQuery
from api.schemas.runs import RunView
from migperf.measure.figures import ResultFigure
from migperf.store import listing, results

_MAIN = {"offline": ("throughput",), "train": ("throughput",)}
_ELSE = ("latency_p50", "throughput")
"""Of scenarios whose requests come one by one: how long one takes tells more than how many there are."""
_ANY_MAIN = frozenset(chain(_ELSE, *_MAIN.values()))


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run as the table shows it."""

    run: RunView
    figure: ResultFigure | None
    """Its main figure; None where it has none, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """One page of the table."""

    listed: Sequence[ListedRun]
    next_cursor: str | None
    previous_cursor: str | None
    picked_elsewhere: Sequence[str]
    """Runs that are picked and not on this page."""

    @classmethod
    def of(cls, session: Session, query: RunsPageQuery, links: Links) -> Self:
        """Gather it. Raises BadCursorError, and NotFoundError for an experiment that does not exist."""
        page = listing.list_runs(session, query.wanted(), query.sort, query.limit, query.cursor)
        figures = results.read_figures_of(session, [run.id for run in page.runs], _ANY_MAIN)
        here = {run.id for run in page.runs}
        return cls(
            listed=[ListedRun(RunView.of(run, links), _main(run.scenario, figures[run.id])) for run in page.runs],
            next_cursor=page.next_cursor,
            previous_cursor=page.previous_cursor,
            picked_elsewhere=[run_id for run_id in query.pick if run_id not in here],
        )


def _main(scenario: str, figures: Sequence[ResultFigure]) -> ResultFigure | None:
    known = {figure.name: figure for figure in figures if figure.value is not None}
    return next((known[name] for name in _MAIN.get(scenario, _ELSE) if name in known), None)
