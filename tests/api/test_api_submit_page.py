"""The form of a submission: what it asks of each workload, and what it begins with."""

import html
import re
from typing import Any

from migperf.store import runs
from migperf.store.database import Database, now
from tests import builders
from tests.api.serving import TestClient
from tests.api.steps import both_databases, submitted
from tests.api.test_api_pages import outline
from tests.databases import counted_statements
from workloads.registry import catalogue


def page_of(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    found = outline(answer.text)
    names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(names) == len(set(names))
    described = {name for _, a in found.tags for name in (a.get("aria-describedby") or "").split()}
    assert described <= set(names)
    assert "style=" not in answer.text
    return answer.text


def field_of(page: str, path: str) -> dict[str, str | None]:
    [found] = [a for _, a in outline(page).tags if a.get("data-field") == path]
    return found


def chosen(page: str, field: str) -> list[str]:
    [inner] = re.findall(rf'<select id="{field}".*?</select>', page, re.DOTALL)
    return re.findall(r'<option value="([^"]*)" selected>', inner)


def test_every_workload_can_be_asked_for_whatever_its_parameters_are(client: TestClient) -> None:
    for name, card in catalogue().items():
        page = page_of(client, f"/submit?workload={name}")
        assert chosen(page, "workload") == [name]
        for parameter in card.parameters.model_fields:
            assert f' data-field="parameters.{parameter}"' in page


def test_numbers_have_bounds_steps_units_and_their_default_as_placeholder(client: TestClient) -> None:
    page = page_of(client, "/submit?workload=vit-c-1gf&scenario=train")
    size = field_of(page, "parameters.image_size")
    assert [size[name] for name in ("type", "min", "max", "step", "placeholder", "value")] == [
        *("number", "32", "1024", "16", "224", "")
    ]
    assert 'image size <span class="quiet">(pixels)</span>' in page
    assert field_of(page, "parameters.learning_rate")["step"] == "any"
    assert chosen(page, "parameters-optimizer") == ["adamw"]
    assert chosen(page, "scenario") == ["train"]
    assert 'data-none="method.precision"' in page, "null is something else than the default"
    assert 'data-none="parameters.learning_rate"' not in page


def test_only_what_the_card_offers_can_be_chosen(client: TestClient) -> None:
    page = page_of(client, "/submit?workload=matrix-product")
    [scenarios] = re.findall(r'<select id="scenario".*?</select>', page, re.DOTALL)
    assert "train" not in scenarios
    assert "Executed eager in fp32 only" in page
    assert chosen(page_of(client, "/submit?workload=matrix-product&scenario=train"), "scenario") == ["offline"]


@both_databases
def test_a_run_is_repeated_with_what_it_was_submitted_with(client: TestClient, database: Database) -> None:
    request: dict[str, Any] = {
        "scenario": "train",
        "parameters": {"samples": 3, "slowed_by": '"'},
        "method": {"precision": None, "min_s": 2},
        "where": {"kind": "cpu", "node": "node-9"},
        "labels": {"commit": "<4f1c>", "schedule": "nightly"},
        "environment": "torch-3",
        "priority": 7,
    }
    run_id = submitted(database, **request)
    assert f'href="/submit?run={run_id}">Repeat</a>' in page_of(client, f"/runs/{run_id}")
    page = page_of(client, f"/submit?run={run_id}")
    values = {
        path: field_of(page, path)["value"] for path in ("parameters.samples", "method.min_s", "where.node", "priority")
    }
    assert values == {"parameters.samples": "3", "method.min_s": "2.0", "where.node": "node-9", "priority": "7"}
    assert field_of(page, "parameters.step_ms")["value"] == "", "at its default"
    assert 'data-none="method.precision" aria-label="precision: none" checked' in page
    [labels] = re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.DOTALL)
    assert html.unescape(labels) == "commit=<4f1c>\n", "not that of the schedule"
    assert (chosen(page, "scenario"), chosen(page, "where-kind"), chosen(page, "environment")) == (
        ["train"],
        ["cpu"],
        ["torch-3"],
    )


def test_a_run_of_another_version_leaves_the_form_empty_and_says_so(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    with database.write() as session:
        run = runs.lock(session, run_id)
        run.benchmark = run.benchmark | {"parameters": {"gone": 1}}
    assert "another version of migperf" in page_of(client, f"/submit?run={run_id}")


def test_places_and_environments_of_living_nodes_are_offered(client: TestClient, database: Database) -> None:
    with database.write() as session:
        mig = builders.partition("MIG-1", kind="mig", profile="1g.10gb", model="H<100>")
        found = builders.environments("torch-2.12", broken="it is not there")
        builders.register(session, now(session), mig, node="node-7", environments=found)
    page = page_of(client, "/submit")
    for told in ('<option value="1g.10gb">', '<option value="node-7">', '<option value="torch-2.12">', "H&lt;100&gt;"):
        assert told in page
    assert "broken" not in page


def test_what_is_not_there_is_a_page_too(client: TestClient) -> None:
    assert "resnet" in page_of(client, "/submit?workload=resnet81", 404)
    page_of(client, "/submit?run=unknown", 404)


def test_the_form_takes_few_queries(client: TestClient, database: Database) -> None:
    run_id = submitted(database)
    with counted_statements(client.app.state.database) as seen:  # type: ignore[attr-defined]
        page_of(client, f"/submit?run={run_id}")
    assert len(seen) <= 10
