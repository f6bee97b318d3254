"""Listing runs: filters, sort orders, and pages by cursor, which neither skip nor repeat a run while others arrive."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from migperf.store import experiments
from migperf.store.models import Label, PartitionRow, Run
from migperf.store.run_order import BadCursorError, Place, SortOrder
from migperf.store.run_search import ESCAPE, has_words, pattern_of
from migperf.store.states import RunState

__all__ = ["BadCursorError", "RunFilter", "RunPage", "SortOrder", "list_runs"]

Row = TypeVar("Row")
_INDEXED_BY_TIME = frozenset((Run.workload.key, Run.fingerprint.key, Run.partition.key))
"""Columns with an index that has the runs of each value as they were submitted."""
_INDEXED = _INDEXED_BY_TIME | {Run.state.key}
_MOST_OF_A_RARE_VALUE = 2_000
"""Runs that are sorted in a few milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; what is left out does not matter.

    Sorting by ``finished_at`` lists only finished runs, by ``duration_s`` those that had begun before they finished.
    """

    states: tuple[RunState, ...] = ()
    workload: str | None = None
    scenario: str | None = None
    fingerprint: str | None = None
    partition: str | None = None
    node: str | None = None
    """Only on partitions of this node."""
    kind: str | None = None
    profile: str | None = None
    """Only on MIG instances of this profile."""
    gpu_model: str | None = None
    """Only on boards or processors of this model; ``*`` and ``?`` match, case does not matter."""
    experiment: str | None = None
    """Only runs of the experiment with this id."""
    tainted: bool | None = None
    """Only runs with taints, or only those that have none; where nobody has looked, a run is neither."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    """Only runs that have each of these words in their workload or labels, or an id that begins with it."""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, and the cursors of the pages around them; None where there is none.

    That there is a page before the one that a cursor led to is taken for granted: it may be empty by now.
    """

    runs: Sequence[Run]
    next_cursor: str | None
    previous_cursor: str | None


def list_runs(session: Session, wanted: RunFilter, sort: SortOrder, limit: int, cursor: str | None) -> RunPage:
    """Return one page of runs. Raises BadCursorError, and NotFoundError for an experiment that does not exist."""
    if wanted.experiment is not None:
        experiments.require(session, wanted.experiment)
    place = None if cursor is None else Place.read(sort, cursor)
    back = place is not None and place.back
    chosen = select(Run.id).where(*_conditions(session, wanted, sort))
    if sort.some_have_none:
        chosen = chosen.where(sort.column.is_not(None))
    if place is not None:
        chosen = chosen.where(_beyond(sort, place))
    found = _read(session, _sorted(chosen, sort, descending=sort.descending != back).limit(limit + 1), sort)
    more = len(found) > limit
    if back:
        return _page(sort, found[-limit:], has_next=True, has_previous=more)
    return _page(sort, found[:limit], has_next=more, has_previous=place is not None)


def _read(session: Session, chosen: Select[str], sort: SortOrder) -> Sequence[Run]:
    """Return the runs in order. Which they are is found in an index first: rows are wide, and few are shown."""
    ids = chosen.subquery()
    runs = _sorted(select(Run).join(ids, ids.c.id == Run.id), sort, descending=sort.descending)
    return session.scalars(runs).unique().all()


def _page(sort: SortOrder, runs: Sequence[Run], *, has_next: bool, has_previous: bool) -> RunPage:
    if not runs:
        return RunPage(runs, None, None)
    following = str(Place.after(sort, runs[-1])) if has_next else None
    return RunPage(runs, following, str(Place.before(sort, runs[0])) if has_previous else None)


