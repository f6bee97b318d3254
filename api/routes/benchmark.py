"""Reading a benchmark without running it."""

from fastapi import APIRouter

from api.json_body import JsonRoute
from api.needs import READ
from api.problems import BODY_TOO_LARGE, MALFORMED_JSON, NOT_JSON, VALIDATION, documented
from api.schemas.runs import BenchmarkReading
from migperf.store.requests import RunRequest

router = APIRouter(prefix="/v1/benchmark", tags=["runs"], route_class=JsonRoute, dependencies=[READ])
_REFUSED = documented(VALIDATION, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE, instance="/v1/benchmark")


@router.post("", summary="Read a benchmark", responses=_REFUSED)
def read_benchmark(body: RunRequest) -> BenchmarkReading:
    """Return the benchmark of a submission with every default written out, and its fingerprint. Nothing is stored.

    With the fingerprint, earlier runs of the same benchmark can be found before a new one is submitted.
    """
    return BenchmarkReading.of(body)
