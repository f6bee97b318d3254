"""Listing runs: filters that filter, orders that hold, pages that neither skip nor repeat."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from migperf.store import leases, listing, nodes, runs
from migperf.store.database import Database
from migperf.store.listing import SortOrder
from migperf.store.states import RunState
from tests import builders
from tests.api.serving import TestClient
from tests.api.steps import NOW, begun, both_databases, finished, measured, requeued, submitted

WORKLOADS = ("test-step", "resnet18")


def ids(client: TestClient, **query: Any) -> list[str]:
    answer = client.get("/v1/runs", params=query)
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["items"]]


def ended(database: Database, minute: int, **request: object) -> str:
    """A run that was submitted and took as long as that; several share a minute, so that ties occur."""
    run_id = submitted(database, NOW + timedelta(minutes=minute), **request)
    token = begun(database, run_id)
    with database.write() as session:
        leases.finish(session, token, RunState.SUCCEEDED, NOW + timedelta(minutes=minute, seconds=2))
    return run_id


@both_databases
@pytest.mark.parametrize("sort", list(SortOrder))
def test_pages_neither_skip_nor_repeat_while_runs_arrive(
    client: TestClient, database: Database, sort: SortOrder
) -> None:
    def arrive(number: int) -> str:
        return ended(database, number % 4, workload=WORKLOADS[number % 2], priority=number % 3)

    there_from_the_start = {arrive(number) for number in range(11)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for number in range(100):
        page = client.get("/v1/runs", params={"sort": sort, "limit": 2, **cursor}).json()
        seen += [run["id"] for run in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        if number < 6:
            arrive(number * 7)
    assert len(seen) == len(set(seen))
    assert there_from_the_start <= set(seen)


@pytest.mark.parametrize("sort", list(SortOrder))
def test_each_order_is_kept_across_pages(client: TestClient, database: Database, sort: SortOrder) -> None:
    for number in range(9):
        ended(database, number % 4, workload=WORKLOADS[number % 2], priority=number % 3)
    items, cursor = [], {}
    while True:
        page = client.get("/v1/runs", params={"sort": sort, "limit": 4, **cursor}).json()
        items += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    keys = [(run[sort.removeprefix("-")], run["id"]) for run in items]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    assert len(keys) == 9


def test_the_newest_come_first_and_fifty_are_a_page(client: TestClient, database: Database) -> None:
    stored = [submitted(database, NOW + timedelta(seconds=number)) for number in range(51)]
    page = client.get("/v1/runs").json()
    assert [run["id"] for run in page["items"]] == stored[:0:-1]
    assert ids(client, cursor=page["next_cursor"]) == [stored[0]]


def test_no_runs_are_an_empty_page(client: TestClient) -> None:
    assert client.get("/v1/runs").json() == {"items": [], "next_cursor": None, "previous_cursor": None}


@both_databases
def test_each_filter_leaves_what_it_names(client: TestClient, database: Database) -> None:
    queued = submitted(database, labels={"commit": "a=b", "team": "x"})
    done = measured(database, seed=4, labels={"team": "x"})
    failed = submitted(database, NOW + timedelta(hours=2), workload="resnet18", scenario="train")
    finished(database, begun(database, failed), RunState.FAILED)
    fingerprint = client.get(f"/v1/runs/{failed}").json()["fingerprint"]
    hour = (NOW + timedelta(hours=1)).isoformat()
    expected = {
        ("state", "queued"): {queued},
        ("state", ("failed", "succeeded")): {done, failed},
        ("workload", "resnet18"): {failed},
        ("scenario", "single_stream"): {queued, done},
        ("fingerprint", fingerprint): {failed},
        ("partition", f"CPU-{done}"): {done},
        ("kind", "cpu"): {done, failed},
        ("kind", "mig"): set(),
        ("label", "team=x"): {queued, done},
        ("label", ("team=x", "commit=a=b")): {queued},
        ("label", "team="): set(),
        ("created_after", hour): {failed},
        ("created_before", hour): {queued, done},
        ("sort", "finished_at"): {done, failed},
    }
    found = {query: set(ids(client, **{query[0]: query[1]})) for query in expected}
    assert found == expected
    assert ids(client, state="queued", workload="resnet18") == []


REFUSED = {
    "misspelt parameter": ("lable=a=b", "lable"),
    "unknown state": ("state=finished", "state"),
    "unknown scenario": ("scenario=fast", "scenario"),
    "unknown kind": ("kind=tpu", "kind"),
    "unknown order": ("sort=id", "sort"),
    "tainted that is no truth": ("tainted=perhaps", "tainted"),
    "no run on a page": ("limit=0", "limit"),
    "too many on a page": ("limit=201", "limit"),
    "number that is none": ("limit=ten", "limit"),
    "label without a value": ("label=commit", "label"),
    "label asked for twice": ("label=a=1&label=a=2", "label"),
    "time without a zone": ("created_after=2026-01-01T00:00:00", "created_after"),
    "time that is none": ("created_before=yesterday", "created_before"),
    "time beyond the calendar": ("created_after=0001-01-01T00:00:00%2B23:00", "created_after"),
    "endless cursor": ("cursor=" + "x" * 1001, "cursor"),
}


@pytest.mark.parametrize(("query", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_filter_that_cannot_be_meant_is_refused_by_name(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"/v1/runs?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation")
    assert answer.json()["errors"][0]["field"].startswith(field)


def encoded(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


BAD_CURSORS = {
    "no base64": "§",
    "no JSON": "AAAA",
    "no list": base64.urlsafe_b64encode(b"7").decode(),
    "too short": encoded("-created_at"),
    "of another order": encoded("created_at", "2026-01-01T00:00:00+00:00", "x"),
    "time without a zone": encoded("-created_at", "2026-01-01T00:00:00", "x"),
    "time beyond the calendar": encoded("-created_at", "0001-01-01T00:00:00+23:00", "x"),
    "no time": encoded("-created_at", 7, "x"),
    "id that cannot be stored": encoded("-created_at", "2026-01-01T00:00:00+00:00", "a\0"),
    "id that is no text": encoded("-created_at", "2026-01-01T00:00:00+00:00", "\ud800"),
}


@both_databases
def test_a_cursor_of_other_making_is_refused(client: TestClient) -> None:
    for name, cursor in BAD_CURSORS.items():
        answer = client.get("/v1/runs", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-cursor"), name


@pytest.mark.parametrize("value", [10**12, "5", None, 1.5])
def test_a_cursor_with_an_impossible_priority_is_refused(client: TestClient, value: object) -> None:
    answer = client.get("/v1/runs", params={"cursor": encoded("priority", value, "x"), "sort": "priority"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-cursor")


@pytest.mark.parametrize("value", ["5", None, True, float("nan"), float("inf"), 1])
def test_a_cursor_with_an_impossible_duration_is_refused(client: TestClient, value: object) -> None:
    answer = client.get("/v1/runs", params={"cursor": encoded("duration_s", value, "x"), "sort": "duration_s"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-cursor")


@both_databases
def test_a_run_takes_from_the_start_to_the_end_of_its_last_attempt(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    requeued(database, begun(database, run_id))
    with database.write() as session:
        again = builders.place(session, runs.lock(session, run_id), NOW, f"CPU-{run_id}", f"node-{run_id[-8:]}").id
        leases.claim(session, again, "incarnation", NOW + timedelta(seconds=5), 15)
    assert client.get(f"/v1/runs/{run_id}").json()["duration_s"] is None, "it has not ended"
    finished(database, again)
    assert client.get(f"/v1/runs/{run_id}").json()["duration_s"] == 4.0
    never = submitted(database)
    with database.write() as session:
        runs.request_cancel(session, never, NOW + timedelta(hours=1))
    assert client.get(f"/v1/runs/{never}").json()["duration_s"] is None, "no attempt had begun"
    assert ids(client, sort="-duration_s") == [run_id]


def test_a_run_on_a_retired_partition_is_still_found_by_it(client: TestClient, database: Database) -> None:
    run_id = measured(database)
    with database.write() as session:
        nodes.store_inventory(session, f"node-{run_id[-8:]}", builders.inventory(), NOW)
    assert ids(client, partition=f"CPU-{run_id}") == [run_id]


@both_databases
@pytest.mark.parametrize("sort", list(SortOrder))
def test_going_back_meets_the_same_runs_in_the_same_order(
    client: TestClient, database: Database, sort: SortOrder
) -> None:
    for number in range(9):
        ended(database, number % 4, workload=WORKLOADS[number % 2], priority=number % 3)
    pages = [client.get("/v1/runs", params={"sort": sort, "limit": 4}).json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(client.get("/v1/runs", params={"sort": sort, "limit": 4, "cursor": cursor}).json())
    assert [len(page["items"]) for page in pages] == [4, 4, 1]
    back = client.get("/v1/runs", params={"sort": sort, "limit": 4, "cursor": pages[2]["previous_cursor"]}).json()
    assert back["items"] == pages[1]["items"]
    first = client.get("/v1/runs", params={"sort": sort, "limit": 4, "cursor": back["previous_cursor"]}).json()
    assert (first["items"], first["previous_cursor"]) == (pages[0]["items"], None)
    assert first["next_cursor"] is not None


@both_databases
def test_words_are_looked_for_in_workload_labels_and_the_beginning_of_ids(
    client: TestClient, database: Database
) -> None:
    first = submitted(database, labels={"Commit": "4F1C_a", "team": "vision"})
    second = submitted(database, workload="resnet18", labels={"commit": "9999", "note": "100%"})
    assert ids(client, text="COMMIT=4f1c") == [first]
    assert ids(client, text="resnet") == [second]
    assert ids(client, text="test vision") == [first], "every word must be there"
    assert ids(client, text="resnet vision") == []
    assert ids(client, text="0%") == [second], "a per cent sign is one"
    assert ids(client, text="4f1c_a") == [first]
    assert ids(client, text="9_99") == [], "an underscore is one"
    assert ids(client, text=first) == [first]
    assert ids(client, text=first[1:]) == [], "of ids only the beginning counts"
    assert ids(client, text=f"{first[:13].upper()} vision") == [first], "of ids case is ignored, too"
    assert ids(client, text=f"{first}0") == []
    assert len(ids(client, text=" ")) == 2
    assert ids(client, id=[first, "no-such-run"]) == [first]


@both_databases
def test_profile_model_and_node_of_the_partition_filter(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    with database.write() as session:
        slice_of = builders.partition("MIG-1", kind="mig", profile="1g.10gb", model="NVIDIA H100 80GB HBM3")
        builders.register(session, NOW, slice_of)
        builders.place(session, runs.lock(session, run_id), NOW, "MIG-1", "node-1")
    begun(database, submitted(database))
    assert ids(client, profile="1g.10gb") == [run_id]
    assert ids(client, gpu_model="*h100*", kind="mig") == [run_id]
    assert ids(client, gpu_model="H100") == [], "without an asterisk the whole name is meant"
    assert ids(client, gpu_model="nvidia h100 80gb hbm?") == [run_id]
    assert ids(client, profile="2g.20gb") == []
    assert ids(client, node="node-1") == [run_id]
    assert ids(client, node="node-1", kind="cpu") == []
    assert ids(client, node="no-node") == []


@both_databases
@pytest.mark.parametrize("most_of_a_rare_label", [0, 2, 2_000])
def test_common_and_rare_labels_are_found_alike(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch, most_of_a_rare_label: int
) -> None:
    monkeypatch.setattr(listing, "_MOST_OF_A_RARE_VALUE", most_of_a_rare_label)
    teams = [submitted(database, NOW + timedelta(hours=n), labels={"team": "x", "n": str(n)}) for n in range(3)]
    submitted(database, labels={"team": "y", "n": "x"})
    assert ids(client, label="team=x") == teams[::-1]
    assert ids(client, label=["team=x", "n=1"]) == [teams[1]]
    assert ids(client, label="n=team") == []


@both_databases
@pytest.mark.parametrize("most_of_a_rare_value", [-1, 2_000])
@pytest.mark.parametrize("sort", list(SortOrder))
def test_filters_leave_the_same_runs_in_every_order_be_they_many_or_few(
    client: TestClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    sort: SortOrder,
    most_of_a_rare_value: int,
) -> None:
    monkeypatch.setattr(listing, "_MOST_OF_A_RARE_VALUE", most_of_a_rare_value)
    first, second = measured(database, seed=1), measured(database, seed=2)
    submitted(database, workload="resnet18")
    fingerprint = client.get(f"/v1/runs/{first}").json()["fingerprint"]
    expected = {
        ("workload", "test-step"): {first, second},
        ("fingerprint", fingerprint): {
            run["id"] for run in client.get("/v1/runs").json()["items"] if run["fingerprint"] == fingerprint
        },
        ("partition", f"CPU-{second}"): {second},
        ("kind", "cpu"): {first, second},
        ("kind", "mig"): set(),
        ("state", "succeeded"): {first, second},
        ("state", ("succeeded", "failed")): {first, second},
        ("state", "lost"): set(),
    }
    assert {query: set(ids(client, sort=sort, **dict([query]))) for query in expected} == expected
