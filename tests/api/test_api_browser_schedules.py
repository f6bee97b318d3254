"""The pages of schedules and alerts in a browser, behind a path prefix: the editor, the buttons, the form."""

from typing import TYPE_CHECKING

import yaml

from migperf.store import firings, schedules
from migperf.store.database import Database
from tests.api.browsing import PREFIX, ZONE, in_browser, opened
from tests.api.serving import TestClient
from tests.api.test_api_schedules import EXPERIMENT, added, shown

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

SECRET = "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="  # noqa: S105

pytestmark = in_browser


def count_of_firings(database: Database, name: str) -> int:
    with database.read() as session:
        return len(firings.latest(session, schedules.get(session, name).id, 10))


def test_a_schedule_is_made_watched_paused_fired_and_deleted(page: "Page", database: Database) -> None:
    opened(page, "/schedules/new")
    assert page.input_value("#time_zone") == ZONE, "that of the reader, to begin with"
    page.fill("#cron", "61 2 * * *")
    page.wait_for_selector("#cron-problem:has-text(\"'61' is no minute; write 0 to 59\")")
    assert page.get_attribute("#cron", "aria-invalid") == "true"
    assert page.is_visible("#no-times")
    assert page.inner_text("#name-problem") == "", "nobody has come to it yet"
    page.fill("#cron", "0 12 29 2 *")
    page.wait_for_selector("#upcoming li:nth-child(5)")
    assert page.inner_text("#cron-problem") == ""
    assert page.inner_text("#upcoming li >> nth=0").endswith("-02-29 12:00:00")
    page.fill("#time_zone", "UTC")
    page.wait_for_selector("#upcoming li:has-text('-02-29 08:30:00, ')")
    assert page.inner_text("#upcoming li >> nth=0").endswith("-02-29 12:00:00 in UTC")
    page.fill("#subject", "workload: test-step\nscenario: single_stream\nlabels: {commit: 4f1c}\n")
    page.click("text=Add schedule")
    page.wait_for_selector("#name-problem:has-text('required')")
    assert page.evaluate("document.activeElement.id") == "name", "the first field that has a problem"
    page.keyboard.type("leap")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{PREFIX}/schedules/0*")
    page.wait_for_selector("#upcoming td:has-text('-02-29 08:30:00')")
    page.focus("text=Pause")
    page.keyboard.press("Enter")
    page.wait_for_selector("#standing:has-text('paused')")
    page.wait_for_function("document.activeElement.dataset.action === 'resume'")
    page.click("text=Run now")
    page.wait_for_selector("#firings:has-text('by hand') >> text=queued")
    assert count_of_firings(database, "leap") == 1
    page.click("text=Go on")
    page.wait_for_selector("#standing:has-text('next:')")
    page.click("text=Delete …")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="hidden")
    page.click("text=Delete …")
    page.click("text=Delete for good")
    page.wait_for_url(f"**{PREFIX}/schedules")
    assert "There is no schedule yet" in page.inner_text("main")


def test_a_button_is_pressed_once_and_what_is_refused_is_said_at_the_page(
    page: "Page", client: TestClient, database: Database
) -> None:
    schedule = added(client, benchmark=None, experiment=EXPERIMENT | {"where": {"kind": "gpu"}})
    opened(page, f"/schedules/{schedule['id']}")
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    page.route("**/fire", hold)
    page.click("text=Run now")
    page.wait_for_selector("[data-action=fire]:disabled")
    page.click("text=Run now", force=True)
    assert len(held) == 1
    held[0].fallback()
    page.wait_for_selector("#problems:has-text('no living node has a device with kind=gpu')")
    page.wait_for_selector("[data-action=fire]:enabled")
    assert count_of_firings(database, "nightly") == 0
    client.delete(schedule["url"])
    page.click("text=Pause")
    page.wait_for_selector("#upkeep:has-text('This schedule has been deleted')")


