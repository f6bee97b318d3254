"""The catalogue of payloads."""

from fastapi import APIRouter

from api.dependencies import AppLinks
from api.needs import READ
from api.problems import NOT_FOUND, documented
from api.schemas.workloads import WorkloadDetail, WorkloadList, WorkloadView
from workloads.registry import card, catalogue

router = APIRouter(prefix="/v1/workloads", tags=["workloads"], dependencies=[READ])


@router.get("", summary="List workloads", responses=documented())
def list_workloads(links: AppLinks) -> WorkloadList:
    """Return every payload that is installed, by name."""
    return WorkloadList(items=[WorkloadView.of(found, links) for found in catalogue().values()])


@router.get("/{name}", summary="Show a workload", responses=documented(NOT_FOUND))
def get_workload(name: str, links: AppLinks) -> WorkloadDetail:
    """Return one payload with the JSON Schema of its parameters."""
    return WorkloadDetail.of(card(name), links)
