"""Listings of runs are read from the index of their order, on SQLite and PostgreSQL, where much is stored."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from migperf.store import listing
from migperf.store.bulk import insert_rows
from migperf.store.database import Database
from migperf.store.listing import RunFilter, SortOrder
from migperf.store.models import Run
from migperf.store.states import RunState
from tests import builders
from tests.databases import BACKENDS, migrated_database, query_plan

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
RUNS, RARE = 6_000, 500
"""One run of so many has what is rare."""
INDEXES = {
    "created_at": "ix_runs_listing",
    "finished_at": "ix_runs_finished",
    "duration_s": "ix_runs_by_duration",
    "workload": "ix_runs_by_workload",
    "priority": "ix_runs_by_priority",
}
COMMON_VALUES = {
    "all": RunFilter(),
    "common workload": RunFilter(workload="common"),
    "common fingerprint": RunFilter(fingerprint="common"),
    "common partition": RunFilter(partition="common"),
    "common state": RunFilter(states=(RunState.SUCCEEDED,)),
    "common states": RunFilter(states=(RunState.SUCCEEDED, RunState.LOST)),
}
OF_NONE = {
    "words": RunFilter(text="no-such-word"),
    "tainted": RunFilter(tainted=True),
    "scenario": RunFilter(scenario="train"),
}
RARE_VALUES = {
    "workload": RunFilter(workload="rare"),
    "fingerprint": RunFilter(fingerprint="rare"),
    "partition": RunFilter(partition="rare"),
    "state": RunFilter(states=(RunState.LOST, RunState.FAILED)),
}


@pytest.fixture(scope="module", params=BACKENDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with runs, which nobody changes. PostgreSQL has counted them, as it does by itself."""
    with migrated_database(request.param, tmp_path_factory.mktemp(request.param)) as url:
        opened = Database(url)
        with opened.write() as session:
            for value in ("common", "rare"):
                builders.register(session, BEGAN, builders.partition(value), node=value)
            insert_rows(session, Run, [run(number) for number in range(RUNS)])
        if request.param == "postgresql":
            with opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rare among these runs."""
    monkeypatch.setattr(listing, "_MOST_OF_A_RARE_VALUE", 100)


def run(number: int) -> dict[str, Any]:
    """A run as it is stored; neither priority nor duration goes with time."""
    value = "common" if number % RARE else "rare"
    return {
        "id": f"{number:036d}",
        "created_at": BEGAN + timedelta(minutes=number),
        "started_at": BEGAN + timedelta(minutes=number),
        "finished_at": BEGAN + timedelta(minutes=number, seconds=number % 97),
        "duration_s": float(number % 97),
        "state": RunState.SUCCEEDED if number % RARE else RunState.LOST,
        "version": 1,
        "workload": value,
        "scenario": "offline",
        "fingerprint": value,
        "benchmark": {},
        "priority": number % 89,
        "timeout_s": 1.0,
        "retry_limit": 0,
        "attempt": 1,
        "losses": 0,
        "partition": value,
        "progress": 1.0,
        "taints": [],
        "history_due": False,
        "search_text": f"{value} commit=c{number % 50} team=a",
    }


def plan_of(database: Database, wanted: RunFilter, sort: SortOrder) -> str:
    with database.read() as session:
        return query_plan(session, lambda: listing.list_runs(session, wanted, sort, 50, None), "runs", "ORDER BY")


def sorts_in(plan: str) -> int:
    return sum("SORT KEY" in line or "TEMP B-TREE" in line for line in plan.upper().splitlines())


def indexes_of(filtered: str, sort: SortOrder) -> set[str]:
    """Return the indexes that have such runs in an order: the order's own, or for one value others as well."""
    field, column = sort.removeprefix("-"), filtered.rsplit(maxsplit=1)[-1]
    of_one_workload = {"pk_runs"} if (field, column) == ("workload", "workload") else set()
    by_time = {f"ix_runs_{column}_created_at_id"} if field == "created_at" else set()
    return {INDEXES[field]} | of_one_workload | by_time


@pytest.mark.parametrize("sort", list(SortOrder))
@pytest.mark.parametrize("filtered", COMMON_VALUES)
def test_what_many_runs_have_is_read_along_an_index_in_the_order_of_the_listing(
    database: Database, sort: SortOrder, filtered: str
) -> None:
    """SQLite took every value for a rare one: reading and sorting all runs of a common state took longest of all."""
    plan = plan_of(database, COMMON_VALUES[filtered], sort)
    assert any(index in plan for index in indexes_of(filtered, sort)), plan
    assert sorts_in(plan) == 1, "the runs of one page are put in order once they are found, and nothing else is"


@pytest.mark.parametrize("sort", list(SortOrder))
@pytest.mark.parametrize("filtered", OF_NONE)
def test_what_no_run_has_is_looked_for_in_an_index_that_has_every_filter(
    database: Database, sort: SortOrder, filtered: str
) -> None:
    """The runs themselves are ten times as much to read."""
    plan = plan_of(database, OF_NONE[filtered], sort)
    assert any(index in plan for index in INDEXES.values()), plan
    if database.engine.dialect.name == "sqlite":
        # What is computed when it is read is taken from the index as well, but SQLite does not call that covering.
        covering = "" if filtered == "tainted" else "COVERING "
        assert f"{covering}INDEX {INDEXES[sort.removeprefix('-')]}" in plan
        assert sorts_in(plan) == 1


@pytest.mark.parametrize("sort", [SortOrder.HIGHEST_PRIORITY, SortOrder.LAST_FINISHED, SortOrder.LONGEST])
@pytest.mark.parametrize("column", RARE_VALUES)
def test_what_few_runs_have_is_found_by_itself(database: Database, sort: SortOrder, column: str) -> None:
    """A workload without runs was looked for among all of them."""
    plan = plan_of(database, RARE_VALUES[column], sort)
    assert "COALESCE" not in plan.upper()
    found_by = ("ix_runs_queue", "ix_runs_history_due") if column == "state" else (f"ix_runs_{column}_created_at_id",)
    assert any(index in plan for index in (*found_by, f"ix_runs_by_{column}")), plan
