"""The GPUs that a demand may use: those that it names, or those that the service knows."""

from sqlalchemy.orm import Session

from migperf.analysis.advisor.boards import BoardStock, named_stock, stock_at_hand
from migperf.analysis.advisor.demand import Demand
from migperf.store.gpus import describe, list_gpus


def asked_boards(session: Session, demand: Demand) -> tuple[BoardStock, ...]:
    """Return the boards that a demand may use. Raises AdviceError for one that is not known, or none at hand."""
    if isinstance(demand.gpus, str):
        return stock_at_hand(map(describe, list_gpus(session)))
    return named_stock(demand.gpus)
