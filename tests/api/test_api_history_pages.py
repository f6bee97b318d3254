"""The pages of histories and regressions: what was said of results, told so that people know what to do."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from migperf.histories.points import PointFigure
from migperf.histories.regression import RegressionState
from migperf.histories.watch import Watch
from migperf.store import histories, history_reading, regressions, watching
from migperf.store.database import Database
from migperf.store.history_tables import HistoryRow, PointRow, RegressionRow
from migperf.store.new_points import NewHistory, NewPoint, add_points, history_of
from migperf.store.points import RUN
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.api.test_api_pages import outline
from tests.databases import counted_statements
from tests.history_builder import BENCHMARK, HOUR, NOON, confirm, judge, measured, noisy

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
BEFORE = 12
TITLE = "test-step train on a processor"
OLD, NEW = {"torch": "2.12"}, {"torch": "2.13"}


def page_of(client: TestClient, path: str, **query: Any) -> str:
    answer = client.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    outline(answer.text)
    return answer.text


def read(page: str) -> str:
    """Return a page as it reads, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def the_history(database: Database) -> HistoryRow:
    with database.read() as session:
        return session.scalars(select(HistoryRow)).one()


def the_regression(database: Database) -> str:
    with database.read() as session:
        return session.scalars(select(RegressionRow.id)).one()


def watched(database: Database, **asked: Any) -> list[str]:
    """Store a history of some points that is watched; return their runs."""
    ids = measured(database, noisy(BEFORE))
    judge(database)
    with database.write() as session:
        watching.set_by_hand(session.scalars(select(HistoryRow)).one(), Watch.model_validate(asked))
    judge(database)
    return ids


def stored(database: Database, *values: float, begin: int = 0, environment: Any = OLD) -> None:
    """Store points whose runs are deleted: what takes no run is tested sooner without."""
    told = {"hardware": {}, "title": TITLE, "workload": "test-step", "scenario": "train"}
    with database.write() as session:
        new = NewHistory(fingerprint="f" * 64, hardware_key="c" * 64, **told)
        history = history_of(session, new, NOON, NOON)
        history.watch = Watch(confirm_runs=0).model_dump(mode="json")
        for number, value in enumerate(values, begin):
            figures = {"step_time_p50": PointFigure(value=value, unit="ms")}
            point = {"key": f"point-{number:02}", "figures": figures, "environment": environment}
            add_points(session, history, [NewPoint(at=NOON + number * HOUR, origin=RUN, **point)])
    judge(database)


def stored_worse(database: Database) -> None:
    """Store points that get worse by a fifth when the environment changes."""
    stored(database, *noisy(BEFORE))
    stored(database, *noisy(4, 120.0, seed=2), begin=BEFORE, environment=NEW)


def worse(database: Database, **asked: Any) -> list[str]:
    """Store one that gets worse by a fifth when the environment changes; return the runs since then."""
    watched(database, **asked)
    ids = measured(database, noisy(4, 120.0, seed=2), NOON + BEFORE * HOUR, environment=NEW)
    judge(database)
    return ids


def test_without_histories_the_lists_say_what_that_means_and_what_to_do(client: TestClient) -> None:
    assert "There is no history yet. One begins by itself" in read(page_of(client, "/histories"))
    told = read(page_of(client, "/regressions"))
    assert "Nothing is watched, so no regression can be told of. There is no history yet, either" in told
    assert "standing" not in read(page_of(client, "/"))


def test_histories_are_listed_with_what_is_said_of_them(client: TestClient, database: Database) -> None:
    measured(database, noisy(3))
    measured(database, noisy(2), request={"parameters": {"step_ms": 9}})
    judge(database)
    measured(database, noisy(1), request={"parameters": {"step_ms": 7}})
    judge(database)
    page = page_of(client, "/histories")
    assert page.count("verdict-insufficient-data") == 3
    assert page.count('<svg class="spark"') == 2, "one point is no line"
    assert re.search(r"<td>step time p50: [\d.]+ ms</td>", page)
    assert re.findall(r"step_ms=[\d.]+", page) == ["step_ms=7.0", "step_ms=9.0"], "they have one title"
    (first, *_) = re.findall(r'href="(/histories/[^"?#]+)"', page)
    assert "with step_ms=7.0" in read(page_of(client, first))
    assert "Choose one of the histories" in read(page_of(client, "/regressions"))


