"""The page of a profiled run shows what its steps were made of, or why nobody knows; that of a search, what for."""

from migperf.measure.profiling.summary import TRACE_NAME, ProfileSummary, summarise_trace, summary_document
from migperf.measure.profiling.trace import parse_trace
from migperf.store import results
from migperf.store.database import Database
from tests.api.serving import TestClient
from tests.api.steps import measured
from tests.measure.profiling.made_traces import ON_A_GPU, document, operator, step


def page_of(client: TestClient, database: Database, profile: ProfileSummary | None) -> str:
    run_id = measured(database, profile=True)
    if profile is not None:
        with database.write() as session:
            results.store_documents(session, run_id, [summary_document(profile)])
    return " ".join(client.get(f"/runs/{run_id}").text.split())


def test_operators_device_and_copies_are_shown_with_the_way_to_the_trace(
    client: TestClient, database: Database
) -> None:
    page = page_of(client, database, summarise_trace(parse_trace(ON_A_GPU), on_device=True))
    for expected in ("aten::addmm", "66.7 %", "busy for 34.8 %", "host to device", "Self, device", "4.1 KiB"):
        assert expected in page
    assert f'/artifacts/{TRACE_NAME}" download>' in page


def test_on_the_cpu_nothing_is_said_of_a_device(client: TestClient, database: Database) -> None:
    trace = parse_trace(document(step(2, 0, 100), operator("<b>f</b>", 0, 50, 1)))
    page = page_of(client, database, summarise_trace(trace, on_device=False))
    assert "Nothing is known of a device: the run was on the CPU." in page
    assert "&lt;b&gt;f&lt;/b&gt;" in page
    assert "Self, device" not in page


def test_a_profile_that_failed_says_why(client: TestClient, database: Database) -> None:
    page = page_of(client, database, ProfileSummary(absent="the child ended while it profiled"))
    assert "None: the child ended while it profiled" in page
    assert TRACE_NAME not in page


def test_without_a_profile_there_is_no_such_heading(client: TestClient, database: Database) -> None:
    assert "<h2>Profile</h2>" not in page_of(client, database, None)


def test_a_run_tells_what_it_searches_for_and_whether_it_is_profiled(client: TestClient, database: Database) -> None:
    searching = measured(
        database, workload="test-batches", scenario="offline", search={"kind": "max_batch", "limit": 77}
    )
    benchmark = client.get(f"/v1/runs/{searching}").json()["benchmark"]
    assert (benchmark["search"], benchmark["profile"]) == ({"kind": "max_batch", "limit": 77}, False)
    assert "<dt>search limit</dt><dd>77</dd>" in client.get(f"/runs/{searching}").text
    assert client.get(f"/v1/runs/{measured(database, profile=True)}").json()["benchmark"]["profile"] is True
