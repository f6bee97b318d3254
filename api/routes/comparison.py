"""Comparing runs with one another."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import AppDatabase
from api.needs import READ
from api.problems import NOT_FOUND, VALIDATION, documented
from api.schemas.comparison import ComparisonView
from api.schemas.queries import ComparisonQuery

router = APIRouter(prefix="/v1/comparison", tags=["comparison"], dependencies=[READ])


@router.get("", summary="Compare runs", responses=documented(NOT_FOUND, VALIDATION, instance="/v1/comparison"))
def compare_runs(query: Annotated[ComparisonQuery, Query()], database: AppDatabase) -> ComparisonView:
    """Return for each candidate whether it is faster or slower than the baseline, and what differs besides.

    Computed from the steps of the runs' measured windows, each time anew. The level is that of each comparison alone.
    """
    from api.comparing import compare  # loads scipy, which starting the API must not wait for

    return compare(database, query)