@both_databases
def test_histories_are_found_by_text_verdict_and_watching(client: TestClient, database: Database) -> None:
    stored(database, *noisy(BEFORE))
    listed = '<td><span class="verdict'
    for query, found in (
        ({"text": "TEST-step"}, True),
        ({"text": "elsewhere"}, False),
        ({"text": "%"}, False),
        ({"watched": "yes"}, True),
        ({"watched": "no"}, False),
        ({"verdict": "undecided"}, True),
        ({"verdict": "regressed"}, False),
        ({"verdict": "", "text": "", "watched": ""}, True),
        ({"verdict": "rotten"}, True),
    ):
        page = page_of(client, "/histories", **query)
        assert (listed in page) is found, query
        assert ("No history is like that" in page) is not found
    assert 'value="test"' in page_of(client, "/histories", text="test"), "the form shows what was asked for"


@both_databases
def test_the_page_of_a_history_draws_each_metric_and_tells_what_changed(client: TestClient, database: Database) -> None:
    ids = worse(database, confirm_runs=0)
    history = the_history(database)
    page = page_of(client, f"/histories/{history.id}")
    assert page.count("<figure") == 1
    assert page.count('class="mark dot judged"') == BEFORE + 4
    assert page.count('class="mark jump worse"') == 1
    assert page.count('class="mark flag"') == 1
    assert f'href="/runs/{ids[0]}"' in page
    told = read(page)
    for expected in (
        "all 16 points",
        "step time p50 +2",
        "provisional: later points may still move or withdraw it",
        "torch 2.12 → 2.13",
        f"step time p50: a change before run {ids[0]} was found when run",
        "somebody who said so by hand",
        "people are told at once",
        "1 regression standing",
    ):
        assert expected in told, expected
    assert f'href="/regressions/{the_regression(database)}"' in page


def test_a_level_is_drawn_where_its_points_are_and_has_the_interval_that_was_said(
    client: TestClient, database: Database
) -> None:
    stored_worse(database)
    page = page_of(client, f"/histories/{the_history(database).id}")
    assert page.count('class="level"') == 2
    assert page.count('class="band"') == 1, "nothing is known of how surely the first level is known"
    assert re.search(r"levels (99|100)\S* ms, then 1(19|20|21)\S* ms", page)


def test_points_that_are_not_judged_are_hollow_and_say_why(client: TestClient, database: Database) -> None:
    watched(database)
    measured(database, [101.0], NOON + BEFORE * HOUR, taints=[{"rule": "busy_neighbours"}])
    judge(database)
    history_id = the_history(database).id
    with database.write() as session:
        row = session.scalars(select(PointRow).where(PointRow.number == 3)).one()
        histories.leave_out(session, history_id, row.id, EVIL)
    page = page_of(client, f"/histories/{history_id}")
    assert "what is new is being judged" in page
    judge(database)
    page = page_of(client, f"/histories/{history_id}")
    assert page.count('class="mark dot left-out"') == 2
    assert f"left out: {EVIL}" in read(page.replace("\n", " "))
    assert "<script>alert" not in page
    assert "left out since tainted: busy neighbours" in page
    assert page.count("data-take-in=") == 1


