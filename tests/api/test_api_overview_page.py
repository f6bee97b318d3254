"""The overview draws what there is with what holds each part, and tells what waits and why, what is new and open."""

import html
import re

import pytest

from api.gpu_drawing import DrawnGpu
from api.occupant_drawing import MOST_TOLD
from api.schemas.gpus import GpuList
from api.slices import SliceState
from migperf.gpus.inventory import partitions_of
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.metrics.metric import Metric, Scope
from migperf.store import leases, nodes, runs
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from tests import builders
from tests.analysis.experiments.made_experiments import cell, made
from tests.api.gpu_host import PROBLEM, GpuHost
from tests.api.serving import TestClient
from tests.api.steps import GRACT, both_databases, watched
from tests.api.test_api_schedule_pages import check_page, page_of, text_of


def drawn(client: TestClient, index: int) -> DrawnGpu:
    found = GpuList.model_validate(client.get("/v1/gpus").json()).items
    models = sorted(found, key=lambda gpu: gpu.model)
    return DrawnGpu.of(models[index])


def test_instances_are_drawn_by_what_holds_them(client: TestClient, host: GpuHost) -> None:
    host.cut("3g.40gb+1g.10gb")
    run = host.run_on(host.partition("1g.10gb"))
    found = drawn(client, 0)
    states = {one.lines[0]: one.compute[0].state for one in found.drawing.slices}
    assert states == {"1g.10gb": SliceState.LEASED, "3g.40gb": SliceState.FREE}
    assert found.runs == (("1g.10gb", run),)
    page = page_of(client, "/")
    assert "1g.10gb, memory unit 0, 1 compute slice: leased" in page
    assert f'href="/runs/{run}"' in page
    assert "simulated" in text_of(page)
    assert f"/layouts?gpu={host.gpu().uuid}" in page
    assert f"/layouts?gpu={host.gpu(1).uuid}" not in page, "it has no layouts"
    check_page(client, "/")


def test_a_gpu_with_a_problem_says_which(client: TestClient, host: GpuHost) -> None:
    host.fail()
    assert PROBLEM in text_of(page_of(client, "/"))


def test_a_gpu_that_is_held_whole_is_one_slice(client: TestClient, host: GpuHost) -> None:
    run = host.run_on(host.gpu(1).uuid)
    found = drawn(client, 1)
    [whole] = found.drawing.slices
    assert (whole.memory.state, found.runs) == (SliceState.LEASED, (("whole", run),))


CPU_TIME = Metric(name="cpu", unit="cores", scope=Scope.PROCESS_TREE, source="proc")
POWER = Metric(name="power_average", unit="W", scope=Scope.GPU, source="nvml")


def running(host: GpuHost, partition: str, phase: str = "measuring") -> str:
    """Put a run on a partition and have its worker begin."""
    run_id = host.run_on(partition)
    with host.database.write() as session:
        time = now(session)
        [lease] = runs.active_leases(session, run_id)
        leases.claim(session, lease.id, "a", time, 15)
        runs.note_phase(session, runs.lock(session, run_id), phase, time)
    return run_id


def section(page: str, name: str) -> str:
    """Return a section of the page."""
    [found] = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return str(found)


@both_databases
def test_a_cpu_is_drawn_with_its_cores_and_who_has_it(client: TestClient, database: Database) -> None:
    with database.write() as session:
        builders.register(session, now(session), builders.partition(cpus=(0, 1, 2, 3)))
    assert "<title>4 cores: free</title>" in page_of(client, "/")
    with database.write() as session:
        run = builders.submit(session, now(session))
        builders.place(session, run, now(session))
        run_id = run.id
    page = section(page_of(client, "/"), "hardware")
    assert "<title>4 cores: leased</title>" in page
    assert "url(#pattern-leased)" in page, "not by colour alone"
    assert f'<a href="/runs/{run_id}">test-step</a>' in page
    check_page(client, "/")


def test_each_state_has_a_pattern_and_a_word_of_its_own(client: TestClient, host: GpuHost) -> None:
    host.fail()
    page = section(page_of(client, "/"), "hardware")
    legend = text_of(re.findall(r'<ul class="slice-legend".*?</ul>', page, re.DOTALL)[0])
    assert legend == "free leased changing unhealthy simulated"
    assert "slice-unhealthy" in page
    assert "slices-simulated" in page


@both_databases
def test_what_a_run_does_is_drawn_from_the_series_that_is_about_its_part(
    client: TestClient, database: Database, host: GpuHost
) -> None:
    host.cut("3g.40gb+1g.10gb")
    on_instance = running(host, host.partition("1g.10gb"))
    samples = {float(second): 40.0 + second for second in range(10)}
    watched(database, on_instance, POWER, samples)
    watched(database, on_instance, CPU_TIME, samples)
    page = text_of(section(page_of(client, "/"), "hardware"))
    assert "cpu of the payload and its processes: 49.00 cores" in page, "the board's power is not the instance's"
    watched(database, on_instance, GRACT, samples)
    on_board = running(host, host.gpu(1).uuid)
    watched(database, on_board, POWER, samples)
    drawn_page = section(page_of(client, "/"), "hardware")
    page = text_of(drawn_page)
    assert "gract of the GPU instance: 49.00 %" in page
    assert "power average of the whole board: 49.00 W" in page
    assert (
        'aria-label="gract of the GPU instance in the last 2 minutes, from 40.00 to 49.00, now 49.00 %"' in drawn_page
    )
    assert drawn_page.count('class="spark"') == 2
    assert "running measuring" in page


