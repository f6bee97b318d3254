"""From exceptions to problems: which error becomes which kind, told as a document or, to a person, as a page."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.errors import (
    CrossOriginError,
    MalformedJsonError,
    MalformedYamlError,
    MissingScopeError,
    NotCuttableError,
    NotJsonError,
    NulCharacterError,
    RunsInTheWayError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from api.given import bounded, clipped
from api.problem_page import problem_page, wants_page
from api.problems import (
    BAD_CURSOR,
    BAD_URL,
    CONFLICT,
    CROSS_ORIGIN,
    IDEMPOTENCY_MISMATCH,
    MALFORMED_JSON,
    MALFORMED_YAML,
    MISSING_SCOPE,
    NOT_CUTTABLE,
    NOT_FOUND,
    NOT_JSON,
    RUNS_IN_THE_WAY,
    TOO_MANY_ATTEMPTS,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNEXPECTED,
    VALIDATION,
    FieldProblem,
    ProblemKind,
    plain_kind,
    problem_response,
)
from migperf.errors import ConflictError, DocumentError, NotFoundError, remedy
from migperf.store.listing import BadCursorError
from migperf.store.runs import IdempotencyMismatchError
from migperf.store.schema import SchemaError
from workloads.registry import UnknownWorkloadError

MAX_ERRORS = 20
MAX_DETAIL = 600
RETRY_AFTER_S = 5
_log = logging.getLogger(__name__)

REFUSALS: Mapping[type[Exception], ProblemKind] = {
    MalformedJsonError: MALFORMED_JSON,
    MalformedYamlError: MALFORMED_YAML,
    NotJsonError: NOT_JSON,
    NulCharacterError: BAD_URL,
    NotFoundError: NOT_FOUND,
    UnknownWorkloadError: NOT_FOUND,
    ConflictError: CONFLICT,
    NotCuttableError: NOT_CUTTABLE,
    RunsInTheWayError: RUNS_IN_THE_WAY,
    IdempotencyMismatchError: IDEMPOTENCY_MISMATCH,
    BadCursorError: BAD_CURSOR,
}
ACCESS: Mapping[type[Exception], ProblemKind] = {
    UnauthenticatedError: UNAUTHENTICATED,
    MissingScopeError: MISSING_SCOPE,
    CrossOriginError: CROSS_ORIGIN,
    TooManyAttemptsError: TOO_MANY_ATTEMPTS,
}
CHALLENGE = 'Bearer realm="migperf"'


def install(app: FastAPI) -> None:
    """Make the application answer every error with a problem."""
    for error in REFUSALS:
        app.add_exception_handler(error, refuse)
    for error in ACCESS:
        app.add_exception_handler(error, refuse_access)
    for error in (SchemaError, OperationalError, PoolTimeoutError):
        app.add_exception_handler(error, refuse_for_now)
    app.add_exception_handler(RequestValidationError, refuse_invalid)
    app.add_exception_handler(DocumentError, refuse_document)
    app.add_exception_handler(HTTPException, refuse_plainly)
    app.add_exception_handler(Exception, fail)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer an error that is the client's to mend."""
    kind = next(REFUSALS[base] for base in type(error).__mro__ if base in REFUSALS)
    return _answer(request, kind, clipped(str(error), MAX_DETAIL))


async def refuse_access(request: Request, error: Exception) -> Response:
    """Answer somebody who is not known, or may not do this."""
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, TooManyAttemptsError):
        headers["Retry-After"] = str(error.wait_s)
    return _answer(request, ACCESS[type(error)], str(error), headers=headers)


async def refuse_for_now(request: Request, error: Exception) -> Response:
    """Answer while the database is away or of another version."""
    _log.warning("%s %s: %s", request.method, request.url.path, error)
    detail = str(error) if isinstance(error, SchemaError) else "the database cannot be reached, or is too busy"
    return _answer(request, UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


async def refuse_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that does not validate, naming each field."""
    found: Sequence[Mapping[str, Any]] = error.errors() if isinstance(error, RequestValidationError) else ()
    problems = [_field_problem(e) for e in found[:MAX_ERRORS]]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    detail = f"{problems[0].field}: {problems[0].detail}{more}"
    return _answer(request, VALIDATION, detail, errors=problems)


async def refuse_document(request: Request, error: Exception) -> Response:
    """Answer an experiment or a schedule that cannot be understood, naming each place in its file."""
    found = error.problems if isinstance(error, DocumentError) else ()
    problems = [FieldProblem(field=clipped(place), detail=clipped(what, MAX_DETAIL)) for place, what in found]
    return _answer(request, VALIDATION, clipped(str(error), MAX_DETAIL), errors=problems[:MAX_ERRORS])


async def refuse_plainly(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, or a method that the path does not have."""
    if not isinstance(error, HTTPException):
        return await fail(request, error)
    detail = {
        404: f"there is nothing at this path; {request.scope.get('root_path', '')}/v1/openapi.json lists what is",
        405: f"{request.method} is not possible here; see the Allow header",
    }.get(error.status_code, str(error.detail))
    kind = plain_kind(error.status_code)
    return _answer(request, kind, detail, headers=error.headers)


async def fail(request: Request, error: Exception) -> Response:
    """Answer an error that nobody foresaw: log it, and tell the client no more than where in the log."""
    incident = uuid.uuid4().hex[:16]
    _log.error("incident %s: %s %s", incident, request.method, request.url.path, exc_info=error)
    detail = f"an unexpected error; the service has logged it as incident {incident}"
    return _answer(request, UNEXPECTED, detail, incident=incident)


def _answer(
    request: Request,
    kind: ProblemKind,
    detail: str,
    *,
    errors: Sequence[FieldProblem] | None = None,
    incident: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if wants_page(request):
        return problem_page(request, kind, detail, errors=errors or (), headers=headers)
    return problem_response(kind, detail, request.url.path, errors=errors, incident=incident, headers=headers)


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    detail = remedy(error)
    given = {} if error["type"] == "missing" or "input" not in error else {"given": bounded(error["input"])}
    return FieldProblem(field=_path(error["loc"]), detail=clipped(detail, MAX_DETAIL), **given)


def _path(location: Sequence[str | int]) -> str:
    """``("body", "parameters", "batch_size")`` as ``parameters.batch_size``; the body itself is ``body``."""
    source, *inner = location
    return clipped(".".join(str(part) for part in inner or [source]))
