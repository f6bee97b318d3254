"""Cutting GPUs over the API: what a layout would destroy, changes, and refusals, which store nothing."""

from pathlib import Path

import pytest
from sqlalchemy import select

from migperf.store import gpus, leases, nodes
from migperf.store.database import Database, now
from migperf.store.models import GpuRow, Lease
from tests import builders
from tests.api.gpu_host import PROBLEM, GpuHost, dry_run
from tests.api.serving import CountingPasses, TestClient
from tests.api.steps import both_databases, row_counts


def state_of(database: Database) -> object:
    """Everything that a refused request must leave alone."""
    with database.read() as session:
        rows = session.scalars(select(GpuRow)).all()
        asked_back = session.scalars(select(Lease.give_back_requested_at)).all()
        return row_counts(database), sorted((r.uuid, r.kept_layout, r.restore_layout) for r in rows), asked_back


# What a layout would do


@both_databases
def test_a_dry_run_says_what_would_be_destroyed_and_who_is_on_it(
    client: TestClient, host: GpuHost, h100: str, passes: CountingPasses
) -> None:
    host.cut("3g.40gb@4+2g.20gb@0+1g.10gb@2")
    stays, small, middle = (host.partition(profile) for profile in ("3g.40gb", "1g.10gb", "2g.20gb"))
    run = host.run_on(small)
    host.run_on(stays)
    before = state_of(host.database)
    plan = dry_run(client, h100, "4g.40gb+3g.40gb")
    assert (plan["before"], plan["after"]) == ("3g.40gb@4+2g.20gb@0+1g.10gb@2", "4g.40gb@0+3g.40gb@4")
    destroyed = {item["partition"]: (item["profile"], item["run"]) for item in plan["destroys"]}
    assert destroyed == {small: ("1g.10gb", run), middle: ("2g.20gb", None)}
    assert plan["runs"] == [run]
    actions = [step["action"] for step in plan["steps"]]
    assert actions == ["destroy_compute"] * 2 + ["destroy_instance"] * 2 + ["create_instance", "create_compute"]
    assert {step["partition"] for step in plan["steps"][:2]} == {small, middle}
    assert plan["steps"][4]["placement"] == {"start": 0, "size": 4}
    assert all(step["text"] for step in plan["steps"])
    assert state_of(host.database) == before
    assert passes.count == 0


def test_a_dry_run_of_turning_mig_on_names_the_whole_gpu(client: TestClient, host: GpuHost, h100: str) -> None:
    uuid = host.gpu().uuid
    run = host.run_on(uuid, whole=uuid)
    plan = dry_run(client, h100, "7g.80gb")
    assert plan["steps"][0]["enabled"] is True
    assert plan["destroys"] == [{"partition": uuid, "profile": None, "run": run}]
    assert plan["runs"] == [run]


def test_a_dry_run_of_the_present_layout_has_no_steps(client: TestClient, host: GpuHost, h100: str) -> None:
    host.cut("2x3g.40gb")
    plan = dry_run(client, h100, "2x3g.40gb")
    assert (plan["steps"], plan["before"]) == ([], plan["after"])


# Changing it


@both_databases
def test_a_layout_is_asked_for_made_and_then_there(
    client: TestClient, host: GpuHost, h100: str, passes: CountingPasses
) -> None:
    answer = client.put(f"{h100}/layout", json={"layout": " 3g.40gb+2g.20gb+2g.20gb "})
    change = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == change["url"] == f"/v1/layout-changes/{change['id']}"
    assert (change["state"], change["layout"], change["origin"]) == ("queued", "3g.40gb+2x2g.20gb", "request")
    assert (change["gpu"], change["force"], change["attempts"]) == (host.gpu().uuid, False, 0)
    assert passes.count == 1
    assert client.get(change["url"]).json() == change
    assert client.get(f"{h100}/layout").json() == {
        "gpu": host.gpu().uuid,
        "layout": "off",
        "kept_layout": None,
        "restore_layout": None,
        "change": change,
        "changes": [change],
    }
    host.carry_out(change["id"])
    state = client.get(f"{h100}/layout").json()
    assert (state["layout"], state["change"]) == ("3g.40gb@4+2g.20gb@0+2g.20gb@2", None)
    assert [one["state"] for one in state["changes"]] == ["applied"]
    again = client.put(f"{h100}/layout", json={"layout": "2x2g.20gb+3g.40gb"})
    assert (again.status_code, again.json()) == (200, state)
    assert passes.count == 1