def test_a_line_shows_the_last_minutes_alone(client: TestClient, database: Database, host: GpuHost) -> None:
    run_id = running(host, host.gpu(1).uuid)
    watched(database, run_id, CPU_TIME, {0.0: 900.0, 1000.0: 2.0, 1060.0: 3.0})
    page = section(page_of(client, "/"), "hardware")
    assert "from 2.000 to 3.000, now 3.000 cores" in page
    assert "900" not in text_of(page)


def test_a_gpu_that_a_group_shares_is_drawn_by_its_shares(
    client: TestClient, database: Database, host: GpuHost
) -> None:
    [whole] = partitions_of(host.gpu(1))
    shares = divide(whole, Sharing(mode="mps"), 2)
    ids = []
    with database.write() as session:
        for share in shares:
            time = now(session)
            nodes.store_share(session, host.node, share, time)
            run = builders.submit(session, time)
            berth = Berth(
                node=host.node, partition=share.uuid, gpu=whole.uuid, exclusive=True, device=whole.uuid, gang="g"
            )
            leases.grant(session, run, berth, time, 15)
            ids.append(run.id)
    page = section(page_of(client, "/"), "hardware")
    assert page.count("<title>MPS, at most 50 % of the multiprocessors: leased</title>") == 2
    for run_id in ids:
        assert f'<a href="/runs/{run_id}">' in page
    assert client.get(f"/v1/partitions/{whole.uuid}").json()["run"] == ids[-1], "what is shared is not free"


@both_databases
def test_the_queue_tells_of_each_run_why_it_waits(client: TestClient, database: Database) -> None:
    with database.write() as session:
        time = now(session)
        builders.register(session, time)
        hopeless = builders.submit(session, time, where={"kind": "mig"}).id
        builders.place(session, builders.submit(session, time), time)
        builders.submit(session, time)
    told = section(page_of(client, "/"), "queue")
    assert "2 runs wait, in the order in which they are placed" in text_of(told)
    assert "Nothing can run it: no partition of a living node has kind=mig; there is cpu" in text_of(told)
    assert "the only place that suits it, a processor on node-1, is held by another run" in text_of(told)
    assert f'<a href="/runs/{hopeless}">' in told


def test_a_long_queue_is_shown_by_its_head(client: TestClient, database: Database) -> None:
    with database.write() as session:
        for _ in range(14):
            builders.submit(session, now(session))
    told = section(page_of(client, "/"), "queue")
    assert "14 runs wait" in text_of(told)
    assert told.count('class="waits"') == 10
    assert 'href="/runs?state=queued"' in told


def test_experiments_that_are_going_on_are_listed_with_their_progress(client: TestClient, database: Database) -> None:
    assert "None." in section(page_of(client, "/"), "experiments")
    experiment_id = made(database, [cell(), cell()], lambda *_: None)
    told = section(page_of(client, "/"), "experiments")
    assert f'href="/experiments/{experiment_id}"' in told
    assert re.search(r"0 of \d+", text_of(told))


@pytest.mark.parametrize("board", [0, 1])
def test_whatever_a_gpu_is_doing_the_page_is_there(client: TestClient, host: GpuHost, board: int) -> None:
    """Also of a GPU that a run holds whole while it is cut for it: the run has no partition then."""
    run_id = host.run_on(None, whole=host.gpu(board).uuid)
    page = section(page_of(client, "/"), "hardware")
    assert f'<a href="/runs/{run_id}">' in page
    assert "being cut for it" in text_of(page)


def test_a_crowd_on_one_device_is_told_of_by_its_first_and_the_others_are_listed(
    client: TestClient, database: Database
) -> None:
    clients, held = 300, []
    cpu = builders.partition(cpus=(0, 1))
    with database.write() as session:
        time = now(session)
        builders.register(session, time, cpu)
        for share in divide(cpu, Sharing(mode="unrestricted"), clients):
            nodes.store_share(session, "node-1", share, time)
            run = builders.submit(session, time)
            berth = Berth(node="node-1", partition=share.uuid, exclusive=True, device=cpu.uuid, gang="g")
            leases.grant(session, run, berth, time, 15)
            held.append(run.id)
    page = section(page_of(client, "/"), "hardware")
    told = re.findall(r'<li><a href="/runs/([^"]+)"', page)
    assert told == held[:MOST_TOLD], "those that have had it longest"
    assert "and 292 more: all runs that node-1 has" in text_of(page)
    assert "<title>and 285 more shares: leased</title>" in page, "nor is each drawn"
    assert page.count("<title>2 cores shared with 299 others: leased</title>") == 15
    [others] = re.findall(r'href="(/runs\?node=[^"]+)"', page)
    listed = page_of(client, html.unescape(others))
    assert listed.count('name="pick"') == 50
    assert 'rel="next"' in listed
    check_page(client, "/")
