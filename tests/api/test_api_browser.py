"""The pages of experiments in a browser, behind a path prefix: what their scripts do, and what they must not."""

from typing import TYPE_CHECKING, Any

from migperf.store import experiments
from migperf.store.database import Database, now
from migperf.store.models import GroupRow, Run
from migperf.store.states import RunState
from tests.analysis.experiments.made_experiments import Coordinates, Ending, cell, end_open_runs, made
from tests.api.browsing import PREFIX, in_browser, opened
from tests.api.test_api_experiments import YAML_FILE

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIL = '<img src=x onerror="hit = 1">'

pytestmark = in_browser


def end_some(database: Database, experiment_id: str, count: int, ending: Ending | None = None) -> None:
    """End so many queued runs of the experiment."""
    left = [count]

    def told(run: Run, group: GroupRow, coordinates: Coordinates) -> Ending | None:
        left[0] -= 1
        return (ending or Ending()) if left[0] >= 0 else None

    with database.write() as session:
        end_open_runs(session, experiment_id, told)
        experiments.settle(session, now(session))


def test_what_is_wrong_with_a_file_is_said_at_the_form_and_the_text_stays(page: "Page") -> None:
    opened(page, "/experiments/new").fill("#file", "migperf: 1\nname: [a\n")
    page.click("#plan-button")
    page.get_by_role("button", name="Go there").click()
    assert "line 3, column 1: this is not YAML" in page.inner_text("#problems")
    assert page.evaluate("document.activeElement.id") == "file"
    assert page.evaluate("document.activeElement.selectionStart") == len("migperf: 1\nname: [a\n")
    assert page.input_value("#file") == "migperf: 1\nname: [a\n"
    page.fill("#file", YAML_FILE.replace("repeats: 2", "repeats: 0"))
    page.click("#plan-button")
    page.wait_for_selector("#problems code:has-text('repeats')")
    assert "greater than or equal to 1" in page.inner_text("#problems")
    assert page.get_attribute("#file", "aria-invalid") == "true"


def test_what_was_planned_can_be_submitted_and_nothing_else(page: "Page", tmp_path: Any) -> None:
    opened(page, "/experiments/new")
    assert page.is_disabled("#submit-button")
    (tmp_path / "steps.yaml").write_text(YAML_FILE.replace("matrix:", "sharing: pinned\nmatrix:\n  clients: [1, 9]"))
    page.set_input_files("#chosen", tmp_path / "steps.yaml")
    page.wait_for_function("document.getElementById('file').value.includes('sharing')")
    page.click("#plan-button")
    page.wait_for_selector("#submit-button:enabled")
    plan = page.inner_text("#plan")
    told = ("a processor", "4, 2 of them skipped", "4 in 4 repeats", "by what the benchmarks ask for", "none needed")
    assert [words for words in told if words not in plan] == []
    assert "clients 9, step_ms 1\tskipped: 9 runs cannot have cores of their own" in plan
    page.locator("#file").press_sequentially("#")
    assert page.is_disabled("#submit-button"), "the text is another one"
    assert page.is_hidden("#plan")
    page.click("#plan-button")
    page.click("#submit-button")
    page.wait_for_url(f"**{PREFIX}/experiments/0*")
    assert "0 of 4 repeats have ended" in page.inner_text("#standing")


def test_the_page_follows_an_experiment_and_keeps_focus_and_scroll(page: "Page", database: Database) -> None:
    experiment_id = made(database, [cell(number=number) for number in range(40)], lambda *_: None, repeats=2)
    opened(page, f"/experiments/{experiment_id}")
    last_row = page.locator("#cell-39 a").first
    last_row.focus()
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0
    end_some(database, experiment_id, 79)
    page.wait_for_selector("#standing:has-text('79 of 80 repeats have ended')")
    assert last_row.inner_text() == "succeeded"
    assert page.evaluate("document.activeElement.closest('tr').id") == "cell-39"
    assert page.evaluate("scrollY") == scrolled
    end_some(database, experiment_id, 1, Ending(reason=EVIL, state=RunState.FAILED))
    # On a busy host the page is slow to make, and is asked for less often.
    page.wait_for_selector("#standing[data-ended]", timeout=45_000)
    assert page.title().startswith("study, finished")
    assert EVIL in page.inner_text("#cell-39")
    assert page.locator("img").count() == 0


def test_an_experiment_is_cancelled_taken_up_again_and_deleted(page: "Page", database: Database) -> None:
    experiment_id = made(database, [cell(number=1)], lambda *_: None)
    opened(page, f"/experiments/{experiment_id}")
    page.click("[data-action=cancel]")
    page.wait_for_selector("#standing:has-text('cancelled')")
    with database.write() as session:
        experiments.resume(session, experiment_id, now(session))
    page.click("[data-action=resume]")
    page.wait_for_selector("#problems:has-text('is going on; cancel it first')")
    page.click("[data-action=cancel]")
    page.wait_for_selector("[data-action=resume]")
    assert page.inner_text("#problems") == ""
    page.click("text=Delete …")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="hidden")
    page.click("text=Delete …")
    page.click("text=Delete for good")
    page.wait_for_url(f"**{PREFIX}/experiments")
    assert "No experiment has been submitted yet" in page.inner_text("main")


def test_what_a_file_says_is_shown_as_text_by_the_script_too(page: "Page") -> None:
    opened(page, "/experiments/new")
    page.fill("#file", YAML_FILE.replace("matrix:", f"matrix:\n  '{EVIL}': {{'{EVIL}': {{}}}}"))
    page.click("#plan-button")
    page.wait_for_selector("#submit-button:enabled")
    assert f"{EVIL} {EVIL}" in page.inner_text("#planned")
    page.fill("#file", f"'{EVIL}': 1")
    page.click("#plan-button")
    page.wait_for_selector("#problems li")
    assert EVIL in page.inner_text("#problems")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_service_that_is_away_is_said_and_the_text_stays(page: "Page") -> None:
    opened(page, "/experiments/new")
    page.unroute("**/*")
    page.route("**/plan", lambda route: route.abort())
    page.click("#plan-button")
    page.wait_for_selector("#problems:has-text('the service cannot be reached')")
    assert page.is_enabled("#plan-button")
    assert page.input_value("#file").startswith("migperf: 1")