@both_databases
def test_asking_twice_makes_one_change(client: TestClient, host: GpuHost, h100: str) -> None:
    first = client.put(f"{h100}/layout", json={"layout": "7g.80gb"})
    second = client.put(f"{h100}/layout", json={"layout": "7g.80gb"})
    assert (second.status_code, second.json()) == (202, first.json())
    host.begin(first.json()["id"])
    third = client.put(f"{h100}/layout", json={"layout": "7g.80gb"})
    assert (third.status_code, third.json()["id"], third.json()["state"]) == (202, first.json()["id"], "running")
    assert row_counts(host.database)["layout_changes"] == 1


@both_databases
def test_a_newer_wish_replaces_one_that_waits(client: TestClient, host: GpuHost, h100: str) -> None:
    first = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}).json()
    second = client.put(f"{h100}/layout", json={"layout": "off"})
    assert second.status_code == 202, "it is cut so now, but would not be for long"
    assert client.get(first["url"]).json()["state"] == "cancelled"
    third = client.put(f"{h100}/layout", json={"layout": "off", "force": True}).json()
    assert (third["id"] == second.json()["id"], third["force"]) == (False, True)
    state = client.get(f"{h100}/layout").json()
    assert (state["change"], len(state["changes"])) == (third, 3)


def test_a_wish_that_follows_a_change_under_way_waits_behind_it(client: TestClient, host: GpuHost, h100: str) -> None:
    first = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}).json()
    host.begin(first["id"])
    second = client.put(f"{h100}/layout", json={"layout": "off"}).json()
    assert client.get(f"{h100}/layout").json()["change"]["id"] == first["id"]
    assert client.get(f"/v1/gpus/{host.gpu().uuid}").json()["change"] == first["id"]
    assert client.put(f"{h100}/layout", json={"layout": "off"}).json() == second
    assert client.put(f"{h100}/layout", json={"layout": "7g.80gb"}).json()["id"] not in (first["id"], second["id"])


