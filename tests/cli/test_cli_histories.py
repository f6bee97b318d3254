"""``migperf histories …`` and ``migperf regressions …``: what is said of results, and what people make of it."""

from pathlib import Path

import pytest

from migperf.client import ApiNotFoundError, Client
from migperf.histories.regression import RegressionState
from migperf.histories.watch import Watch
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.database import Database
from tests.cli.conftest import Cli
from tests.history_builder import HOUR, NOON, confirm, judge, measured, noisy

BEFORE = 20


@pytest.fixture
def regressed(service_url: str, database: Database) -> list[str]:
    """A history that is watched and got worse; the ids of its runs."""
    ids = measured(database, noisy(BEFORE))
    judge(database)
    with Client(service_url) as client:
        (history,) = client.histories()
        client.watch_history(history.id, Watch(confirm_runs=1))
    judge(database)
    ids += measured(database, noisy(4, 120.0, seed=2), NOON + BEFORE * HOUR, environment={"torch": "2.13"})
    judge(database)
    confirm(database, 120.0, NOON + 60 * HOUR)
    return ids


def test_a_history_is_found_shown_and_its_points_listed(cli: Cli, service_url: str, regressed: list[str]) -> None:
    at = ("--url", service_url)
    (listed,) = cli("histories", "list", "--watched", "--json", *at).document
    history = listed["id"]
    told = cli("histories", "list", "--verdict", "regressed", *at).out
    assert history in told
    assert "by hand" in told
    assert cli("histories", "list", "--search", "nothing", *at).out == ""
    wrong = cli("histories", "list", "--verdict", "fine", *at)
    assert (wrong.status, "insufficient data" in wrong.err.replace("\n", " ")) == (2, True)
    told = cli("histories", "show", history, *at).out
    assert f"regression {cli('regressions', 'list', '--json', *at).document[0]['id']}" in told.replace("\n", " ")
    assert regressed[BEFORE] in told.replace("\n", "")
    (drawing, below) = next(
        (line, mark) for line, mark in zip(told.splitlines(), told.splitlines()[1:], strict=False) if "█" in line
    )
    assert len(drawing) == BEFORE + 4
    assert below == " " * BEFORE + "▴"
    assert cli("histories", "show", history, "--json", *at).document["verdict"] == "regressed"
    unknown = cli("histories", "show", history, "--metric", "speed", *at)
    assert (unknown.status, "there are: step_time_p50" in unknown.err) == (2, True)
    told = cli("histories", "points", history, *at).out
    assert "torch 2.12 → 2.13" in told
    assert len(cli("histories", "points", history, "--json", "-n", "3", *at).document) == 3


def test_points_are_left_out_and_taken_in_and_histories_watched_and_deleted(
    cli: Cli, service_url: str, database: Database, tmp_path: Path
) -> None:
    at = ("--url", service_url)
    measured(database, noisy(2))
    judge(database)
    with Client(service_url) as client:
        (history,) = client.histories(workload="test-step", watched=False, verdict=HistoryVerdict.INSUFFICIENT_DATA)
        newest, _ = client.history_points(history.id, environment=True)
        assert newest.environment is not None
        assert cli("histories", "leave-out", history.id, str(newest.id), "-r", "fan", *at).status == 0
        assert next(client.history_points(history.id, 1)).left_out == "fan"
        assert cli("histories", "take-in", history.id, str(newest.id), *at).status == 0
        assert next(client.history_points(history.id, 1)).left_out is None
        assert list(client.history_events(history.id)) == []
        assert client.run_history(str(newest.run_id)).point.id == newest.id
        file = tmp_path / "watch.yaml"
        file.write_text("minimum_effect: 0.05\n")
        assert cli("histories", "watch", history.id, str(file), *at).status == 0
        assert (client.history(history.id).watch or {})["minimum_effect"] == 0.05
        file.write_text("minimum_effect: 5\n")
        wrong = cli("histories", "watch", history.id, str(file), *at)
        assert (wrong.status, "minimum_effect" in wrong.err) == (2, True)
        assert cli("histories", "unwatch", history.id, *at).status == 0
        assert client.history(history.id).watch is None
        assert cli("histories", "delete", history.id, *at).status == 0
        with pytest.raises(ApiNotFoundError):
            client.history(history.id)
    assert cli("histories", "show", history.id, *at).status == 1


def test_a_regression_is_shown_and_triaged(
    cli: Cli, service_url: str, regressed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    at = ("--url", service_url)
    (found,) = cli("regressions", "list", "--json", *at).document
    regression = found["id"]
    assert regression in cli("regressions", "list", "--state", "open", *at).out
    told = cli("regressions", "show", regression, *at).out
    flat = " ".join(told.split())
    assert f"first bad run {regressed[BEFORE]}" in flat
    assert "torch 2.12 → 2.13" in flat
    assert "confirmed, 1 runs: it is worse" in flat
    assert "migperf opened: step_time_p50 +2" in flat
    assert cli("regressions", "acknowledge", regression, "-c", "it is oneDNN", *at).status == 0
    assert cli("regressions", "comment", regression, "a fix is on its way", "--author", "bob", *at).status == 0
    assert cli("regressions", "false-alarm", regression, *at).status == 0
    assert cli("regressions", "list", *at).out == ""
    assert regression in cli("regressions", "list", "--all", *at).out
    assert cli("regressions", "reopen", regression, *at).status == 0
    said = cli("regressions", "resolve", regression, *at)
    assert "resolved" in said.err
    document = cli("regressions", "show", regression, "--json", *at).document
    record = [(entry["author"], entry["text"]) for entry in document["record"] if entry["author"]]
    assert record == [
        ("ada", "acknowledged"),
        ("ada", "it is oneDNN"),
        ("bob", "a fix is on its way"),
        ("ada", "false_alarm"),
        ("ada", "open"),
        ("ada", "resolved"),
    ]
    with Client(service_url) as client:
        assert [one.id for one in client.regressions(states=[RegressionState.RESOLVED])] == [regression]
        assert client.regression(regression).confirmations[0].runs
    assert cli("regressions", "list", "--state", "closed", *at).status == 2
    assert cli("regressions", "show", "nobody", *at).status == 1
