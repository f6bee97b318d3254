"""Submitting from a browser, behind a path prefix: what is wrong is told at its field, and what would be sent."""

from typing import TYPE_CHECKING

from tests.api.browsing import PREFIX, in_browser, opened
from tests.api.serving import TestClient

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser


def test_a_run_is_chosen_mended_and_submitted(page: "Page", client: TestClient) -> None:
    opened(page, "/submit")
    page.wait_for_selector("[data-equivalent=cli]:has-text('migperf submit resnet18')")
    page.wait_for_selector("#places:has-text('free cpu of a processor on node-9')")
    page.fill("#workload-filter", "test-st")
    page.select_option("#workload", "test-step")
    page.wait_for_selector("#parameters-step_ms")
    page.select_option("#scenario", "multi_stream")
    page.fill("#load-streams", "3")
    page.fill("#parameters-samples", "0")
    page.wait_for_selector("#parameters-samples-problem:has-text('greater than or equal to 1')")
    assert page.get_attribute("#parameters-samples", "aria-invalid") == "true"
    assert page.is_hidden("[data-equivalent=cli]")
    page.click("#submit")
    page.wait_for_selector("#parameters-samples:focus")
    page.fill("#parameters-samples", "2")
    page.wait_for_selector("[data-equivalent=cli]:has-text('-p samples=2')")
    assert "--load streams=3" in page.inner_text("[data-equivalent=cli]")
    page.select_option("#scenario", "single_stream")
    page.wait_for_selector("[data-equivalent=python]:has-text('single_stream')")
    assert "streams=3" not in page.inner_text("[data-equivalent=cli]"), "what is hidden is not sent"
    page.select_option("#where-kind", "mig")
    page.wait_for_selector("#outlook:has-text('no partition of a living node has kind=mig; there is cpu')")
    page.select_option("#where-kind", "")
    page.click("summary:has-text('Labels')")
    page.fill("#seed", "9007199254740993")
    page.fill("#labels", "commit=4f1c\nnote=a=b")
    page.click("summary:has-text('Method')")
    page.check("[data-none='method.precision']")
    page.wait_for_selector("[data-equivalent=curl]:has-text('\"precision\": null')")
    page.wait_for_selector("[data-equivalent=curl]:has-text('a=b')")
    page.click("#submit")
    page.wait_for_url(f"**{PREFIX}/runs/0*")
    [run] = client.get("/v1/runs").json()["items"]
    assert (run["workload"], run["labels"]) == ("test-step", {"commit": "4f1c", "note": "a=b"})
    assert run["benchmark"]["seed"] == 9007199254740993, "a script's numbers do not hold it"
    assert (run["benchmark"]["parameters"]["samples"], run["benchmark"]["method"]["precision"]) == (2, None)
    page.click("text=Repeat")
    page.wait_for_selector("[data-equivalent=cli]:has-text('-p samples=2')")
    assert page.input_value("#parameters-samples") == "2"


def test_the_workload_that_was_asked_for_is_seen_in_the_list(page: "Page") -> None:
    opened(page, "/submit?workload=null")
    page.wait_for_selector("[data-equivalent=cli]:has-text('migperf submit null')")
    box, chosen = (page.locator(each).bounding_box() for each in ("#workload", "#workload option:checked"))
    assert box is not None
    assert chosen is not None
    assert box["y"] <= chosen["y"]
    assert chosen["y"] + chosen["height"] <= box["y"] + box["height"]


def test_workloads_are_filtered_by_words(page: "Page") -> None:
    opened(page, "/workloads")
    page.fill("#filter", "1512.03385 50")
    page.wait_for_selector("#found:has-text('1 of ')")
    assert page.is_hidden("text=Vision transformers")
    page.fill("#filter", "no such thing")
    page.wait_for_selector("#none:visible")
