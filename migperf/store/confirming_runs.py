"""The runs of a confirmation: what it is about, what was made of it so far, and making the next one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.histories.confirming import ConfirmingRun, Evidence, Side
from migperf.histories.imported_metric import metrics_from
from migperf.histories.judging import Judged, Points
from migperf.histories.points import PointFigure, figures_of
from migperf.histories.watch import Watch
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.store import confirmations, nodes, results, runs, watching
from migperf.store.history_tables import ConfirmationRow, HistoryRow, PointRow, RegressionRow
from migperf.store.models import PartitionRow, Run
from migperf.store.requests import RunRequest

LABEL = "confirms"
MOST_BEFORE = 30
"""Points before the change that runs are compared with: the newest of that level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Runs that were made one after the other, one of each side."""

    runs: Mapping[Side, Run]

    def counts(self, watch: Watch) -> bool:
        """Tell whether its figures can be used."""
        return watch.tainted == "judge" or not any(run.taints for run in self.runs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A confirmation that has not ended, locked, and its rounds so far, the last one perhaps in part."""

    row: ConfirmationRow
    history: HistoryRow
    watch: Watch
    rounds: Sequence[Round]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of the round that comes next or goes on: who begins alternates, as what comes first may matter."""
        if self.row.baseline is None:
            return (Side.CANDIDATE,)
        begun = len(self.rounds) - (0 if self._is_complete else 1)
        return (Side.BASELINE, Side.CANDIDATE) if begun % 2 == 0 else (Side.CANDIDATE, Side.BASELINE)

    @property
    def next_side(self) -> Side:
        """The side of the run that is to be made next."""
        made = {} if self._is_complete else self.rounds[-1].runs
        return next(side for side in self.sides if side not in made)

    @property
    def complete(self) -> Sequence[Round]:
        """The rounds with a run of each side."""
        return self.rounds if self._is_complete else self.rounds[:-1]

    @property
    def made(self) -> Sequence[Run]:
        """All runs, in the order in which they were made."""
        return [run for one in self.rounds for run in one.runs.values()]

    @property
    def _is_complete(self) -> bool:
        return not self.rounds or len(self.rounds[-1].runs) == (1 if self.row.baseline is None else 2)


def case_of(session: Session, confirmation_id: str) -> Case | None:
    """Return a confirmation as it is now, locked; None if it has ended, or somebody else sees to it."""
    query = select(ConfirmationRow).where(ConfirmationRow.id == confirmation_id).with_for_update(skip_locked=True)
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None or row.ended_at is not None:
        return None
    history = session.get_one(HistoryRow, row.history_id)
    rounds: defaultdict[int, dict[Side, Run]] = defaultdict(dict)
    for made in confirmations.runs_of(row):
        if (run := session.get(Run, made.run_id)) is not None:
            rounds[made.round][made.side] = run
    ordered = [Round(runs=rounds[number]) for number in sorted(rounds)]
    return Case(row=row, history=history, watch=watching.watch_of(history) or Watch(), rounds=ordered)


def evidence_of(session: Session, case: Case, rounds: Sequence[Round]) -> Evidence:
    """Return what these rounds and the history say."""
    judged = Judged() if case.history.judged is None else Judged.read(case.history.judged)
    imported = metrics_from(case.history.imported_metrics)
    known = ((name, case.watch.known_rule(name, imported)) for name in judged.metrics)
    rules = {name: rule for name, rule in known if rule is not None}
    of_side = {
        side: [_points(session, one.runs[side], rules) for one in rounds]
        for side in (Side(side) for side in Side)
        if all(side in one.runs for one in rounds)
    }
    return Evidence(
        rules=rules,
        suspected=dict(case.row.metrics),
        before=_before(session, case, judged, rules),
        candidate=of_side[Side.CANDIDATE],
        baseline=None if case.row.baseline is None else of_side[Side.BASELINE],
    )


def _points(session: Session, run: Run, rules: Mapping[str, MetricRule]) -> Points:
    figures = figures_of(results.read_figures(session, run.id))
    return {name: figures[name].point() for name in rules if name in figures}


def _before(session: Session, case: Case, judged: Judged, rules: Mapping[str, MetricRule]) -> Sequence[Points]:
    """Return the newest points of the level before the change."""
    place = _first_bad(session, case.row).number or 0
    begin = max((change.first for change in judged.changes if change.first < place), default=0)
    query = select(PointRow).where(
        PointRow.history_id == case.history.id,
        PointRow.number >= max(begin, place - MOST_BEFORE),
        PointRow.number < place,
    )
    return [
        {name: PointFigure.model_validate(row.figures[name]).point() for name in rules if name in row.figures}
        for row in session.scalars(query.order_by(PointRow.number))
    ]


def _first_bad(session: Session, row: ConfirmationRow) -> PointRow:
    """Return where the change begins as far as is known now: what was suspected may have been found elsewhere since."""
    if row.regression_id is None:
        return session.get_one(PointRow, row.first_bad_id)
    return session.get_one(RegressionRow, row.regression_id).first_bad


def submit_next(session: Session, case: Case, now: datetime, stale_s: float) -> Run:
    """Queue the next run, on the partition on which it was worse where that is still there.

    Raises ValidationError for a benchmark that this version cannot run.
    """
    side, document = case.next_side, dict(case.history.benchmark or {})
    partition = _partition(session, case, now, stale_s)
    if partition is not None and document.get("layout") is None:
        document["where"] = document["where"] | {"partition": partition}
    if side is Side.BASELINE:
        document["environment"] = case.row.baseline
    labels = {LABEL: case.row.id, f"{LABEL}-side": str(side)}
    request = RunRequest.model_validate(document | {"labels": labels, "in_history": False})
    run = runs.submit(session, request, now)
    number = len(case.complete)
    case.row.runs = [*case.row.runs, ConfirmingRun(run_id=run.id, side=side, round=number).model_dump(mode="json")]
    return run


def _partition(session: Session, case: Case, now: datetime, stale_s: float) -> str | None:
    """Return the partition on which the benchmark was worse last, if it is there and its node is alive."""
    point = session.get_one(PointRow, case.row.as_of_id)
    run = None if point.run_id is None else session.get(Run, point.run_id)
    row = None if run is None or run.partition is None else session.get(PartitionRow, run.partition)
    if row is None or row.retired_at is not None or not nodes.is_alive(row.node_row, now, stale_s):
        return None
    return row.uuid
