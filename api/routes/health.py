"""Whether the service is up, and whether it can work: for supervisors and load balancers."""

from fastapi import APIRouter

import migperf
from api import fleet
from api.dependencies import AppDatabase, AppSettings
from api.needs import OPEN
from api.problems import documented
from api.schemas.health import Health, Readiness
from migperf.store import schema

router = APIRouter(prefix="/v1", tags=["health"], dependencies=[OPEN])


@router.get("/health", summary="Tell whether the process is up", responses=documented())
async def get_health() -> Health:
    """Answer, touching nothing else."""
    return Health(version=migperf.__version__)


@router.get("/ready", summary="Tell whether the service can take runs", responses=documented())
def get_readiness(database: AppDatabase, settings: AppSettings) -> Readiness:
    """Answer 200 when the database can be reached and has the right schema, else 503 saying which is missing."""
    schema.require_head(database)
    with database.read() as session:
        alive = sum(node.alive for node in fleet.node_list(session, settings.node_stale_s).items)
    return Readiness(database=database.engine.dialect.name, schema=schema.head(), nodes_alive=alive)