def test_a_schedule_is_edited_and_problems_of_its_yaml_are_told_where_they_are(
    page: "Page", client: TestClient
) -> None:
    schedule = added(client, paused=True)
    opened(page, f"/schedules/{schedule['id']}/edit")
    page.fill("#subject", "workload: test-step\nscenario: [a\n")
    page.wait_for_selector("#problems:has-text('line 3, column 1: this is not YAML')")
    page.wait_for_selector("#upcoming li:nth-child(5)")
    page.get_by_role("button", name="Go there").click()
    assert page.evaluate("document.activeElement.id") == "subject"
    page.fill("#subject", "workload: test-step\nscenario: none\n")
    page.wait_for_selector("#subject-problem:has-text('benchmark.scenario: ')")
    assert page.inner_text("#problems") == ""
    page.check("text=An experiment")
    page.fill("#subject", yaml.safe_dump(EXPERIMENT))
    page.fill("#title", "Steps: \"quoted\", # and 'more' ✓")
    page.fill("#jitter_s", "1e999")
    page.click("text=Save")
    page.wait_for_selector("#jitter_s-problem:has-text('finite number'), #jitter_s-problem:has-text('valid number')")
    page.fill("#jitter_s", "2.5")
    page.click("text=Save")
    page.wait_for_url(f"**{PREFIX}/schedules/{schedule['id']}")
    document = shown(client)["document"]
    assert document["title"] == "Steps: \"quoted\", # and 'more' ✓"
    assert (document["jitter_s"], document["paused"], document["benchmark"]) == (2.5, True, None)
    assert document["experiment"]["name"] == "steps"


def test_examples_give_way_to_each_other_and_what_was_written_does_not(page: "Page") -> None:
    opened(page, "/schedules/new")
    page.check("text=An experiment")
    assert "matrix:" in page.input_value("#subject")
    page.check("text=A benchmark")
    assert page.input_value("#subject").startswith("workload: ")
    page.fill("#subject", "mine: 1")
    page.check("text=An experiment")
    assert page.input_value("#subject") == "mine: 1"


def test_a_channel_is_added_tested_and_deleted(page: "Page") -> None:
    opened(page, "/alerts")
    page.click("text=Add channel")
    page.wait_for_selector("#webhook-url-problem:has-text('required')")
    assert "required" in page.inner_text("#name-problem")
    assert page.evaluate("document.activeElement.id") == "name"
    page.fill("#name", "ci")
    page.fill("#webhook-url", "http://127.0.0.1/hook")
    page.click("text=Add channel")
    page.wait_for_selector("#webhook-url-problem:has-text('MIGPERF_ALERT_ALLOWED_HOSTS')")
    page.fill("#webhook-url", "https://ci.example.com/hook")
    page.fill("#webhook-secret", SECRET)
    page.press("#webhook-secret", "Enter")
    page.wait_for_selector("#secret:visible")
    assert SECRET in page.inner_text("#secret")
    page.wait_for_selector("#channels:has-text('https://ci.example.com/hook')")
    assert page.input_value("#webhook-secret") == ""
    page.click("text=Send a test")
    page.wait_for_selector("#alerts:has-text('Test of the channel ci') >> text=pending")
    page.reload()
    assert SECRET not in page.content()
    page.click("[aria-label='Delete ci …']")
    assert "delivered to ci will not be" in page.inner_text("dialog")
    page.click("text=Delete for good")
    page.wait_for_selector("#channels:has-text('There is no channel yet')")


def test_problems_of_a_mail_channel_are_told_at_their_fields(page: "Page", client: TestClient) -> None:
    opened(page, "/alerts")
    page.check("text=E-mail")
    assert page.is_hidden("#webhook-url")
    for field, text in {"name": "people", "email-host": "mail.example.com", "email-port": "many",
                        "email-from": "migperf@example.com", "email-to": "a@example.com, b"}.items():  # fmt: skip
        page.fill(f"#{field}", text)
    page.fill("#email-user", "migperf")
    page.click("text=Add channel")
    page.wait_for_selector("#email-port-problem:has-text('integer')")
    assert page.inner_text("#email-to-problem").startswith("to.1: give an address alone")
    page.fill("#email-port", "25")
    page.fill("#email-to", "a@example.com, b@example.com")
    page.click("text=Add channel")
    page.wait_for_selector("#form-problems:has-text('user and password belong together')")
    page.fill("#email-password", " p ")
    page.click("text=Add channel")
    page.wait_for_selector("#channels:has-text('a@example.com, b@example.com')")
    [kept] = client.get("/v1/channels").json()["items"]
    assert (kept["kind"], kept["settings"]["port"], kept["settings"]["user"]) == ("email", 25, "migperf")
    assert page.is_hidden("#secret")