def test_what_was_imported_is_told_apart_and_leads_nowhere(client: TestClient, database: Database) -> None:
    stored(database, *noisy(BEFORE))
    with database.write() as session:
        history = session.scalars(select(HistoryRow)).one()
        figures = {"step_time_p50": PointFigure(value=99.0, unit="ms")}
        at = NOON + 50 * HOUR
        add_points(session, history, [NewPoint(at=at, origin="other-tool", key=EVIL, figures=figures, environment={})])
    judge(database)
    page = page_of(client, f"/histories/{the_history(database).id}")
    assert page.count('<path class="point"') == 1
    assert "other-tool" in page
    assert "<script>alert" not in page


def test_a_stretch_of_a_history_is_drawn_and_led_away_from(client: TestClient, database: Database) -> None:
    stored(database, *noisy(BEFORE))
    path = f"/histories/{the_history(database).id}"
    page = page_of(client, path, **{"from": 4, "to": 8})
    assert page.count('class="mark dot judged"') == 5
    assert "5 points of a stretch" in page
    links = dict(re.findall(rf'<a href="{path}(\S*?)#charts" data-zoom>(\w+)</a>', page))
    assert {label: html.unescape(query) for query, label in links.items()} == {
        "All": "",
        "Earlier": "?from=0&to=4",
        "Later": "?from=7&to=11",
        "Wider": "?from=2&to=10",
    }
    assert page_of(client, path, **{"from": 99, "to": 2}).count('class="mark dot judged"') == 1
    assert client.get(path, params={"from": -1}).status_code == 422


