"""The page that Prometheus scrapes."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from api.dependencies import AppDatabase, AppSettings
from api.exposition import DatabaseCollector
from api.needs import READ
from api.problems import documented

router = APIRouter(tags=["metrics"], dependencies=[READ])

Accept = Annotated[str, Header(description="OpenMetrics when it is asked for, else the text format of Prometheus.")]


@router.get(
    "/metrics",
    summary="Show metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=documented(),
)
def get_metrics(database: AppDatabase, settings: AppSettings, accept: Accept = "") -> Response:
    """Return GPUs, partitions, nodes, runs and layout changes as they are now."""
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(database, settings.node_stale_s))
    encode, media_type = choose_encoder(accept)
    return Response(encode(registry), media_type=media_type)
