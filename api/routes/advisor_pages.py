"""The web page of the advisor: the form of a demand, which is in its address, and the answer drawn."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api.advice_page import AnswerPage
from api.advisor_page import NO_FILE, AdvisorPage, FileView
from api.demand_fields import PARTS
from api.demand_file import form_of_file
from api.demand_form import DemandForm
from api.dependencies import AppDatabase, AppLinks, AppPages, AppSettings
from api.links import Links
from api.needs import READ
from api.pages import Pages
from migperf.analysis.advisor.demand import Demand
from migperf.errors import DocumentError
from migperf.settings import Settings
from migperf.store.database import Database

router = APIRouter(prefix="/advisor", include_in_schema=False, default_response_class=HTMLResponse, dependencies=[READ])
CHANGE = "change"
"""The name of buttons that change the form instead of asking: ``add PART ROW``, ``remove PART NUMBER`` or ``fill``.

The page's script sends others, such as ``look``, to be told what is wrong, and nothing more.
"""


@router.get("")
def show_form(
    request: Request, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Show the form with what the address says; without that, with a demand that can be answered."""
    pairs = request.query_params.multi_items()
    form = DemandForm.of(pairs) if pairs else None
    with database.read() as session:
        page = AdvisorPage.of(session, form, links, settings.api_url)
    return pages.render("advisor.html", links, page=page, answer=None)


@router.post("")
async def answer_form(
    request: Request, database: AppDatabase, settings: AppSettings, links: AppLinks, pages: AppPages
) -> HTMLResponse:
    """Answer the demand of the form, or show the form as one of its buttons changes it. Nothing is stored."""
    body = (await request.body()).decode(errors="replace")
    pairs = dict(parse_qsl(body, keep_blank_values=True))
    return await run_in_threadpool(_answer, pairs, database, settings, links, pages)


def _answer(
    pairs: Mapping[str, str], database: Database, settings: Settings, links: Links, pages: Pages
) -> HTMLResponse:
    change, form, file = pairs.get(CHANGE), DemandForm.of(pairs.items()), NO_FILE
    if change == "fill":
        form, file = _filled(form, pairs.get("file", ""))
    elif change is not None:
        form = _changed(form, change)
    with database.read() as session:
        page = AdvisorPage.of(session, form, links, settings.api_url, asked=change is None, file=file)
    demand = page.check.demand
    answer = None
    if change is None and demand is not None:
        answer = _answered(database, demand, page)
    return pages.render("advisor.html", links, page=page, answer=answer)


def _answered(database: Database, demand: Demand, page: AdvisorPage) -> AnswerPage:
    from api.advising import advice_on  # loads the solver, which starting the API must not wait for

    return AnswerPage.of(advice_on(database, demand), demand, page.form, page.known.own, page.links)


def _filled(form: DemandForm, text: str) -> tuple[DemandForm, FileView]:
    try:
        return form_of_file(text), NO_FILE
    except DocumentError as error:
        return form, FileView(text, "\n".join(": ".join(filter(None, problem)) for problem in error.problems))


def _changed(form: DemandForm, change: str) -> DemandForm:
    """Return the form with a row more or less; unchanged where that makes no sense."""
    doing, _, rest = change.partition(" ")
    part, _, what = rest.partition(" ")
    if part not in PARTS:
        return form
    if doing == "remove" and what.isdecimal():
        return form.without_row(part, int(what))
    return form.with_row(part, _row(what)) if doing == "add" else form


def _row(text: str) -> Mapping[str, str]:
    try:
        found: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        found = {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
