"""The explorer of layouts in a browser: simulated boards are planned for, cut and followed through the page."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migperf.store import changes
from migperf.store.database import Database
from tests.api.browsing import in_browser, opened
from tests.api.gpu_host import GpuHost

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_browser


@dataclass(frozen=True)
class Board:
    """A board, its profile of everything, one that is added first, one that then overlaps, and one that fits."""

    key: str
    whole: str
    first: str
    overlaps: str
    second: str


BOARDS = (
    Board("h100-80gb", "7g.80gb", "3g.40gb@4", "2g.20gb@4", "2g.20gb@0"),
    Board("a100-40gb", "7g.40gb", "3g.20gb@4", "2g.10gb@4", "2g.10gb@0"),
    Board("a30-24gb", "4g.24gb", "2g.12gb@2", "1g.6gb@3", "1g.6gb@0"),
)


@pytest.fixture(params=BOARDS, ids=[board.key for board in BOARDS])
def board(request: pytest.FixtureRequest) -> Board:
    """Each board in turn."""
    found: Board = request.param
    return found


@pytest.fixture
def host(database: Database, tmp_path: Path, board: Board) -> GpuHost:
    """A node with that board, MIG turned on."""
    found = GpuHost.registered(database, tmp_path, board.key)
    found.enable_mig()
    return found


def carry_out_next(host: GpuHost, database: Database) -> None:
    """Do what a worker does with the next change that is asked for."""
    stopped = threading.Event()
    for _ in range(400):
        with database.read() as session:
            waiting = [change.id for change in changes.waiting(session)]
        if waiting:
            host.carry_out(waiting[0])
            return
        stopped.wait(0.05)


def test_a_layout_is_put_together_planned_applied_and_seen(
    page: "Page", host: GpuHost, database: Database, board: Board
) -> None:
    uuid = host.gpu().uuid
    opened(page, f"/layouts?gpu={uuid}&layout=empty")
    page.focus(f"[aria-label='Add {board.first}']")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#layout-text:has-text('{board.first}')")
    focused = page.evaluate("document.activeElement.ariaLabel")
    assert focused == f"Why not {board.first}", "the keyboard stays where it was"
    page.click(f"[aria-label='Why not {board.overlaps}']")
    page.wait_for_selector(f"#objection:has-text('would overlap with {board.first}')")
    page.click(f"[aria-label='Add {board.second}']")
    both = f"{board.first}+{board.second}"
    page.wait_for_selector(f"#layout-text:has-text('{both}')")
    page.click("[data-action=plan]")
    page.wait_for_selector(f"#steps:has-text('create GPU instance {board.first}')")
    worker = threading.Thread(target=carry_out_next, args=(host, database))
    worker.start()
    page.click("[data-action=apply]")
    page.wait_for_selector("#change:has-text('Applied: ')")
    worker.join(20)
    assert str(host.gpu().layout) == both
    opened(page, f"/layouts?gpu={uuid}")
    assert page.inner_text("#layout-text") == both
    page.go_back()


def test_force_is_asked_for_with_what_it_costs(page: "Page", host: GpuHost, board: Board) -> None:
    host.cut(board.whole)
    run = host.run_on(host.partition(board.whole))
    opened(page, f"/layouts?gpu={host.gpu().uuid}&layout={board.first}")
    page.click("[data-action=plan]")
    page.wait_for_selector(f"#in-the-way:has-text('{run}')")
    assert not page.is_visible("[data-action=apply]")
    page.click("[data-action=force]")
    page.wait_for_selector(f"#forced:has-text('{run}')")
    page.click("text=Let them run")
    assert page.inner_text("#change") == ""


def test_a_board_that_needs_a_reset_first_says_so_when_a_change_is_planned(
    page: "Page", database: Database, tmp_path: Path
) -> None:
    ampere = GpuHost.registered(database, tmp_path, "a100-40gb")
    opened(page, f"/layouts?gpu={ampere.gpu().uuid}&layout=3g.20gb@4")
    page.click("[data-action=plan]")
    page.wait_for_selector("#problems:has-text('needs a reset to turn MIG on')")
    assert page.is_hidden("#plan")
