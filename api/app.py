"""The application: its routes, pages and middleware."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

import migperf
from api import refusals
from api.access import AccessMiddleware
from api.body_limit import BodyLimitMiddleware
from api.failed_attempts import FailedAttempts
from api.headers import NoSniffMiddleware
from api.openapi import DESCRIPTION, operation_id, with_problems
from api.pages import Pages
from api.placement import PlacementPasses
from api.routes import (
    advice,
    advisor_pages,
    alert_pages,
    alerts,
    benchmark,
    channels,
    chart_script,
    compare_page,
    comparison,
    events,
    experiment_pages,
    experiments,
    gpus,
    health,
    histories,
    history_import,
    history_pages,
    key_pages,
    keys,
    layout_pages,
    layouts,
    metrics,
    pages,
    partitions,
    regression_pages,
    regressions,
    results,
    run_table,
    runs,
    runs_pages,
    schedule_pages,
    schedules,
    sign_in,
    submit_pages,
    workload_pages,
    workloads,
)
from api.url_check import UrlCheckMiddleware
from migperf.jobs.dispatch import Dispatcher
from migperf.settings import Settings, load_settings
from migperf.store import schema
from migperf.store.database import Database

_log = logging.getLogger(__name__)
ROUTERS = (
    run_table.router,  # before that of runs: there a table would be a run's id
    runs.router,
    events.router,
    results.router,
    benchmark.router,
    comparison.router,
    experiments.router,
    schedules.router,
    histories.router,
    histories.of_runs,
    regressions.router,
    history_import.router,
    advice.router,
    channels.router,
    alerts.router,
    workloads.router,
    partitions.router,
    gpus.router,
    layouts.router,
    keys.router,
    keys.who_router,
    health.router,
    metrics.router,
    pages.router,
    pages.open_router,
    layout_pages.router,
    advisor_pages.router,
    runs_pages.router,
    compare_page.router,
    experiment_pages.router,
    schedule_pages.router,
    alert_pages.router,
    key_pages.router,
    history_pages.router,
    regression_pages.router,
    chart_script.router,
    submit_pages.router,
    workload_pages.router,
    sign_in.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application. It connects to the database when it is started, not before."""
    app = FastAPI(
        title="migperf",
        version=migperf.__version__,
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its pages load their scripts from elsewhere; the document itself is served
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        generate_unique_id_function=operation_id,
    )
    app.state.settings = settings or load_settings()
    app.state.pages = Pages()
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("api") / "static")))
    app.add_middleware(BodyLimitMiddleware, limit_bytes=app.state.settings.max_body_bytes)
    if app.state.settings.authenticates:
        app.state.failed_attempts = FailedAttempts()
        app.add_middleware(AccessMiddleware, settings=app.state.settings)
    app.add_middleware(UrlCheckMiddleware)
    app.add_middleware(NoSniffMiddleware)
    refusals.install(app)
    app.openapi = with_problems(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the database and the way to the broker open while the application runs. Raises SchemaError."""
    settings: Settings = app.state.settings
    settings.require_guarded()
    if settings.is_exposed and not settings.authenticates:
        _log.warning("authentication is off, and other hosts may reach %s:%s", settings.host, settings.port)
    database = Database(settings.sqlalchemy_url)
    try:
        await run_in_threadpool(schema.require_head, database)
        dispatcher = Dispatcher(database, settings)
        try:
            app.state.database, app.state.passes = database, PlacementPasses(dispatcher)
            yield
        finally:
            await run_in_threadpool(dispatcher.close)
    finally:
        database.close()
