"""Listings of runs are read from the index of their order, on SQLite and PostgreSQL."""

import re

import pytest

from migperf.store import listing
from migperf.store.database import Database
from migperf.store.listing import RunFilter, SortOrder
from migperf.store.states import RunState
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
        return query_plan(session, lambda: listing.list_runs(session, wanted, sort, 5, None), "runs", "ORDER BY")


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


OF_SOME = {
    "workload": RunFilter(workload="resnet18"),
    "fingerprint": RunFilter(fingerprint="f"),
    "partition": RunFilter(partition="CPU-1"),
    "state": RunFilter(states=(RunState.FAILED, RunState.LOST)),
}
by_filter = pytest.mark.parametrize("filtered", OF_SOME)


@by_filter
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sort", [SortOrder.HIGHEST_PRIORITY, SortOrder.LAST_FINISHED, SortOrder.LONGEST])
def test_sqlite_reads_what_many_runs_have_along_the_listing_and_what_few_have_by_itself(
    database: Database, filtered: str, sort: SortOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot tell one from the other: reading all runs of a common state, and sorting them, took longest of all."""
    rare = plan_of(database, OF_SOME[filtered], sort)
    monkeypatch.setattr(listing, "_MOST_OF_A_RARE_VALUE", -1)
    common = plan_of(database, OF_SOME[filtered], sort)
    assert f"SCAN runs USING COVERING INDEX {INDEXES[sort.removeprefix('-')]}" in common.replace("SEARCH", "SCAN")
    assert sorts_in(common) == 1
    assert f"({filtered}=?" in rare


@by_filter
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nothing_is_hidden_from_postgresql_which_counts_values_by_itself(database: Database, filtered: str) -> None:
    """A workload without runs was looked for among all of them."""
    plan = plan_of(database, OF_SOME[filtered], SortOrder.HIGHEST_PRIORITY)
    assert "COALESCE" not in plan
    assert re.search(rf"Index Cond: \(\(?{filtered}\b", plan)
