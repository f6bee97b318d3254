"""Pages offer no button that would be refused; and what is not offered is refused all the same."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from migperf.access.scope import Scope
from migperf.settings import Settings
from migperf.store.database import Database
from migperf.store.history_tables import HistoryRow, RegressionRow
from migperf.store.models import ScheduleRow
from tests import history_builder
from tests.analysis.experiments.made_experiments import cell, made
from tests.api.gpu_host import GpuHost
from tests.api.keyed import OWN_ORIGIN, guarded, opened, signed_in
from tests.api.keyed import made as made_key
from tests.api.serving import TestClient
from tests.api.steps import measured, submitted
from tests.api.test_api_history_pages import worse
from tests.api.test_api_schedule_pages import page_of, text_of


@pytest.fixture
def guarded_app(settings: Settings) -> FastAPI:
    """The application, which asks for keys."""
    return guarded(settings)


@pytest.fixture
def visitor(guarded_app: FastAPI) -> Iterator[TestClient]:
    """Somebody who has not signed in yet."""
    with opened(guarded_app) as client:
        yield client


def stored(database: Database, host: GpuHost) -> dict[str, tuple[str, Scope]]:
    """Store something for each page to act on; return for each page a piece of its live button, and the scope."""
    worse(database, confirm_runs=0)
    history_builder.scheduled(database)
    experiment_id, queued, ended = made(database, [cell()], lambda *_: None), submitted(database), measured(database)
    with database.read() as session:
        history, regression, schedule = (
            session.scalars(select(row.id)).first() for row in (HistoryRow, RegressionRow, ScheduleRow)
        )
    return {
        "/": ('href="/submit">Submit from', Scope.SUBMIT),
        f"/runs/{queued}": ('data-action="cancel"', Scope.SUBMIT),
        f"/runs/{ended}": ('data-action="delete"', Scope.ADMIN),
        "/runs": ('data-action="delete"', Scope.ADMIN),
        f"/experiments/{experiment_id}": ('data-action="cancel"', Scope.SUBMIT),
        "/schedules": ('href="/schedules/new">New', Scope.SUBMIT),
        "/schedules/new": ('<button id="save" type="submit">', Scope.SUBMIT),
        f"/schedules/{schedule}": ('data-action="fire"', Scope.SUBMIT),
        f"/histories/{history}": ("data-leave-out", Scope.SUBMIT),
        f"/regressions/{regression}": ('data-state="acknowledged">', Scope.SUBMIT),
        f"/layouts?gpu={host.gpu().uuid}": ('data-action="plan"', Scope.OPERATE),
        "/submit": ('<button id="submit" type="submit">', Scope.SUBMIT),
        "/experiments/new": ('aria-describedby="submit-hint">Submit', Scope.SUBMIT),
        "/alerts": ('<button id="add-channel" type="submit">', Scope.ADMIN),
        "/workloads/test-step": ('class="button" href="/submit?workload', Scope.SUBMIT),
    }


def live(page: str) -> list[str]:
    """Return the buttons of a page that do something by a script, by what they do."""
    buttons = re.findall(r"<button[^>]*>", page)
    does = r"data-(action|state|watch|leave-out|take-in)="
    return [button for button in buttons if re.search(does, button) and not re.search(r"\sdisabled[\s>]", button)]


HARMLESS = ("log", "copy", "clear")


def test_each_button_is_there_for_those_alone_who_may_press_it(
    visitor: TestClient, database: Database, host: GpuHost
) -> None:
    pages = stored(database, host)
    for granted in (frozenset({Scope.READ}), frozenset({Scope.READ, Scope.SUBMIT}), frozenset(Scope)):
        best = max(granted, key=list(Scope).index)
        client = signed_in(visitor, made_key(database, best))
        for path, (button, scope) in pages.items():
            page = page_of(client, path)
            assert (button in page) == (scope in granted), (path, best)


def test_a_reader_is_told_what_is_missing_and_finds_nothing_to_press(
    visitor: TestClient, database: Database, host: GpuHost
) -> None:
    pages = stored(database, host)
    client = signed_in(visitor, made_key(database, Scope.READ))
    for path, (_, scope) in pages.items():
        page = page_of(client, path)
        assert [b for b in live(page) if not any(f'="{name}"' in b for name in HARMLESS)] == [], path
        if path != "/runs":
            assert f"needs a key with the scope {scope}" in text_of(page), path


def test_what_is_not_offered_is_refused(visitor: TestClient, database: Database) -> None:
    """Whoever makes the request without the button, in the very session, is refused by the route."""
    run_id = submitted(database)
    client = signed_in(visitor, made_key(database, Scope.READ))
    answer = client.post(f"/v1/runs/{run_id}/cancel", headers=OWN_ORIGIN)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/missing-scope")


def test_where_nobody_is_asked_everybody_may_press_everything(
    client: TestClient, database: Database, host: GpuHost
) -> None:
    for path, (button, _) in stored(database, host).items():
        page = page_of(client, path)
        assert button in page, path
        assert "needs a key" not in page, path
