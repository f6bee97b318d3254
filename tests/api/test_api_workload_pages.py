"""The pages of workloads: all of them, and one with what was published and what was measured here."""

import re

from migperf.store import points
from migperf.store.database import Database, now
from tests.api.serving import TestClient
from tests.api.steps import both_databases, measured
from tests.api.test_api_pages import outline
from tests.api.test_api_schedule_pages import page_of, rows_of, text_of
from tests.databases import counted_statements
from workloads.registry import catalogue, families


def test_all_workloads_are_listed_by_family_and_every_page_leads_there(client: TestClient) -> None:
    page = page_of(client, "/workloads")
    assert page.count("data-card>") == len(catalogue())
    for told in ("Vision transformers", "migperf-test-payloads 0.1", 'href="/workloads/resnet50"', "arXiv 1512.03385",
                 'href="/submit?workload=resnet50"'):  # fmt: skip
        assert told in page
    assert not re.search(r'href="https?:', page), "no link leaves the machine"
    for linked in ("/submit", "/workloads"):
        assert f'<a href="{linked}">' in page_of(client, "/")


def test_every_workload_belongs_to_one_family() -> None:
    names = [card.name for family in families() for card in family.cards]
    assert sorted(names) == list(catalogue())


def test_every_card_has_a_page_that_reads_well(client: TestClient) -> None:
    for name in catalogue():
        page = page_of(client, f"/workloads/{name}")
        found = outline(page)
        assert found.count("caption") == found.count("table") > 0
        for link in (f"/submit?workload={name}", f"/runs?workload={name}", f"/histories?workload={name}"):
            assert f'href="{link}"' in page
        assert "Nothing was measured here yet" in page, "nothing is invented"


def test_a_card_is_told_in_full(client: TestClient) -> None:
    page = page_of(client, "/workloads/vit-c-1gf")
    assert "image_size integer 32 to 1024, multiple of 16 224 Height and width" in rows_of(page, "parameters")[1]
    assert "top-1 error, 400 epochs 24.7 %" in rows_of(page, "published")
    for told in ("docs/workloads/vit-conv-stem.md", "arXiv 2106.14881", "single stream", "cuda graph"):
        assert told in page
    assert "vit-c-1gf" in page_of(client, "/workloads/vit-c-2gf", 404)


@both_databases
def test_what_was_measured_here_stands_beside_it_with_unit_interval_and_run(
    client: TestClient, database: Database
) -> None:
    run_ids = [measured(database, parameters={"samples": samples}) for samples in (1, 2)]
    measured(database, simulated=True)
    with database.write() as session:
        points.gather(session, now(session))
    page = page_of(client, "/workloads/test-step")
    [table] = re.findall(r'<caption id="measured-caption">.*?</table>', page, re.DOTALL)
    rows = text_of(table)
    assert rows.count("a processor") == 2
    for run_id in run_ids:
        assert f'href="/runs/{run_id}"' in table
    assert "samples 2" in rows
    with counted_statements(client.app.state.database) as seen:  # type: ignore[attr-defined]
        page_of(client, "/workloads/test-step")
    assert len(seen) <= 3
