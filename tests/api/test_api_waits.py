"""A queued run says why it waits, as JSON and on its page; what no node can serve says that first."""

import pytest

from migperf.store import experiments, leases, runs
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.models import Run
from tests import builders
from tests.analysis.experiments.made_experiments import cell, made, together
from tests.api.gpu_host import GpuHost
from tests.api.serving import TestClient
from tests.api.steps import both_databases
from tests.api.test_api_schedule_pages import page_of, text_of


def submitted(database: Database, **request: object) -> str:
    with database.write() as session:
        return builders.submit(session, now(session), **request).id


def wait_of(client: TestClient, run_id: str) -> dict[str, object]:
    answer = client.get(f"/v1/runs/{run_id}")
    assert answer.status_code == 200, answer.text
    wait: dict[str, object] = answer.json()["wait"]
    return wait


@both_databases
def test_a_run_that_no_node_can_serve_says_so_as_json_and_on_its_page(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session))
    run_id = submitted(database, where={"kind": "mig"})
    told = "no partition of a living node has kind=mig; there is cpu"
    assert wait_of(client, run_id) == {"kind": "nowhere", "reason": told, "ahead": 0, "held_by": []}
    assert f"Nothing can run it: {told}." in text_of(page_of(client, f"/runs/{run_id}"))


@both_databases
def test_a_run_says_who_has_what_it_waits_for_and_how_many_are_before_it(
    client: TestClient, database: Database
) -> None:
    with database.write() as session:
        builders.register(session, now(session))
        holder = builders.submit(session, now(session))
        builders.place(session, holder, now(session))
        holder_id = holder.id
    urgent, first, second = (submitted(database, priority=priority) for priority in (0, 5, 0))
    wait = wait_of(client, second)
    assert (wait["kind"], wait["ahead"]) == ("held", 2)
    assert wait["held_by"] == [{"run": holder_id, "page": f"/runs/{holder_id}"}]
    assert wait_of(client, first)["ahead"] == 0, "the priority counts before the age"
    assert wait_of(client, urgent)["ahead"] == 1
    page = page_of(client, f"/runs/{second}")
    assert f'In its way: <a class="mono" href="/runs/{holder_id}">' in page
    assert "2 runs before it." in text_of(page)


def test_a_run_that_does_not_wait_tells_of_no_wait(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session))
        run = builders.submit(session, now(session))
        builders.place(session, run, now(session))
        run_id = run.id
    assert client.get(f"/v1/runs/{run_id}").json()["wait"] is None
    assert 'id="wait"' not in page_of(client, f"/runs/{run_id}")


def test_a_run_waits_for_a_change_of_layout_that_was_asked_for(
    client: TestClient, database: Database, host: GpuHost, h100: str
) -> None:
    host.cut("2x3g.40gb")
    holder = host.run_on(host.partition("3g.40gb"))
    answer = client.put(f"{h100}/layout", json={"layout": "7g.80gb", "wait": True})
    assert answer.status_code == 202, answer.text
    run_id = submitted(database, where={"kind": "mig", "simulated": True})
    wait = wait_of(client, run_id)
    assert (wait["kind"], wait["held_by"]) == ("held", [{"run": holder, "page": f"/runs/{holder}"}])
    assert "1 is being cut anew, or is to be" in str(wait["reason"])


def test_a_part_of_a_gpu_is_not_held_by_who_has_another_part(
    client: TestClient, database: Database, host: GpuHost, h100: str
) -> None:
    host.cut("3g.40gb+1g.10gb")
    with database.write() as session:
        run = builders.submit(session, now(session))
        berth = Berth(node=host.node, partition=host.partition("3g.40gb"), gpu=host.gpu().uuid)
        leases.grant(session, run, berth, now(session), 15)
    answer = client.put(f"{h100}/layout", json={"layout": "7g.80gb", "wait": True})
    assert answer.status_code == 202, answer.text
    run_id = submitted(database, where={"profile": "1g.10gb", "simulated": True})
    wait = wait_of(client, run_id)
    assert (wait["kind"], wait["held_by"]) == ("changing", [])


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_run_of_a_group_waits_for_a_device_for_all_of_them(
    client: TestClient, database: Database, cancelled: bool
) -> None:
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))
    experiment_id = made(database, [cell(together(2))], lambda *_: None)
    with database.write() as session:
        first, second = (run.id for run in experiments.runs_of(session, experiment_id))
        if cancelled:
            runs.move(session, session.get_one(Run, first), runs.RunState.CANCELLED, now(session))
    assert wait_of(client, second)["kind"] == ("group" if cancelled else "turn")