def _conditions(session: Session, wanted: RunFilter, sort: SortOrder) -> list[ColumnElement[bool]]:
    ways = _Ways(session, sort)
    equal: dict[InstrumentedAttribute[Any], Any] = {
        Run.workload: wanted.workload,
        Run.scenario: wanted.scenario,
        Run.fingerprint: wanted.fingerprint,
        Run.partition: wanted.partition,
        Run.experiment_id: wanted.experiment,
        Run.tainted: wanted.tainted,
    }
    conditions = [ways.one_of(column, [value]) for column, value in equal.items() if value is not None]
    if wanted.states:
        conditions.append(ways.one_of(Run.state, wanted.states))
    if wanted.ids:
        conditions.append(Run.id.in_(wanted.ids))
    if of_partition := _of_partition(wanted):
        known = session.scalars(select(PartitionRow.uuid).where(*of_partition)).all()
        conditions.append(ways.one_of(Run.partition, known))
    if wanted.created_after is not None:
        conditions.append(Run.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(Run.created_at < wanted.created_before)
    conditions += [_labelled(session, key, value) for key, value in wanted.labels.items()]
    return conditions + (has_words(wanted.text) if wanted.text else [])


@dataclass(frozen=True, slots=True)
class _Ways:
    """Leads SQLite to the index that has the listing's order; PostgreSQL knows how often each value is met."""

    session: Session
    sort: SortOrder

    def one_of(self, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition that a column has one of some values.

        For want of counts SQLite takes every value for a rare one, reads all runs that have it from an index of the
        column, and sorts them. What is not rare is hidden from it by COALESCE, so that it reads along the listing.
        """
        condition = column == values[0] if len(values) == 1 else column.in_(values)
        leads_astray = column.key in _INDEXED and not self._in_order(column, values)
        if not leads_astray or self.session.get_bind().dialect.name != "sqlite" or _is_rare(self.session, condition):
            return condition
        return func.coalesce(column, literal_column("''")).in_(values)

    def _in_order(self, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> bool:
        """Tell whether the runs that have it stand in an index of the column as the listing has them."""
        ordered = (Run.created_at.key, column.key) if column.key in _INDEXED_BY_TIME else ()
        return len(values) == 1 and self.sort.column.key in ordered


def _is_rare(session: Session, condition: ColumnElement[bool]) -> bool:
    """Tell whether few runs meet a condition; they are counted in an index, up to that."""
    some = select(Run.id).where(condition).limit(_MOST_OF_A_RARE_VALUE + 1).subquery()
    return session.scalars(select(func.count()).select_from(some)).one() <= _MOST_OF_A_RARE_VALUE


def _labelled(session: Session, key: str, value: str) -> ColumnElement[bool]:
    """Return the condition that a run has a label.

    The runs of a rare label are all read and sorted; a common one is looked up for each run along the listing, until
    a page is full. Databases cannot tell which it is: they know how often values are met, not those of one key.
    """
    of_label = (Label.key == key, Label.value == value)
    some = select(Label.run_id).where(*of_label).limit(_MOST_OF_A_RARE_VALUE + 1).subquery()
    if session.scalars(select(func.count()).select_from(some)).one() <= _MOST_OF_A_RARE_VALUE:
        return Run.id.in_(select(Label.run_id).where(*of_label))
    return select(Label.run_id).where(Label.run_id == Run.id, *of_label).correlate(Run).exists()


def _of_partition(wanted: RunFilter) -> list[ColumnElement[bool]]:
    equal = {PartitionRow.node: wanted.node, PartitionRow.kind: wanted.kind, PartitionRow.profile: wanted.profile}
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.gpu_model is not None:
        conditions.append(func.lower(PartitionRow.model).like(pattern_of(wanted.gpu_model), escape=ESCAPE))
    return conditions


def _sorted(query: Select[Row], sort: SortOrder, *, descending: bool) -> Select[Row]:
    columns = (sort.column, Run.id)
    return query.order_by(*(column.desc() if descending else column.asc() for column in columns))


def _beyond(sort: SortOrder, place: Place) -> ColumnElement[bool]:
    if sort.descending != place.back:
        return or_(sort.column < place.value, and_(sort.column == place.value, Run.id < place.run_id))
    return or_(sort.column > place.value, and_(sort.column == place.value, Run.id > place.run_id))
