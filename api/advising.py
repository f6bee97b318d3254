"""From a demand to the advice. Loads the solver, so it is imported where it is needed."""

from api.field_errors import invalid
from api.schemas.advice import AdviceView
from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.asked_boards import asked_boards
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.errors import AdviceError
from migperf.analysis.advisor.stored import read_evidence
from migperf.store.database import Database


def advice_on(database: Database, demand: Demand) -> AdviceView:
    """Return the answer to a demand, from figures given by hand and from stored runs. Raises RequestValidationError.

    The database is free again before anything is solved.
    """
    try:
        with database.read() as session:
            boards = asked_boards(session, demand)
            read = read_evidence(session, demand)
        advice = advise(demand, boards, read.evidence, read.slowdowns)
    except AdviceError as error:
        raise invalid(("body", *map(str, error.where)), str(error), error.given) from error
    return AdviceView.of(advice, tainted=read.tainted)