def test_the_present_layout_is_asked_for_when_another_would_be_put_back(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    with host.database.write() as session:
        gpus.lock(session, uuid).restore_layout = "7g.80gb"
    change = client.put(f"{h100}/layout", json={"layout": "2x3g.40gb"})
    assert change.status_code == 202
    host.carry_out(change.json()["id"])
    assert client.get(f"{h100}/layout").json()["restore_layout"] is None


def test_a_layout_shows_its_latest_ten_changes(client: TestClient, h100: str) -> None:
    ids = [client.put(f"{h100}/layout", json={"layout": f"{n % 3 + 1}x1g.10gb"}).json()["id"] for n in range(12)]
    assert [change["id"] for change in client.get(f"{h100}/layout").json()["changes"]] == ids[:1:-1]


# Runs in the way


@both_databases
def test_a_change_that_would_destroy_a_leased_partition_is_refused_and_names_the_run(
    client: TestClient, host: GpuHost, h100: str, passes: CountingPasses
) -> None:
    host.cut("3g.40gb@4+1g.10gb@0")
    held = host.partition("1g.10gb")
    run = host.run_on(held)
    before = state_of(host.database)
    answer = client.put(f"{h100}/layout", json={"layout": "4g.40gb+3g.40gb", "keep": True})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/runs-in-the-way")
    for word in (run, held, "1g.10gb", "wait", "force"):
        assert word in problem["detail"]
    assert state_of(host.database) == before
    assert passes.count == 0


@both_databases
def test_a_change_that_leaves_the_leased_partition_alone_is_not_refused(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    host.cut("2x3g.40gb")
    host.run_on(host.partition("3g.40gb"))
    assert client.put(f"{h100}/layout", json={"layout": "3g.40gb+2g.20gb"}).status_code == 202


@both_databases
def test_waiting_leaves_the_run_alone_and_force_asks_for_what_it_holds(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    host.cut("3g.40gb@4+1g.10gb@0")
    run, bystander = host.run_on(host.partition("1g.10gb")), host.run_on(host.partition("3g.40gb"))
    waits = client.put(f"{h100}/layout", json={"layout": "4g.40gb+3g.40gb", "wait": True})
    assert (waits.status_code, waits.json()["force"]) == (202, False)
    assert asked_back(host.database) == set()
    forced = client.put(f"{h100}/layout", json={"layout": "4g.40gb+3g.40gb", "force": True})
    assert (forced.status_code, forced.json()["force"]) == (202, True)
    assert asked_back(host.database) == {run}
    assert bystander not in asked_back(host.database)


@both_databases
def test_a_run_that_has_the_gpu_to_itself_is_in_the_way_of_every_change(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    uuid = host.cut("2x3g.40gb").uuid
    run = host.run_on(None, whole=uuid)
    before = state_of(host.database)
    answer = client.put(f"{h100}/layout", json={"layout": "2x3g.40gb+1g.10gb"})
    assert answer.status_code == 422
    answer = client.put(f"{h100}/layout", json={"layout": "3g.40gb"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/runs-in-the-way")
    assert f"run {run} holds all of {uuid}" in answer.json()["detail"]
    assert state_of(host.database) == before
    with host.database.write() as session:
        leases.occupy(session, 1, host.partition("3g.40gb"))
    assert client.put(f"{h100}/layout", json={"layout": "3g.40gb", "force": True}).status_code == 202
    assert asked_back(host.database) == {run}


def asked_back(database: Database) -> set[str | None]:
    with database.read() as session:
        return set(session.scalars(select(Lease.run_id).where(Lease.give_back_requested_at.is_not(None))))


# Keeping it


@both_databases
def test_a_layout_is_kept_until_it_is_forgotten(client: TestClient, host: GpuHost, h100: str) -> None:
    client.put(f"{h100}/layout", json={"layout": "7g.80gb", "keep": True})
    assert client.get(f"{h100}/layout").json()["kept_layout"] == "7g.80gb"
    client.put(f"{h100}/layout", json={"layout": "2x3g.40gb"})
    assert client.get(f"{h100}/layout").json()["kept_layout"] == "7g.80gb"
    host.cut("3g.40gb@0")
    client.put(f"{h100}/layout", json={"layout": "3g.40gb", "keep": True})
    assert client.get(f"{h100}/layout").json()["kept_layout"] == "3g.40gb"
    assert client.delete(f"{h100}/layout/kept").status_code == 204
    assert client.delete(f"{h100}/layout/kept").status_code == 204
    assert client.get(f"{h100}/layout").json()["kept_layout"] is None
    assert client.delete("/v1/gpus/GPU-none/layout/kept").status_code == 404


def test_a_layout_that_is_there_already_can_be_kept(client: TestClient, host: GpuHost, h100: str) -> None:
    host.cut("7g.80gb")
    answer = client.put(f"{h100}/layout", json={"layout": "7g.80gb", "keep": True})
    assert (answer.status_code, answer.json()["kept_layout"]) == (200, "7g.80gb")


# Refusals

REFUSED = {
    "nothing": ({}, "layout", "required"),
    "unknown field": ({"layout": "off", "colour": 1}, "colour", "unknown"),
    "another type": ({"layout": 7}, "layout", "string"),
    "no layout": ({"layout": "3g.40gb+"}, "layout", "cannot be read"),
    "empty text": ({"layout": ""}, "layout", "cannot be read"),
    "too long": ({"layout": "+".join(["1g.10gb"] * 100)}, "layout", "512"),
    "too many": ({"layout": "17x1g.10gb"}, "layout", "no GPU holds so many"),
    "another board's profile": ({"layout": "1g.5gb"}, "layout", "no profile 1g.5gb"),
    "one too many": ({"layout": "8x1g.10gb"}, "layout", "at most 7"),
    "no place for all": ({"layout": "4g.40gb+2x2g.20gb"}, "layout", "no place"),
    "no such place": ({"layout": "3g.40gb@3"}, "layout", "cannot begin at 3"),
    "overlap": ({"layout": "3g.40gb@0+2g.20gb@2"}, "layout", "overlap"),
    "twice at one place": ({"layout": "1g.10gb@0+1g.10gb@0"}, "layout", "same place"),
    "compute slices": ({"layout": "3g.40gb(5c)"}, "layout", "3g.40gb"),
    "force is no number": ({"layout": "7g.80gb", "force": 7}, "force", "boolean"),
}


@pytest.mark.parametrize("dry", ["true", "false"])
@pytest.mark.parametrize(("body", "field", "detail"), REFUSED.values(), ids=REFUSED.keys())
def test_a_layout_that_cannot_be_had_is_refused_by_field(
    client: TestClient, host: GpuHost, h100: str, body: dict[str, object], field: str, detail: str, dry: str
) -> None:
    before = state_of(host.database)
    answer = client.put(f"{h100}/layout", json=body, params={"dry_run": dry})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation")
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert detail in error["detail"]
    assert error.get("given", 0) == body.get(field, 0) or field == "layout"
    assert state_of(host.database) == before


@both_databases
@pytest.mark.parametrize("dry", ["true", "false"])
def test_a_gpu_that_is_not_there_or_cannot_be_read_is_not_cut(
    client: TestClient, host: GpuHost, h100: str, dry: str
) -> None:
    host.fail()
    before = state_of(host.database)
    broken = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}, params={"dry_run": dry})
    assert (broken.status_code, broken.json()["type"]) == (409, "/problems/conflict")
    assert PROBLEM in broken.json()["detail"]
    assert client.get(f"{h100}/layouts").status_code == 409
    with host.database.write() as session:
        nodes.store_inventory(session, host.node, builders.inventory(), now(session))
    gone = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}, params={"dry_run": dry})
    assert (gone.status_code, gone.json()["type"]) == (409, "/problems/conflict")
    assert "any more" in gone.json()["detail"]
    unknown = client.put("/v1/gpus/GPU-none/layout", json={"layout": "off"}, params={"dry_run": dry})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")
    assert state_of(host.database) == before


def test_a_gpu_that_needs_a_reset_first_says_what_to_do(client: TestClient, database: Database, tmp_path: Path) -> None:
    uuid = GpuHost.registered(database, tmp_path, "a100-80gb").gpu().uuid
    before = state_of(database)
    answer = client.put(f"/v1/gpus/{uuid}/layout", json={"layout": "7g.80gb"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "reset" in answer.json()["detail"]
    assert state_of(database) == before


def test_a_body_that_is_no_json_is_refused(client: TestClient, host: GpuHost, h100: str) -> None:
    before = state_of(host.database)
    json = {"Content-Type": "application/json"}
    assert client.put(f"{h100}/layout", content=b'{"layout": ', headers=json).status_code == 400
    assert client.put(f"{h100}/layout", content=b'{"layout": "off"}').status_code == 415
    assert client.put(f"{h100}/layout", content=b'{"layout": "\\u0000"}', headers=json).status_code == 400
    assert client.put(f"{h100}/layout?dryrun=true", json={"layout": "off"}).status_code == 422
    assert state_of(host.database) == before


# Changes


@both_databases
def test_a_change_that_waits_can_be_cancelled_and_one_that_has_begun_cannot(
    client: TestClient, host: GpuHost, h100: str, passes: CountingPasses
) -> None:
    waits = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}).json()
    cancelled = client.post(f"{waits['url']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert client.post(f"{waits['url']}/cancel").json() == cancelled.json()
    assert passes.count == 3
    begun = client.put(f"{h100}/layout", json={"layout": "7g.80gb"}).json()
    host.begin(begun["id"])
    refused = client.post(f"{begun['url']}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    assert client.get(begun["url"]).json()["state"] == "running"


@both_databases
def test_an_unknown_change_is_a_problem(client: TestClient) -> None:
    for answer in (client.get("/v1/layout-changes/none"), client.post("/v1/layout-changes/none/cancel")):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
