"""Which runs have devices, and what they did lately: read in a few statements, however many runs there are."""

from migperf.store.database import Database
from migperf.store.occupants import lately, occupants
from tests.api.steps import GRACT, NS_PER_S, POWER, STALLED, begun, finished, gap, submitted, watched
from tests.databases import counted_statements


def running(database: Database, *times_s: float) -> str:
    """Store a run that is under way, with samples of its power at these times."""
    run_id = submitted(database)
    begun(database, run_id)
    watched(database, run_id, POWER, {time_s: 100.0 + time_s for time_s in times_s})
    return run_id


def test_runs_with_a_lease_are_occupants_until_they_end(database: Database) -> None:
    run_id = submitted(database)
    token = begun(database, run_id)
    with database.read() as session:
        [one] = occupants(session)
    assert (one.run_id, one.device, one.workload) == (run_id, f"CPU-{run_id}", "test-step")
    finished(database, token)
    with database.read() as session:
        assert occupants(session) == []


def test_each_run_has_the_end_of_the_series_that_is_wanted_most(database: Database) -> None:
    first, second, none = running(database, 1, 50, 60), running(database, 7), running(database)
    watched(database, second, GRACT, {5.0: 1.0, 6.0: 2.0})
    wanted = dict.fromkeys((first, second, none), ("gract", "power"))
    with database.read() as session:
        found = lately(session, wanted, 20 * NS_PER_S, most=9)
    assert {run: (one.head.metric.name, one.chunk.value.tolist()) for run, one in found.items()} == {
        first: ("power", [150.0, 160.0]),
        second: ("gract", [1.0, 2.0]),
    }
    assert found[first].end_ns == 60 * NS_PER_S


def test_gaps_come_with_the_samples_that_they_lie_among(database: Database) -> None:
    run_id = running(database)
    watched(
        database,
        run_id,
        POWER,
        {1.0: 1.0, 90.0: 2.0},
        gap(2, 30, STALLED),
        gap(80, 85, STALLED),
        gap(91, None, STALLED),
    )
    with database.read() as session:
        one = lately(session, {run_id: ("power",)}, 20 * NS_PER_S, most=9)[run_id]
    assert [found.start_ns // NS_PER_S for found in one.gaps] == [80, 91]


def test_many_runs_take_no_more_statements_than_one(database: Database) -> None:
    one, *others = (running(database, 1, 2, 3) for _ in range(6))

    def read(*runs: str) -> int:
        with database.read() as session, counted_statements(database) as statements:
            assert len(lately(session, dict.fromkeys(runs, ("power",)), NS_PER_S, most=5)) == min(len(runs), 5)
        return len(statements)

    assert read(one) == read(one, *others)
