"""From a question about stored runs to its answer. Loads the statistics, so it is imported where it is needed."""

from api.field_errors import invalid
from api.schemas.comparison import ComparisonView
from api.schemas.queries import ComparisonQuery
from migperf.analysis.comparison import compare_runs
from migperf.analysis.errors import IncomparableError
from migperf.analysis.measured import read_runs
from migperf.analysis.question import Question
from migperf.analysis.sides import BASELINE, CANDIDATE
from migperf.store.database import Database


def compare(database: Database, query: ComparisonQuery) -> ComparisonView:
    """Return the comparison that was asked for. Raises NotFoundError and RequestValidationError.

    The database is free again before anything is computed.
    """
    question = Question(statistic=query.statistic, margin=query.margin, level=query.level, paired=query.paired)
    try:
        with database.read() as session:
            first, *others = query.sides
            baseline = read_runs(session, BASELINE, first)
            candidates = [read_runs(session, CANDIDATE, side) for side in others]
        return ComparisonView.of(baseline, question, compare_runs(baseline, candidates, question))
    except IncomparableError as error:
        raise invalid(("query", error.field), str(error), error.given) from error
