"""From a demand to the advice. Loads the solver, so it is imported where it is needed."""

from sqlalchemy.orm import Session

from api.field_errors import invalid
from api.schemas.advice import AdviceView
from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.boards import BoardStock, named_stock, stock_at_hand
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.errors import AdviceError
from migperf.analysis.advisor.stored import read_evidence
from migperf.store.database import Database
from migperf.store.gpus import describe, list_gpus


def advice_on(database: Database, demand: Demand) -> AdviceView:
    """Return the answer to a demand, from figures given by hand and from stored runs. Raises RequestValidationError.

    The database is free again before anything is solved.
    """
    try:
        with database.read() as session:
            boards = _boards(session, demand)
            read = read_evidence(session, demand)
        advice = advise(demand, boards, read.evidence, read.slowdowns)
    except AdviceError as error:
        raise invalid(("body", *map(str, error.where)), str(error), error.given) from error
    return AdviceView.of(advice, tainted=read.tainted)


def _boards(session: Session, demand: Demand) -> tuple[BoardStock, ...]:
    if isinstance(demand.gpus, str):
        return stock_at_hand(map(describe, list_gpus(session)))
    return named_stock(demand.gpus)