def test_the_table_of_points_goes_back_page_by_page(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.history_page.POINTS_ON_A_PAGE", 5)
    stored(database, *noisy(BEFORE))
    path = f"/histories/{the_history(database).id}"
    page, seen = page_of(client, path), []
    for _ in range(3):
        seen += re.findall(r'<th scope="row"><span class="mono">point-(\d+)<', page)
        older = re.search(rf'href="{path}(\?before=\d+)#points">Earlier', page)
        if older is None:
            break
        page = page_of(client, path + older[1])
    assert seen == [f"{number:02}" for number in range(BEFORE)][::-1]
    assert client.get(path, params={"before": 10**9}).status_code == 404


def test_regressions_are_listed_those_first_that_somebody_should_care_about(
    client: TestClient, database: Database
) -> None:
    ids = worse(database, confirm_runs=0)
    told = read(page_of(client, "/regressions"))
    assert re.search(r"open step time p50 \+(19|20|21)\S* % \(\+\S+ % to \+\S+ %, 95 % confidence\)", told)
    assert "torch 2.12 → 2.13 not run again" in told
    assert f'href="/runs/{ids[0]}"' in page_of(client, "/regressions", state="open")
    assert "None." in page_of(client, "/regressions", state="resolved")
    assert "1 regression is standing" in read(page_of(client, "/"))
    with database.write() as session:
        regressions.triage(session, the_regression(database), RegressionState.FALSE_ALARM, None, None, NOON)
    assert "Nothing that is watched is known to have become worse" in read(page_of(client, "/regressions"))
    assert ids[0] in page_of(client, "/regressions", state="over")
    assert "is standing" not in read(page_of(client, "/"))


@both_databases
def test_the_page_of_a_regression_tells_what_since_when_and_what_else_is_new(
    client: TestClient, database: Database
) -> None:
    ids = worse(database)
    confirm(database, 120.0, NOON + 40 * HOUR)
    judge(database)
    regression_id = the_regression(database)
    with database.write() as session:
        regressions.triage(session, regression_id, RegressionState.ACKNOWLEDGED, EVIL, "ada", NOON + 41 * HOUR)
    page = page_of(client, f"/regressions/{regression_id}")
    told = read(page)
    assert re.search(r"Step time p50 rose by \d+\S* % \(\S+ % to \S+ %, 95 % confidence\) since the run of", told)
    for expected in (
        "New since the last good point: torch 2.12 → 2.13. It was run again 3 times, confirmed: it is worse",
        f"migperf compare {measured_before(database)} {ids[0]}",
        "an alarm of its own",
        "ada state acknowledged",
        f"ada comment {EVIL}",
        "migperf alerted",
    ):
        assert expected in told, expected
    assert "<script>alert" not in page
    assert page.count('class="marked"') == 1
    assert len(re.findall(r"as it is now: <a", page)) == 3
    assert re.findall(r'data-state="(\w*)"', page) == ["resolved", "false_alarm", "open", ""]


def measured_before(database: Database) -> str | None:
    with database.read() as session:
        return session.scalars(select(PointRow.run_id).where(PointRow.number == BEFORE - 1)).one()


def test_one_that_is_over_cannot_be_opened_again_and_says_since_when(client: TestClient, database: Database) -> None:
    stored_worse(database)
    stored(database, *noisy(6, seed=3), begin=BEFORE + 4)
    page = page_of(client, f"/regressions/{the_regression(database)}")
    assert re.findall(r'data-state="(\w*)"', page) == ["false_alarm", ""]
    assert "resolved recovered" in read(page)
    assert "Over since" in page


def test_a_regression_whose_runs_are_deleted_is_still_told_of(client: TestClient, database: Database) -> None:
    stored_worse(database)
    page = page_of(client, f"/regressions/{the_regression(database)}")
    assert "since the point of" in read(page)
    assert "migperf compare" not in page
    assert "deleted" in page_of(client, f"/histories/{the_history(database).id}")


def test_the_page_of_a_run_says_which_history_it_is_in(client: TestClient, database: Database) -> None:
    ids = worse(database, confirm_runs=0)
    told = read(page_of(client, f"/runs/{ids[0]}"))
    assert f"Point {BEFORE + 1} of {BEFORE + 4} of test-step train on a processor : regressed" in told
    page = page_of(client, f"/runs/{ids[0]}")
    assert page.count('class="marked"') == 1
    assert "history-chart.js" not in page, "a chart that cannot be zoomed needs no script"


def test_what_another_version_has_said_is_not_drawn_and_breaks_no_page(client: TestClient, database: Database) -> None:
    stored_worse(database)
    with database.write() as session:
        session.scalars(select(HistoryRow)).one().judged = {"points": "many"}
    history_id = the_history(database).id
    assert "there is nothing to draw" in page_of(client, f"/histories/{history_id}")
    assert the_regression(database) in page_of(client, "/regressions")
    page_of(client, f"/regressions/{the_regression(database)}")
    page_of(client, "/histories")


@pytest.mark.parametrize("path", ["/histories/none", "/regressions/none"])
def test_what_is_not_there_is_said_to_be_missing(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no such thing" in answer.text


def test_a_list_reads_the_database_as_often_whatever_its_length(client: TestClient, database: Database) -> None:
    def statements() -> int:
        with counted_statements(database) as counted:
            page_of(client, "/histories")
        return len(counted)

    measured(database, noisy(3))
    judge(database)
    few = statements()
    for step_ms in (2, 3, 4):
        measured(database, noisy(3), request={"parameters": {"step_ms": step_ms}})
    judge(database)
    assert statements() == few


@both_databases
def test_the_newest_points_of_some_histories_are_read_in_the_order_of_time(database: Database) -> None:
    measured(database, noisy(5))
    other = measured(database, noisy(2), NOON + timedelta(days=1), request=dict(BENCHMARK, parameters={"step_ms": 9}))
    judge(database)
    with database.read() as session:
        ids = [row.id for row in session.scalars(select(HistoryRow).order_by(HistoryRow.id))]
        found = history_reading.drawn_points_of(session, ids, 3)
        assert [len(found[key]) for key in ids] == [3, 2]
        assert [point.number for point in found[ids[0]]] == [2, 3, 4]
        first, last = found[ids[1]]
        named = history_reading.named_points(session, ids[1], first.at, last.at)
        assert [named[point.id].run_id for point in (first, last)] == other
        assert first.at == NOON + timedelta(days=1)
        assert history_reading.drawn_points_of(session, [], 3) == {}
        assert history_reading.count_points(session, ids[0]) == 5
