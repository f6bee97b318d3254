"""Listings of runs are read from the index of their order, on SQLite and PostgreSQL."""

import pytest

from migperf.store import listing
from migperf.store.database import Database
from migperf.store.listing import RunFilter, SortOrder
from tests.databases import query_plan

INDEXES = {
    "created_at": "ix_runs_listing",
    "finished_at": "ix_runs_finished",
    "duration_s": "ix_runs_by_duration",
    "workload": "ix_runs_by_workload",
    "priority": "ix_runs_by_priority",
}
FILTERS = {
    "all": RunFilter(),
    "words": RunFilter(text="no-such-word"),
    "tainted": RunFilter(tainted=True),
}


def plan_of(database: Database, wanted: RunFilter, sort: SortOrder) -> str:
    with database.read() as session:
        return query_plan(session, lambda: listing.list_runs(session, wanted, sort, 5, None), "runs")


def sorts_in(plan: str) -> int:
    return sum("SORT KEY" in line or "TEMP B-TREE" in line for line in plan.upper().splitlines())


@pytest.mark.parametrize("sort", list(SortOrder))
@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS.keys())
def test_every_order_has_an_index_that_is_read_in_that_order(
    database: Database, sort: SortOrder, wanted: RunFilter
) -> None:
    plan = plan_of(database, wanted, sort)
    assert INDEXES[sort.removeprefix("-")] in plan
    assert sorts_in(plan) == 1, "the runs of one page are put in order once they are found, and nothing else is"
