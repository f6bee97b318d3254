"""How to cut GPUs for a demand."""

from fastapi import APIRouter

from api.dependencies import AppDatabase
from api.json_body import JsonRoute
from api.needs import READ
from api.problems import BODY_TOO_LARGE, MALFORMED_JSON, NOT_JSON, VALIDATION, documented
from api.schemas.advice import AdviceView
from migperf.analysis.advisor.demand import Demand

router = APIRouter(prefix="/v1/advice", tags=["advice"], route_class=JsonRoute, dependencies=[READ])


@router.post(
    "", summary="Advise on layouts", responses=documented(VALIDATION, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE)
)
def get_advice(body: Demand, database: AppDatabase) -> AdviceView:
    """Return the layouts and the assignment that serve a demand with the fewest GPUs, or that make the most of them.

    From what runs have measured and from figures in the request. Nothing is stored, and no GPU is cut. A demand that
    the GPUs cannot serve is answered with what stands in the way.
    """
    from api.advising import advice_on  # loads the solver, which starting the API must not wait for

    return advice_on(database, body)
